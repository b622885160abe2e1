"""The state of message templates: read from the platform, told by its notices, and what it means for the messages that use them.

    PAUSED, PENDING, IN_APPEAL ...     the messages wait; when the platform lifts it they go at once
    REJECTED, DISABLED, DELETED ...    they will never go: `Hold.final`
    FLAGGED                            promotions wait, service notices still go

A status is the platform's word, kept as it came. Every change leaves a `TemplateChange`. Rows are never removed: messages refer to them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from connectors.errors import ConnectorError, Gone, Rejected
from scrm.connections.models import Connection
from scrm.connections.services import channel_of, is_callable_now, report_failure
from scrm.conversations.models import Message, MessageTemplate, TemplateChange, TemplateSync
from scrm.conversations.services import touch
from scrm.conversations.template_states import CODES, FINAL, NOT_APPROVED, SENDABLE, key_of
from scrm.conversations.template_text import NotFillable, content_of, fill, places_of
from scrm.core import clock, jobs
from scrm.core.security import storable
from scrm.staff.models import User

__all__ = ["NotFillable", "category_of", "content_for", "hold_of", "hold_reasons", "note_status", "places", "render", "sync_all"]

logger = logging.getLogger(__name__)

# What an event of message_template_status_update makes of the status; events that are not here are kept as notes.
STATUS_AFTER = {
    "APPROVED": "APPROVED",
    "REINSTATED": "APPROVED",
    "UNPAUSED": "APPROVED",
    "UNFLAGGED": "APPROVED",
    "UNARCHIVED": "APPROVED",
    "REJECTED": "REJECTED",
    "PENDING": "PENDING",
    "IN_APPEAL": "IN_APPEAL",
    "PAUSED": "PAUSED",
    "FLAGGED": "FLAGGED",
    "DISABLED": "DISABLED",
    "ARCHIVED": "ARCHIVED",
    "LIMIT_EXCEEDED": "LIMIT_EXCEEDED",
    "PENDING_DELETION": "PENDING_DELETION",
    "DELETED": "DELETED",
}
HELD_BY = "template_paused"  # the law's name for it, see policy.py
HOLD_CODES = ("132015", "132001", "134101")

# Two events of one template a few seconds apart may come in either order with clocks that differ; hours apart they may not.
CLOCK_SLACK = timedelta(seconds=5)
SYNC_EVERY = timedelta(hours=1)
SYNC_LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a message may not go with its template. `final`: it never will; else it waits for the platform."""

    reason: str
    code: str
    final: bool


# --- what it means for messages ---------------------------------------------------------------------------------------


def category_of(template: MessageTemplate) -> str:
    """Our category for the law. What the platform calls neither utility nor authentication counts as a promotion."""
    return {"UTILITY": "utility", "AUTHENTICATION": "authentication"}.get(template.category.upper(), "marketing")


def hold_of(message: Message) -> str:
    """The reason for which this message must not be handed over now; "" when it may. See `hold_reasons` for wait or never."""
    hold = hold_reasons([message]).get(message.pk)
    return hold.reason if hold else ""


def hold_reasons(messages: Iterable[Message]) -> dict[int, Hold]:
    """What holds each of these messages, by message id; one query. Templates that are not known are left to the platform's answer."""
    named = {m.pk: (m, key_of(m.connection_id, m.content)) for m in messages if m.kind == "template"}
    if not named:
        return {}
    keys = [key for _, key in named.values()]
    rows = MessageTemplate.objects.filter(connection__in={k[0] for k in keys}, name__in={k[1] for k in keys})
    known = {
        (connection, name, language.replace("-", "_")): status
        for connection, name, language, status in rows.values_list("connection_id", "name", "language", "status")
    }
    holds = {pk: _hold(key[1], known.get(key, ""), message.category) for pk, (message, key) in named.items()}
    return {pk: hold for pk, hold in holds.items() if hold}


