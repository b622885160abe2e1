"""What became of the messages that we sent, as the platform tells it: in any order, more than once, sometimes before we know the message.

A status finds its message by our own reference, which travels with it, or by the platform's id. A status without a message waits as
an `OrphanStatus` and is joined when the message's id becomes known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from connectors.contracts import PlatformError, StatusUpdate
from connectors.errors import Misconfigured, NeedsLogin
from scrm.connections.models import Connection
from scrm.connections.services import error_of, report_failure
from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.contacts.services import lock_people
from scrm.conversations import coupons, prices
from scrm.conversations.models import Conversation, Message, OrphanStatus
from scrm.conversations.remedies import obey
from scrm.conversations.standing import release
from scrm.conversations.states import after_status
from scrm.conversations.threads import touch
from scrm.core import clock
from scrm.core.rows import insert_new, update_many

ORPHANS_WAIT = timedelta(hours=72)
# The platform's stamps have no fractions.
WHOLE_SECONDS = timedelta(seconds=1)
STATUS_FIELDS = (
    "state",
    "external_id",
    "accepted_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "error_code",
    "error_title",
    "price_category",
    "billable",
    "cost",
    "cost_currency",
    "lease_until",
    "due_at",
)


def client_ref(message: Message) -> str:
    """Our own name of a message, as the platform carries it. The tail keeps a reference of another installation from fitting."""
    tail = hashlib.sha256((message.idempotency_key or "").encode()).hexdigest()[:10]
    return f"m{message.pk}.{tail}"


def _id_in(ref: str) -> int | None:
    head = ref.partition(".")[0]
    return int(head[1:]) if head[:1] == "m" and head[1:].isdigit() and len(head) < 20 else None


def apply_statuses(connection: Connection, updates: Sequence[StatusUpdate]) -> int:
    """Move the messages' states forward. Returns how many statuses found their message; the others are kept."""
    found = _messages_for(connection, updates)
    fresh = _locked(found.values())
    changed: dict[int, Message] = {}
    orphans = []
    before = {pk: message.state for pk, message in fresh.items()}
    for update in sorted(updates, key=lambda update: update.occurred_at):
        message = found.get(update.key)
        if message is None:
            orphans.append(update)
        elif _apply(fresh[message.pk], update, connection):
            changed[message.pk] = fresh[message.pk]
    _write(connection, changed, before)
    _keep(connection, orphans)
    return len(updates) - len(orphans)


def _locked(messages: Iterable[Message]) -> dict[int, Message]:
    """The messages as they stand now, with their people locked: also those who were merged or separated a moment ago."""
    known = {message.pk: message for message in messages}
    people = {message.conversation.identity.contact_id for message in known.values()}
    for _ in range(5):
        lock_people(people)
        rows = Message.objects.filter(pk__in=set(known)).select_related("conversation__identity")
        known = {row.pk: row for row in rows}
        owners = {row.conversation.identity.contact_id for row in known.values()}
        if owners <= people:
            return known
        people = owners
    raise RuntimeError("people are being merged faster than they can be locked")


def people_told_of(connection: Connection, updates: Sequence[StatusUpdate]) -> set[int]:
    """The contacts whose messages these statuses are about, for a caller that locks a whole batch at once."""
    return {message.conversation.identity.contact_id for message in _messages_for(connection, updates).values()}


def _messages_for(connection: Connection, updates: Sequence[StatusUpdate]) -> dict[str, Message]:
    ours = Message.objects.filter(connection=connection, direction="out").select_related("conversation__identity")
    refs = [_id_in(update.client_ref) for update in updates]
    by_ref = {client_ref(m): m for m in ours.filter(pk__in=[pk for pk in refs if pk])}
    by_id = {m.external_id: m for m in ours.filter(external_id__in=[u.external_id for u in updates if u.external_id])}
    pairs = ((update.key, by_ref.get(update.client_ref) or by_id.get(update.external_id)) for update in updates)
    return {key: message for key, message in pairs if message is not None}


def _apply(message: Message, update: StatusUpdate, connection: Connection) -> bool:
    """Take one status over into the row (unsaved). False when it says nothing new."""
    before = [getattr(message, name) for name in STATUS_FIELDS]
    state = after_status(message.state, update.status)
    if state != message.state:
        message.state, message.lease_until, message.due_at = state, None, None
        if state == "failed":
            _note_error(message, update.errors)
        else:
            message.error_code = message.error_title = ""
    if not message.external_id:
        message.external_id = update.external_id[:200]
    _note_time(message, update.status, update.occurred_at)
    if update.price_category:
        message.price_category = update.price_category[:40]
        message.billable = update.billable
        prices.put_price(message, connection, prices.table())
    return before != [getattr(message, name) for name in STATUS_FIELDS]


def _note_time(message: Message, status: str, at: datetime) -> None:
    column = {"sent": "accepted_at", "delivered": "delivered_at", "read": "read_at", "failed": "failed_at"}[status]
    earlier = getattr(message, column)
    if status == "failed" and message.state != "failed":
        return
    setattr(message, column, min(earlier, at) if earlier else at)


