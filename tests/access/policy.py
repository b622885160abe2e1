"""Who may look and who may act, by prefix of the address: written by hand from docs/console.md, from nothing that the product generates.

The letters are the roles: p partner, a agent (of either team), s supervisor, d administrator; * is whoever is logged in. The longest
prefix of an address decides. Agents and partners see what reaches their teams; supervisors and administrators see all.
"""

from __future__ import annotations

ALL, STAFF, SUPERVISORS, ADMINISTRATORS, NOBODY, ANYBODY = "pasd", "asd", "sd", "d", "", "*"
Policy = tuple[str, str]

# Prefix: (who looks, who acts).
CONSOLE: dict[str, Policy] = {
    "admin/": (ANYBODY, ANYBODY),
    # Answering: partners read the conversations, staff answer.
    "admin/inbox/": (ALL, NOBODY),
    **{f"admin/inbox/{what}/": (NOBODY, STAFF) for what in ("messages", "later", "files", "tags", "coupons", "next", "presence")},
    **{
        f"admin/inbox/<int:pk>/{what}/": (NOBODY, STAFF)
        for what in (
            "send",
            "claim",
            "typing",
            "read",
            "assign",
            "transfer",
            "close",
            "reopen",
            "snooze",
            "person",
            "tag",
            "coupon",
            "hand-back",
        )
    },
    "admin/inbox/<int:pk>/macros/<int:macro>/": (NOBODY, STAFF),
    # Putting the list of first steps away is a wish of one's own.
    "admin/inbox/guide/hide/": (NOBODY, ALL),
    "admin/messages/": (ALL, NOBODY),
    "admin/files/": (ALL, NOBODY),
    # Duplicates and differences are the supervisors'.
    "admin/review/": (SUPERVISORS, NOBODY),
    **{
        f"admin/review/duplicates/<int:pk>/{what}/": (NOBODY, SUPERVISORS) for what in ("effect", "undo", "merge", "apart", "link", "later")
    },
    "admin/review/differences/<int:pk>/": (NOBODY, SUPERVISORS),
    "admin/review/differences/rules/": (NOBODY, SUPERVISORS),
    "admin/merges/": (SUPERVISORS, SUPERVISORS),
    # A person's page; what it says of them leaves the house or ends by higher hands.
    "admin/people/": (ALL, NOBODY),
    "admin/people/<int:pk>/consent/": (SUPERVISORS, SUPERVISORS),
    "admin/people/<int:pk>/export/": (NOBODY, SUPERVISORS),
    "admin/people/<int:pk>/exports/": (SUPERVISORS, NOBODY),
    "admin/people/<int:pk>/erase/": (ADMINISTRATORS, ADMINISTRATORS),
    "admin/people/<int:pk>/hold/": (NOBODY, ADMINISTRATORS),
    "admin/imports/": (SUPERVISORS, SUPERVISORS),
    **{f"admin/imports/<int:pk>/{what}": (SUPERVISORS, NOBODY) for what in ("", "errors/", "undo/")},
    **{
        f"admin/imports/<int:pk>/{what}/": (NOBODY, SUPERVISORS) for what in ("configure", "start", "pause", "resume", "stop", "undo/start")
    },
    "admin/exports/": (SUPERVISORS, SUPERVISORS),
    # Accounts, what runs, and what came in raw are the administrators'.
    "admin/setup/": (ADMINISTRATORS, ADMINISTRATORS),
    "admin/setup/<int:pk>/live/": (NOBODY, ADMINISTRATORS),
    "admin/sync/": (SUPERVISORS, NOBODY),
    "admin/sync/samples/<int:pk>/answer/": (NOBODY, ADMINISTRATORS),
    "admin/ledger/": (ADMINISTRATORS, NOBODY),
    # Figures over what each sees.
    "admin/reports/": (STAFF, NOBODY),
    "admin/core/": (ADMINISTRATORS, NOBODY),
    "admin/campaigns/segment/<int:pk>/size/": (SUPERVISORS, NOBODY),
    "admin/campaigns/campaign/<int:pk>/figures/": (SUPERVISORS, NOBODY),
    "admin/campaigns/campaign/<int:pk>/do/": (NOBODY, SUPERVISORS),
    "admin/campaigns/campaign/<int:pk>/test/": (NOBODY, SUPERVISORS),
    # A preview is drawn of what one writes.
    "admin/conversations/messagetemplate/preview/": (NOBODY, STAFF),
    "admin/conversations/messagetemplate/sync/": (NOBODY, SUPERVISORS),
    "admin/staff/user/<id>/password/": (ADMINISTRATORS, ADMINISTRATORS),
}