def _hold(name: str, status: str, category: str) -> Hold | None:
    if not status or (status in SENDABLE and not (status == "FLAGGED" and category == Message.Category.MARKETING)):
        return None
    code = CODES.get(status, NOT_APPROVED)
    if status in FINAL:
        return Hold(f"The template {name} cannot be sent any more: {status.lower().replace('_', ' ')}", code, final=True)
    return Hold(f"The template {name} waits for the platform: {status.lower().replace('_', ' ')}", code, final=False)


def wake_held(template: MessageTemplate) -> int:
    """Make due what waited for this template; how many. The law is asked again before each of them goes, so waking too many is harmless."""
    waiting = Message.objects.filter(
        connection_id=template.connection_id,
        state=Message.State.QUEUED,
        kind="template",
        due_at__gt=clock.now(),
        content__name=template.name,
    ).filter(Q(error_code__in=HOLD_CODES) | Q(decisions__rule=HELD_BY))
    language = template.language.replace("-", "_")
    found = [(m.pk, m.conversation_id) for m in waiting.distinct() if key_of(m.connection_id, m.content)[2] == language]
    if not found:
        return 0
    ids = [pk for pk, _ in found]
    woken = Message.objects.filter(pk__in=ids, state=Message.State.QUEUED).update(due_at=clock.now(), error_code="", error_title="")
    touch(sorted({conversation for _, conversation in found}))
    jobs.wake_on_commit("outbox")
    return woken


# --- what the platform tells ------------------------------------------------------------------------------------------


def note_status(connection: Connection, external_id: str, name: str, language: str, status: str, reason: str, at: datetime) -> int:
    """Obey a status event of the platform and wake or end what waited; how many templates it changed.

    `status` is the event's word (APPROVED, REINSTATED, PAUSED ...). Events older than what is known change nothing. For a template that
    is not known here, the account's templates are read anew. Idempotent.
    """
    rows = _told(connection, external_id, name, language)
    if not rows:
        request_sync(connection)
        return 0
    return sum(_apply_event(row, status.upper(), reason, at) for row in rows)


@transaction.atomic
def _apply_event(template: MessageTemplate, event: str, reason: str, at: datetime) -> bool:
    row = MessageTemplate.objects.select_for_update(of=("self",)).get(pk=template.pk)
    reason = "" if reason.upper() == "NONE" else storable(reason)[:500]
    if row.status_at and at < row.status_at - CLOCK_SLACK:
        return False
    wanted = STATUS_AFTER.get(event, row.status)
    if wanted == row.status and event in STATUS_AFTER:
        return False
    if event not in STATUS_AFTER:
        if not row.changes.filter(kind="note", at=at, after=event[:20]).exists():
            _changed(row, "note", "", event, reason, at)
        return False
    set_status(row, wanted, reason=reason, at=at)
    return True


def set_status(row: MessageTemplate, status: str, *, reason: str = "", at: datetime, by: User | None = None) -> None:
    """Write the new status with its history; what waits for the template goes or ends now. Inside a transaction."""
    _changed(row, "status", row.status, status, reason, at, by)
    row.status, row.reason, row.status_at = status[:20], reason[:500], at
    row.save(update_fields=["status", "reason", "status_at"])
    if status in SENDABLE | FINAL:
        wake_held(row)


def note_quality(connection: Connection, external_id: str, name: str, language: str, quality: str, at: datetime) -> int:
    """A new quality score (GREEN, YELLOW, RED, UNKNOWN) of a template; how many templates it changed."""
    return sum(_set_quality(row, quality.upper(), at) for row in _told(connection, external_id, name, language))


def _set_quality(row: MessageTemplate, quality: str, at: datetime) -> bool:
    if row.quality == quality[:10]:
        return False
    _changed(row, "quality", row.quality, quality, "", at)
    row.quality = quality[:10]
    row.save(update_fields=["quality"])
    return True


