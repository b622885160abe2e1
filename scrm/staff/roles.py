"""The roles that come with the product: groups with the rights of each kind of work.

`install` makes those that are missing. One that is there stays as its administrator made it, unless it is to be reset.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q, QuerySet

AGENTS, SUPERVISORS, ADMINISTRATORS, PARTNERS = "Agents", "Supervisors", "Administrators", "Partners"
ROLES = (AGENTS, SUPERVISORS, ADMINISTRATORS, PARTNERS)

# A person of another company who looks on: reads what reaches their team's channels, and changes nothing.
_PARTNER = (
    "contacts.view_contact", "contacts.view_identity", "contacts.view_consent", "contacts.view_event", "conversations.view_conversation",
    "conversations.view_message", "conversations.view_decision", "tags.view_tag", "tags.view_tagassignment", "commerce.view_order",
    "commerce.view_shipment", "commerce.view_product", "commerce.view_coupon",
)  # fmt: skip
_AGENT = (
    *_PARTNER,
    "contacts.change_contact", "conversations.change_conversation", "conversations.add_message", "conversations.view_attachment",
    "conversations.view_quickreply", "conversations.view_messagetemplate", "conversations.view_response", "tags.add_tagassignment",
    "conversations.view_latermessage",
    "tags.change_tagassignment", "commerce.add_coupon", "commerce.change_coupon", "automation.view_run", "sync.view_externalrecord",
)  # fmt: skip
_SUPERVISOR = (
    *_AGENT,
    "staff.see_all", "staff.view_user", "staff.view_team", "staff.view_businesshours", "staff.add_shift", "staff.change_shift",
    "staff.delete_shift", "staff.view_shift",
    "contacts.add_contact", "contacts.add_consent", "contacts.change_consent", "contacts.change_identity", "contacts.import_contact",
    "contacts.export_contact", "contacts.export_person", "contacts.view_duplicatecase", "contacts.change_duplicatecase",
    "contacts.view_fieldconflict", "contacts.change_fieldconflict", "contacts.view_fieldrule", "contacts.add_fieldrule",
    "contacts.view_merge", "contacts.undo_merge", "contacts.view_identitycase", "contacts.change_identitycase",
    "contacts.view_numbersettlement", "contacts.view_matchrules", "contacts.view_import",
    "conversations.view_surveyplan", "conversations.add_surveyplan", "conversations.change_surveyplan", "conversations.delete_surveyplan",
    "console.view_macro", "console.add_macro", "console.change_macro", "console.delete_macro",
    "conversations.add_quickreply", "conversations.change_quickreply", "conversations.delete_quickreply",
    "conversations.add_messagetemplate", "conversations.change_messagetemplate", "conversations.view_messageprice",
    "tags.add_tag", "tags.change_tag", "tags.view_tagrule", "tags.add_tagrule", "tags.change_tagrule",
    "automation.view_rule", "automation.add_rule", "automation.change_rule",
    "campaigns.view_segment", "campaigns.add_segment", "campaigns.change_segment",
    "campaigns.view_campaign", "campaigns.add_campaign", "campaigns.change_campaign", "campaigns.delete_campaign",
    "campaigns.send_campaign", "campaigns.view_recipient",
    "commerce.change_order", "commerce.add_product", "commerce.change_product",
    "connections.view_connection", "connections.view_alert", "connections.view_connectionchange",
    "sync.view_push", "sync.view_pull", "sync.view_syncconflict", "sync.change_syncconflict", "sync.view_postalcompletion",
)  # fmt: skip
# Of the apps below, everything; django-q's own pages, which run whatever they are told to, are in none of them.
APPS = (
    "api", "automation", "campaigns", "commerce", "connections", "console", "contacts", "conversations", "core", "hooks", "intake",
    "reports", "staff", "sync", "tags",
)  # fmt: skip


def permissions_of(role: str) -> QuerySet[Permission]:
    """The rights that a role comes with. Raises ValueError for a word that is no role."""
    if role == ADMINISTRATORS:
        return Permission.objects.filter(
            Q(content_type__app_label__in=APPS) | Q(content_type__app_label="auth", codename__endswith="_group")
        )
    named = {AGENTS: _AGENT, SUPERVISORS: _SUPERVISOR, PARTNERS: _PARTNER}.get(role)
    if named is None:
        raise ValueError(f"{role} is no role; these are: {', '.join(ROLES)}")
    return Permission.objects.filter(_named(named))


def _named(names: Iterable[str]) -> Q:
    wanted = Q(pk__in=())
    for name in names:
        app, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return wanted


def install(*, reset: Iterable[str] = ()) -> list[str]:
    """Make the roles that are missing, and give those in `reset` the rights that they come with. Returns what was made or reset."""
    again, touched = set(reset), []
    with transaction.atomic():
        for role in ROLES:
            group, made = Group.objects.get_or_create(name=role)
            if made or role in again:
                group.permissions.set(permissions_of(role))
                touched.append(role)
    return touched
