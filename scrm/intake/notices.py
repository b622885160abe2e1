"""What a platform tells beside messages and statuses. All of it is kept in the ledger; this table says what each kind does.

A kind that is not in the table is only kept and listed. The platform's words are read where its connector is: `data["facts"]` are facts
of the number in our spelling (connectors: quality, messaging_limit, throughput, coexistence), `data["standing"]` what the account may do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.contracts import Notice
from scrm.connections.models import Connection
from scrm.connections.probes import look_soon
from scrm.connections.services import remember_facts
from scrm.contacts.services import Sender, record_consent, resolve_many
from scrm.conversations import governor, templates
from scrm.core.security import storable
from scrm.intake import line_notices
from scrm.intake.standing import concerned, learn, obey_standing

Effect = Callable[[Connection, Notice, datetime], None]


def apply_notice(connection: Connection, notice: Notice, *, at: datetime) -> None:
    """Do what a notice asks for. `at` is the time of receipt, used where the platform gave none. Inside the batch's transaction."""
    effect = EFFECTS.get(str(notice.data.get("means") or notice.kind))
    if effect:
        effect(connection, notice, notice.occurred_at or at)


def _obey_preference(connection: Connection, notice: Notice, at: datetime) -> None:
    """The person switched promotions off or on in the app; this is an opt-out that must be honoured."""
    value = _word(notice, "value")
    if value not in {"stop", "resume"} or not notice.subject:
        return
    (identity,) = resolve_many([Sender(notice.subject, at=at)])
    record_consent(identity, purpose="marketing", allowed=value == "resume", source="platform", evidence=notice.key, at=at)


def _note_template_status(connection: Connection, notice: Notice, at: datetime) -> None:
    """Approved, rejected, paused, ...: the reason is the platform's, and what it adds (which pause, what to change) behind it."""
    templates.note_status(connection, *_template(notice), _word(notice, "event"), _reason(notice), at)


def _note_template_quality(connection: Connection, notice: Notice, at: datetime) -> None:
    templates.note_quality(connection, *_template(notice), _word(notice, "new_quality_score"), at)


def _note_template_category(connection: Connection, notice: Notice, at: datetime) -> None:
    """A change is announced a day ahead (`correct_category` beside the present one), then told as done (`previous_category`)."""
    announced = _word(notice, "correct_category")
    category = "" if announced else _word(notice, "new_category")
    templates.note_category(connection, *_template(notice), category=category, announced=announced, at=at)


def _read_templates_again(connection: Connection, notice: Notice, at: datetime) -> None:
    """The notice holds the new text without its examples and headers; the list has all of it."""
    templates.request_sync(connection)


def _learn_facts(connection: Connection, notice: Notice, at: datetime) -> None:
    for row in concerned(connection, notice):
        learn(row, notice, at=at)


def _learn_and_look(connection: Connection, notice: Notice, at: datetime) -> None:
    """The notice says that the number was flagged or no longer is; how good it is now only the number's page says."""
    for row in concerned(connection, notice):
        learn(row, notice, at=at)
        look_soon(row)
        row.refresh_from_db(fields=["facts"])
        governor.steer(row)


def _learn_and_obey(connection: Connection, notice: Notice, at: datetime) -> None:
    for row in concerned(connection, notice):
        learn(row, notice, at=at)
        obey_standing(row, notice, at=at)


def _keep_on_the_number(connection: Connection, notice: Notice, at: datetime) -> None:
    """Shown on the connection's page; changes nothing."""
    remember_facts(connection, {notice.kind: storable(notice.data)})


EFFECTS: dict[str, Effect] = {
    "user_preferences": _obey_preference,
    "message_template_status_update": _note_template_status,
    "message_template_quality_update": _note_template_quality,
    "template_category_update": _note_template_category,
    "message_template_components_update": _read_templates_again,
    "phone_number_quality_update": _learn_and_look,
    "business_capability_update": _learn_facts,
    "smb_app_state_sync": _learn_facts,
    "history": _learn_and_obey,
    "account_update": _learn_and_obey,
    "account_review_update": _learn_and_obey,
    "account_alerts": _learn_and_obey,
    "phone_number_name_update": _learn_and_obey,
    "security": _learn_and_obey,
    "business_username_update": _keep_on_the_number,
    "errors": _keep_on_the_number,
    **line_notices.EFFECTS,
}


def _template(notice: Notice) -> tuple[str, str, str]:
    """Which template: the platform's id, name and language."""
    return tuple(_word(notice, f"message_template_{part}") for part in ("id", "name", "language"))  # type: ignore[return-value]


def _reason(notice: Notice) -> str:
    """Why, in the platform's words: its reason, the pause's name, what it recommends."""
    parts = [_word(notice, "reason")]
    for name, keys in (("other_info", ("title", "description")), ("rejection_info", ("reason", "recommendation"))):
        given = notice.data.get(name)
        parts += [str(given.get(key, "")) for key in keys] if isinstance(given, dict) else []
    if isinstance(notice.data.get("disable_info"), dict):
        parts.append(str(notice.data["disable_info"].get("disable_date", "")))
    return storable("; ".join(dict.fromkeys(part for part in parts if part and part.upper() != "NONE")))[:500]


def _word(notice: Notice, name: str) -> str:
    value = notice.data.get(name)
    return storable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