def note_category(
    connection: Connection, external_id: str, name: str, language: str, *, category: str = "", announced: str = "", at: datetime
) -> int:
    """The platform files a template under another category: now (`category`), or in a day (`announced`).

    The category decides which rules of the law apply, see `category_of`. How many templates it changed.
    """
    return sum(_set_category(row, category.upper(), announced.upper(), at) for row in _told(connection, external_id, name, language))


def _set_category(row: MessageTemplate, category: str, announced: str, at: datetime) -> bool:
    changed = False
    if announced and announced != (row.next_category or row.category):
        _changed(row, "announced", row.category, announced, "", at)
        row.next_category, changed = announced[:20], True
    elif not announced and category and category != row.category:
        _changed(row, "category", row.category, category, "", at)
        row.category, row.next_category, changed = category[:20], "", True
    if changed:
        row.save(update_fields=["category", "next_category"])
    return changed


def _told(connection: Connection, external_id: str, name: str, language: str) -> list[MessageTemplate]:
    """The rows that a notice speaks of: by name and language here, by id also on the other numbers of the same account."""
    named = Q(connection=connection, name=name, language__in={language, language.replace("-", "_")})
    by_id = Q(external_id=external_id, connection__adapter=connection.adapter) if external_id else Q(pk__in=[])
    return list(MessageTemplate.objects.filter(named | by_id).exclude(status=MessageTemplate.Status.DRAFT))


def _changed(row: MessageTemplate, kind: str, before: str, after: str, reason: str, at: datetime, by: User | None = None) -> TemplateChange:
    return TemplateChange.objects.create(template=row, kind=kind, before=before[:20], after=after[:20], reason=reason[:500], at=at, by=by)


# --- reading all ------------------------------------------------------------------------------------------------------


def request_sync(connection: Connection) -> None:
    """Read this account's templates soon: something changed that the notice does not hold (new ones, changed texts)."""
    TemplateSync.objects.update_or_create(connection=connection, defaults={"asked_at": clock.now()})
    jobs.wake_on_commit("templates")


def sync_due() -> int:
    """Read the templates of one account that asks for it; 0 when none does. The drain step."""
    now = clock.now()
    asking = TemplateSync.objects.filter(asked_at__isnull=False).select_related("connection").order_by("asked_at")
    for row in asking:
        if not _usable(row.connection) or not _take(row, now):
            continue
        _try_sync(row.connection)
        return 1
    return 0


def _take(row: TemplateSync, now: datetime) -> bool:
    """By a conditional update: one worker reads an account at a time, and a request during the reading is not lost."""
    free = Q(started_at=None) | Q(finished_at__gte=F("started_at")) | Q(started_at__lt=now - SYNC_LEASE)
    return bool(TemplateSync.objects.filter(free, pk=row.pk, asked_at=row.asked_at).update(started_at=now, asked_at=None))


def sync_all() -> None:
    """Ask for every channel that has not been read within the hour."""
    now = clock.now()
    read = TemplateSync.objects.filter(finished_at__gt=now - SYNC_EVERY, error="").values("connection")
    for connection in Connection.objects.filter(kind="channel", state=Connection.State.ACTIVE).exclude(pk__in=read):
        request_sync(connection)
    while sync_due():
        pass


def _usable(connection: Connection) -> bool:
    return connection.state == Connection.State.ACTIVE and is_callable_now(connection, clock.now())


def _try_sync(connection: Connection) -> None:
    try:
        sync_templates(connection)
    except ConnectorError as error:
        logger.warning("templates of %s not read: %s", connection.slug, type(error).__name__)
        if not isinstance(error, Rejected | Gone):
            report_failure(connection, error)


