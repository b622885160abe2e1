"""What a platform tells beside messages and statuses. All of it is kept in the ledger; some of it must be obeyed."""

from __future__ import annotations

from datetime import datetime

from connectors.contracts import Notice
from scrm.connections.models import Connection
from scrm.connections.services import remember_facts
from scrm.contacts.services import Sender, record_consent, resolve_many
from scrm.conversations.models import MessageTemplate
from scrm.core.security import storable

REMEMBERED = frozenset(
    {"phone_number_quality_update", "business_capability_update", "account_update", "account_review_update", "phone_number_name_update"}
)


def apply_notice(connection: Connection, notice: Notice, *, at: datetime) -> None:
    """Obey opt-outs and template states, remember what is said of the number. Other kinds are only kept."""
    if notice.kind == "user_preferences" and notice.subject:
        _obey_preference(notice, at)
    elif notice.kind == "message_template_status_update":
        _note_template(connection, notice)
    elif notice.kind in REMEMBERED:
        remember_facts(connection, {notice.kind: storable(notice.data)})


def _obey_preference(notice: Notice, at: datetime) -> None:
    """The person switched promotions off or on in the app; this is an opt-out that must be honoured."""
    value = str(notice.data.get("value", ""))
    if value not in {"stop", "resume"}:
        return
    (identity,) = resolve_many([Sender(notice.subject, at=notice.occurred_at or at)])
    record_consent(
        identity, purpose="marketing", allowed=value == "resume", source="platform", evidence=notice.key, at=notice.occurred_at or at
    )


def _note_template(connection: Connection, notice: Notice) -> None:
    known = MessageTemplate.objects.filter(
        connection=connection,
        name=str(notice.data.get("message_template_name", "")),
        language=str(notice.data.get("message_template_language", "")),
    )
    status = {
        "APPROVED": "APPROVED",
        "REINSTATED": "APPROVED",
        "UNPAUSED": "APPROVED",
        "PAUSED": "PAUSED",
        "DISABLED": "DISABLED",
        "REJECTED": "REJECTED",
    }
    event = str(notice.data.get("event", ""))
    if event in status:
        known.update(status=status[event])