def _note_error(message: Message, errors: Sequence[PlatformError]) -> None:
    error = errors[0] if errors else PlatformError(0, "The platform gave no reason")
    message.error_code = str(error.code) if error.code else "unknown"
    message.error_title = ": ".join(part for part in (error.title, error.detail) if part)[:500]


def _obey(connection: Connection, failed: Sequence[Message]) -> None:
    """A late failure asks for the same as one in the answer to the send."""
    now = clock.now()
    for message in failed:
        error = error_of(connection, message.error_code, message.error_title)
        if error is None:
            continue
        message.connection = connection
        obey(message, error, now)
        # An unpaid bill, a locked account: often told in the status alone. Not when the number was repaired since.
        if isinstance(error, NeedsLogin | Misconfigured) and _still_holds(connection, message):
            report_failure(connection, error)


def _still_holds(connection: Connection, message: Message) -> bool:
    told = message.failed_at or clock.now()
    return connection.state_changed_at is None or connection.state_changed_at <= told + WHOLE_SECONDS


def _write(connection: Connection, changed: dict[int, Message], before: dict[int, str]) -> None:
    if not changed:
        return
    update_many(Message, changed.values(), STATUS_FIELDS)
    touch({message.conversation_id for message in changed.values()})
    moved = [message for message in changed.values() if before[message.pk] != message.state]
    failed = [message for message in moved if message.state == "failed"]
    for message in failed:
        release(message)
    # A status may be all that is ever heard of a message; one that fails late has arrived nowhere.
    coupons.give_what_came([message for message in moved if before[message.pk] not in coupons.ARRIVED and message.state in coupons.ARRIVED])
    coupons.take_back(failed)
    _obey(connection, failed)
    _show_last(moved)
    events.record([_status_event(message) for message in failed] + [_status_event(m) for m in moved if m.state == "read"])


def _show_last(moved: Sequence[Message]) -> None:
    """The list shows the ticks of the last message."""
    for message in moved:
        Conversation.objects.filter(pk=message.conversation_id, last_direction="out", last_message_at__lte=message.created_at).update(
            last_state=message.state
        )


def _status_event(message: Message) -> Event:
    identity = message.conversation.identity
    data: dict[str, Any] = {"message": message.pk, "conversation": message.conversation_id}
    if message.error_code:
        data["code"] = message.error_code
    at = message.failed_at if message.state == "failed" else message.read_at
    return Event(
        contact_id=identity.contact_id, identity=identity, kind=f"message.{message.state}", occurred_at=at or clock.now(), data=data
    )


def _keep(connection: Connection, updates: Iterable[StatusUpdate]) -> None:
    rows = [
        OrphanStatus(
            connection=connection,
            external_id=update.external_id[:200],
            status=update.status,
            occurred_at=update.occurred_at,
            payload={
                "errors": [asdict(error) for error in update.errors],
                "client_ref": update.client_ref,
                "price_category": update.price_category,
                "billable": update.billable,
            },
            received_at=clock.now(),
        )
        for update in updates
        if update.external_id
    ]
    rows.sort(key=lambda row: (row.external_id, row.status))
    insert_new(OrphanStatus, rows, key="external_id")


def _update_from(orphan: OrphanStatus) -> StatusUpdate:
    payload = orphan.payload
    return StatusUpdate(
        key=f"orphan:{orphan.pk}",
        account_id="",
        external_id=orphan.external_id,
        status=orphan.status,  # type: ignore[arg-type]
        occurred_at=orphan.occurred_at,
        client_ref=payload.get("client_ref", ""),
        price_category=payload.get("price_category", ""),
        billable=payload.get("billable"),
        errors=tuple(PlatformError(**error) for error in payload.get("errors", ())),
    )


def join_orphans(connection: Connection, external_ids: Sequence[str]) -> int:
    """Apply what was said of these ids before we knew them. Called when ids become known, and by the sweep."""
    orphans = list(OrphanStatus.objects.filter(connection=connection, external_id__in=external_ids))
    if not orphans:
        return 0
    joined = apply_statuses(connection, [_update_from(orphan) for orphan in orphans])
    OrphanStatus.objects.filter(pk__in=[orphan.pk for orphan in orphans]).delete()
    return joined


def sweep_orphans() -> None:
    """Join what can be joined by now (a status may have crossed the answer to our send); forget what is older than 72 hours."""
    from django.db import transaction

    OrphanStatus.objects.filter(received_at__lt=clock.now() - ORPHANS_WAIT).delete()
    ids = list(OrphanStatus.objects.order_by("-id").values_list("connection_id", "external_id")[:2000])
    for connection in Connection.objects.filter(pk__in={pk for pk, _ in ids}):
        wanted = [external_id for pk, external_id in ids if pk == connection.pk]
        known = list(Message.objects.filter(connection=connection, external_id__in=wanted).values_list("external_id", flat=True))
        with transaction.atomic():
            join_orphans(connection, known)