def sync_templates(connection: Connection) -> int:
    """Take over all templates of an account, every page; how many there are. Those that are gone there are marked DELETED here.

    Drafts are ours and stay. Raises the connector's error, which is kept for the page that shows how the reading went.
    """
    began = clock.now()
    TemplateSync.objects.update_or_create(connection=connection, defaults={"started_at": began})
    try:
        items = [item for item in channel_of(connection).templates() if item.get("name") and item.get("language")]
    except ConnectorError as error:
        TemplateSync.objects.filter(connection=connection).update(finished_at=clock.now(), error=str(error)[:500])
        raise
    changed = _take_over(connection, items, began)
    TemplateSync.objects.filter(connection=connection).update(finished_at=clock.now(), read=len(items), changed=changed, error="")
    return len(items)


@transaction.atomic
def _take_over(connection: Connection, items: list[dict[str, Any]], began: datetime) -> int:
    rows: QuerySet[MessageTemplate] = MessageTemplate.objects.select_for_update(of=("self",)).filter(connection=connection)
    known = {(row.name, row.language): row for row in rows.order_by("pk")}
    changed = 0
    seen: set[tuple[str, str]] = set()
    for item in items:
        key = (str(item["name"])[:512], str(item["language"])[:10])
        seen.add(key)
        row = known.get(key)
        if row is None:
            changed += _add(connection, key, item, began)
        elif row.status != "DRAFT" or row.submitted_at is not None:
            changed += _update(row, item, began)
    for key, row in known.items():
        if key not in seen and row.status not in {"DRAFT", "DELETED"} and not _just_submitted(row, began):
            set_status(row, "DELETED", at=began)
            changed += 1
    return changed


def _just_submitted(row: MessageTemplate, began: datetime) -> bool:
    """Submitted after the list was asked for: its absence says nothing."""
    return row.submitted_at is not None and row.submitted_at >= began - CLOCK_SLACK


def _add(connection: Connection, key: tuple[str, str], item: dict[str, Any], now: datetime) -> int:
    row = MessageTemplate.objects.create(
        connection=connection, name=key[0], language=key[1], **_fields(item), status="", status_at=now, synced_at=now
    )
    set_status(row, _word(item, "status", 20), reason=_word(item, "reason", 500), at=now)
    return 1


def _fields(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "category": _word(item, "category", 20),
        "quality": _word(item, "quality", 10),
        "external_id": _word(item, "external_id", 60),
        "components": storable(item.get("components") or []),
    }


def _word(item: dict[str, Any], name: str, longest: int) -> str:
    return str(item.get(name) or "")[:longest]


def _update(row: MessageTemplate, item: dict[str, Any], began: datetime) -> int:
    """Take over what differs. A status that a notice told after the list was asked for is newer than the list."""
    given, before = _fields(item), {name: getattr(row, name) for name in ("category", "quality", "components", "external_id")}
    kinds = {"category": "category", "quality": "quality"}
    for name in (name for name in kinds if given[name] and before[name] != given[name]):
        _changed(row, kinds[name], before[name], given[name], "", began)
        if name == "category":
            row.next_category = ""
    if before["components"] != given["components"] and before["components"]:
        _changed(row, "text", "", "", "", began)
    for name, value in given.items():
        setattr(row, name, value)
    row.synced_at = began
    row.save(update_fields=[*given, "next_category", "synced_at"])
    status, told_since = _word(item, "status", 20), row.status_at is not None and row.status_at > began
    if status and status != row.status and not told_since:
        set_status(row, status, reason=_word(item, "reason", 500), at=began)
        return 1
    return int(given != before)


# --- text ------------------------------------------------------------------------------------------------------------


def places(template: MessageTemplate) -> list[str]:
    """The names of a partner's values: a place of the body by its own name ("1", "name"), others as "header_1", "button_0" ..."""
    return [place.public for place in places_of(template.components)]


def render(template: MessageTemplate, values: dict[str, Any]) -> str:
    """The text a person will read. Raises `NotFillable`. Values are put in as they are: nothing in them is ever evaluated."""
    return fill(template.components, values, now=clock.now()).text


def content_for(template: MessageTemplate, values: dict[str, Any]) -> dict[str, Any]:
    """The content of a template message for `services.queue_message`."""
    return content_of(template.name, template.language, template.components, values)