# Lists of the admin: who looks, who changes, who adds, who deletes.
MODELS: dict[str, tuple[str, str, str, str]] = {
    "contacts/contact": (ALL, STAFF, SUPERVISORS, NOBODY),
    "contacts/event": (ALL, NOBODY, NOBODY, NOBODY),
    "contacts/identity": (ALL, SUPERVISORS, NOBODY, NOBODY),
    # Decided by the buttons of its page, not by a form.
    "contacts/identitycase": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "contacts/numbersettlement": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "contacts/merge": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "contacts/matchrules": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, NOBODY),
    "contacts/erasure": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "commerce/coupon": (ALL, STAFF, STAFF, ADMINISTRATORS),
    "commerce/order": (ALL, SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS),
    "commerce/product": (ALL, SUPERVISORS, SUPERVISORS, ADMINISTRATORS),
    "conversations/message": (ALL, NOBODY, NOBODY, NOBODY),
    "conversations/decision": (ALL, NOBODY, NOBODY, NOBODY),
    "conversations/attachment": (ALL, NOBODY, NOBODY, NOBODY),
    "conversations/latermessage": (STAFF, NOBODY, NOBODY, NOBODY),
    "conversations/messageprice": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    # The platform keeps it; here it is given up, not deleted.
    "conversations/messagetemplate": (STAFF, SUPERVISORS, SUPERVISORS, NOBODY),
    "conversations/quickreply": (STAFF, SUPERVISORS, SUPERVISORS, SUPERVISORS),
    "conversations/surveyplan": (SUPERVISORS, SUPERVISORS, SUPERVISORS, SUPERVISORS),
    "console/macro": (SUPERVISORS, SUPERVISORS, SUPERVISORS, SUPERVISORS),
    "tags/tag": (ALL, SUPERVISORS, SUPERVISORS, ADMINISTRATORS),
    "tags/tagrule": (SUPERVISORS, SUPERVISORS, SUPERVISORS, ADMINISTRATORS),
    "automation/rule": (SUPERVISORS, SUPERVISORS, SUPERVISORS, ADMINISTRATORS),
    "automation/run": (STAFF, NOBODY, NOBODY, NOBODY),
    "campaigns/segment": (SUPERVISORS, SUPERVISORS, SUPERVISORS, ADMINISTRATORS),
    "campaigns/campaign": (SUPERVISORS, SUPERVISORS, SUPERVISORS, SUPERVISORS),
    "campaigns/recipient": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    # What was sent by it stays, and so does it; a token is withdrawn.
    "connections/connection": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, NOBODY),
    "connections/alert": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "connections/connectionchange": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "sync/push": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "sync/pull": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "sync/syncconflict": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "sync/postalcompletion": (SUPERVISORS, NOBODY, NOBODY, NOBODY),
    "sync/externalrecord": (STAFF, NOBODY, NOBODY, NOBODY),
    "sync/fieldmapping": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "sync/syncplan": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "core/auditentry": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "core/backuprun": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "core/heartbeat": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "core/timetable": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "hooks/endpoint": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "hooks/delivery": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "intake/inboundevent": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "intake/inbounditem": (ADMINISTRATORS, NOBODY, NOBODY, NOBODY),
    "api/partnertoken": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, NOBODY),
    "auth/group": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "staff/user": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, NOBODY),
    "staff/team": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "staff/businesshours": (SUPERVISORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "staff/shift": (SUPERVISORS, SUPERVISORS, SUPERVISORS, SUPERVISORS),
}

# Resource of the API: {method: the scope that it needs}. What is not named is not served.
API: dict[str, dict[str, str]] = {
    "contacts": {"GET": "contacts:read", "POST": "contacts:write"},
    "identities": {"GET": "contacts:read"},
    "tags": {"GET": "contacts:read"},
    "conversations": {"GET": "messages:read"},
    "templates": {"GET": "messages:read"},
    "campaigns": {"GET": "messages:read"},
    "recipients": {"GET": "messages:read"},
    "messages": {"GET": "messages:read", "POST": "messages:write"},
    "events": {"GET": "events:read"},
    "decisions": {"GET": "decisions:read"},
    "orders": {"GET": "orders:read"},
    "hooks": dict.fromkeys(("GET", "POST", "DELETE"), "hooks:write"),
}


def of(route: str) -> Policy:
    """Who looks and who acts at an address below /admin/."""
    parts = route.split("/")
    model = MODELS.get("/".join(parts[1:3]))
    own = max((prefix for prefix in CONSOLE if route.startswith(prefix)), key=len)
    if model is None or own.count("/") > 2:
        return CONSOLE[own]
    look, change, add, delete = model
    if parts[3] == "add":
        return add, add
    if parts[-2] == "delete":
        return delete, delete
    if parts[3] == "":
        return look, look
    return look, NOBODY if parts[-2] == "history" else change
