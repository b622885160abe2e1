"""What the acts on the audit are called."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, str | Promise] = {
    "contacts.merged": _("Contacts merged"),
    "contacts.merge_undone": _("Merge undone"),
    "contacts.kept_apart": _("Contacts kept apart"),
    "contacts.list_exported": _("Contacts exported"),
    "contacts.exported": _("Person exported"),
    "contacts.export_fetched": _("Export of a person downloaded"),
    "contacts.erase_asked": _("Erasure asked for"),
    "contacts.erased": _("Person erased"),
    "contacts.erasure_replayed": _("Erasure repeated after a restore"),
    "contacts.hold_set": _("Legal hold set"),
    "contacts.hold_lifted": _("Legal hold lifted"),
    "contacts.consent_recorded": _("Consent entered by hand"),
    "contacts.imported": _("Contacts imported"),
    "contacts.import_undone": _("Import undone"),
    "staff.rights_changed": _("Rights changed"),
    "staff.logged_in": _("Logged in"),
    "staff.logged_out": _("Logged out"),
    "staff.login_failed": _("Wrong password"),
    "staff.session_ended": _("Session ended"),
    "staff.password_changed": _("Password changed"),
    "staff.second_factor_set_up": _("Second factor set up"),
    "staff.second_factor_failed": _("Wrong code of the second factor"),
    "staff.second_factor_removed": _("Second factor taken away"),
    "staff.recovery_codes_renewed": _("Recovery codes renewed"),
    "sync.fields_changed": _("Synchronised fields changed"),
    "sync.went_live": _("CRM went live"),
    "api.token_issued": _("Partner token issued"),
    "api.token_revoked": _("Partner token revoked"),
    "hooks.subscribed": _("Webhook subscribed"),
    "hooks.unsubscribed": _("Webhook cancelled"),
    "hooks.secret_rotated": _("Webhook's signing secret renewed"),
    "campaigns.started": _("Campaign started"),
    "campaigns.paused": _("Campaign paused"),
    "campaigns.resumed": _("Campaign resumed"),
    "campaigns.stopped": _("Campaign stopped"),
    "conversations.resent": _("Message sent again by hand"),
}


def action_name(action: str) -> str:
    return str(ACTIONS.get(action, action))
