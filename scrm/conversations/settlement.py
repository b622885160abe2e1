"""What the platform said to a message that was being sent, written down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.db.models import F

from connectors.contracts import Receipt
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable
from scrm.connections.models import Connection
from scrm.connections.services import report_failure, report_success
from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.conversations import coupons
from scrm.conversations.amendments import obey_amendments
from scrm.conversations.models import Conversation, Message, OrphanStatus
from scrm.conversations.remedies import obey, pair_wait
from scrm.conversations.standing import release
from scrm.conversations.statuses import join_orphans
from scrm.conversations.threads import lock_people_behind, locked, touch
from scrm.core import clock
from scrm.core.rows import update_many

logger = logging.getLogger(__name__)

BACK_OFF = (timedelta(seconds=20), timedelta(seconds=90))
UNREACHABLE_AFTER = timedelta(seconds=15)
MOST_REPEATS = 5


class Claimed(Protocol):
    """What an outcome is written under: the message and the fence of the worker that holds it."""

    @property
    def pk(self) -> int: ...
    @property
    def fence(self) -> int: ...
    @property
    def conversation_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    claim: Claimed
    message: Message
    receipt: Receipt


def mine(claimed: Claimed) -> Any:
    """The message, while this claim is its newest."""
    return Message.objects.filter(pk=claimed.pk, fence=claimed.fence)


# --- taken over -----------------------------------------------------------------------------------------------------


def accept(group: Sequence[Accepted]) -> None:
    """The platform took these messages over: all in one transaction, or one by one when two of them cannot be written together."""
    if not group:
        return
    try:
        with transaction.atomic():
            _accept(group)
    except IntegrityError:
        if len(group) == 1:
            raise
        for each in group:
            accept([each])
        return
    for number in {each.message.connection_id: each.message.connection for each in group}.values():
        if _had_trouble(number):
            report_success(number)


def _accept(group: Sequence[Accepted]) -> None:
    owners = lock_people_behind({each.claim.conversation_id for each in group})
    now = clock.now()
    rows = Message.objects.select_for_update(of=("self",)).filter(pk__in=[each.claim.pk for each in group]).order_by("pk")
    stored = {row.pk: row for row in rows.only("pk", "fence", "state", "external_id")}
    settled, late = [], []
    for each in group:
        row = stored.get(each.claim.pk)
        if row is None:
            continue
        external_id = each.receipt.external_id[:200]
        if row.fence == each.claim.fence and row.state in {"sending", "unknown"}:
            row.external_id, row.state, row.accepted_at = external_id, "accepted", now
            row.lease_until, row.due_at, row.error_code, row.error_title = None, None, "", ""
            settled.append(row)
        elif not row.external_id:
            # A status overtook our own bookkeeping; only what it could not know is filled in.
            row.external_id = external_id
            late.append(row)
    update_many(Message, settled, ["external_id", "state", "accepted_at", "lease_until", "due_at", "error_code", "error_title"])
    update_many(Message, late, ["external_id"])
    coupons.give_what_came([each.message for each in group if each.claim.pk in stored and stored[each.claim.pk].state in coupons.ARRIVED])
    obey_amendments([each.message for each in group if each.message.kind == "reaction"])
    _show_accepted(group)
    events.record([_sent_event(each, owners, now) for each in group])
    _join_early_statuses(group)


def _join_early_statuses(group: Sequence[Accepted]) -> None:
    """Statuses that came before the answers. Mostly there are none: one look for all numbers together."""
    numbers = {each.message.connection_id: each.message.connection for each in group}
    ids = {each.receipt.external_id for each in group}
    early = set(OrphanStatus.objects.filter(connection__in=numbers, external_id__in=ids).values_list("connection_id", flat=True))
    for number in numbers.values():
        if number.pk in early:
            join_orphans(number, [each.receipt.external_id for each in group if each.message.connection_id == number.pk])


def _show_accepted(group: Sequence[Accepted]) -> None:
    """The list shows the state of a conversation's last message. The people are locked, so what is read here stays."""
    last = {each.message.conversation_id: each.message for each in sorted(group, key=lambda each: each.message.created_at)}
    rows = Conversation.objects.filter(pk__in=last, last_direction="out").values_list("pk", "last_message_at")
    shown = {pk for pk, at in rows if at is not None and at <= last[pk].created_at}
    if shown:
        touch(shown, last_state="accepted")
    if others := last.keys() - shown:
        touch(others)


def _sent_event(each: Accepted, owners: dict[int, int], now: datetime) -> Event:
    message = each.message
    return Event(
        # Of the person only the id may have changed since the start, when two were joined.
        contact_id=owners[each.claim.conversation_id],
        identity_id=message.conversation.identity_id,
        kind="message.sent",
        occurred_at=now,
        data={"message": message.pk, "conversation": message.conversation_id, "source": message.source},
    )


def _had_trouble(number: Connection) -> bool:
    """As the row stood when this message was started: only then is there anything for a success to clear."""
    return bool(number.failures or number.resume_at or number.state != Connection.State.ACTIVE)


# --- troubles -------------------------------------------------------------------------------------------------------


def leave(message: Message, state: str, **fields: Any) -> None:
    """The message will not be sent: say so, give its slot back, tell the timeline."""
    release(message)
    at = {"failed_at": clock.now()} if state in {"failed", "expired"} else {}
    Message.objects.filter(pk=message.pk).update(state=state, lease_until=None, due_at=None, **at, **fields)
    touch([message.conversation_id])
    _show_state(message, state)
    conversation = message.conversation
    events.record(
        [
            Event(
                contact_id=conversation.identity.contact_id,
                identity_id=conversation.identity_id,
                kind=f"message.{'failed' if state == 'expired' else state}",
                occurred_at=clock.now(),
                data={"message": message.pk, "conversation": conversation.pk, "code": fields.get("error_code", "")},
            )
        ]
    )


def withdraw(message_ids: Sequence[int], code: str, reason: str) -> int:
    """Take messages out of the outbox that have not been claimed for sending; how many. Inside a transaction, which holds their people."""
    queued = Message.objects.filter(pk__in=message_ids, state="queued")
    lock_people_behind(queued.values_list("conversation", flat=True))
    rows = list(queued.select_for_update(of=("self",)).select_related("conversation__identity__contact").order_by("pk"))
    for message in rows:
        leave(message, "blocked", error_code=code, error_title=reason)
    return len(rows)


def _show_state(message: Message, state: str) -> None:
    Conversation.objects.filter(pk=message.conversation_id, last_direction="out", last_message_at__lte=message.created_at).update(
        last_state=state
    )


def settle_error(claimed: Claimed, message: Message, error: ConnectorError, *, uploaded: str = "", repeatable: bool = False) -> None:
    """Each error's class says what is known; see connectors/errors.py. `repeatable`: the platform takes a repeat for what it is."""
    logger.info("message %s: %s %s", message.pk, type(error).__name__, error.code)
    with transaction.atomic():
        conversation = locked(claimed.conversation_id)
        row = mine(claimed).filter(state="sending").first()
        if row is None:
            return
        row.conversation, row.connection = conversation, conversation.connection
        # A file that the gateway takes as text is no id worth keeping: it is as large as the file.
        if uploaded and not uploaded.startswith("data:") and row.content.get("file"):
            row.content = {**row.content, "uploaded": uploaded}
            Message.objects.filter(pk=row.pk).update(content=row.content)
        _settle(claimed, row, error, repeatable)
    if not isinstance(error, Rejected) and not (isinstance(error, TryLater) and error.scope != "connection"):
        report_failure(message.connection, error)


def _settle(claimed: Claimed, row: Message, error: ConnectorError, repeatable: bool) -> None:
    now = clock.now()
    said = {
        "error_code": error.code[:40] or type(error).__name__.lower(),
        "error_title": ": ".join(p for p in (error.title, error.detail) if p)[:500],
    }
    if isinstance(error, OutcomeUnknown):
        if repeatable and row.attempts <= MOST_REPEATS:
            # Its slot stays taken: it may have gone, and the repeat is the same message.
            mine(claimed).update(state="queued", lease_until=None, due_at=now + BACK_OFF[0], **said)
            touch([row.conversation_id])
            return
        mine(claimed).update(state="unknown", lease_until=None, **said)
        touch([row.conversation_id])
        _show_state(row, "unknown")
    elif isinstance(error, TryLater):
        _try_later(claimed, row, error, said, now)
    elif isinstance(error, Unreachable | NeedsLogin | Misconfigured):
        # Nothing was done and it is not this message's fault: it waits for the connection, its attempt does not count.
        release(row)
        mine(claimed).update(state="queued", lease_until=None, due_at=now + UNREACHABLE_AFTER, attempts=F("attempts") - 1, **said)
        touch([row.conversation_id])
    elif isinstance(error, Rejected) and error.remedy == "hold_template":
        # Not this message's fault either: it waits until the platform releases the template.
        obey(row, error, now)
        release(row)
        mine(claimed).update(state="queued", lease_until=None, due_at=now, attempts=F("attempts") - 1, **said)
        touch([row.conversation_id])
    else:
        obey(row, error, now)
        leave(row, "failed", **said)


def _try_later(claimed: Claimed, row: Message, error: TryLater, said: dict[str, str], now: datetime) -> None:
    release(row)
    obey(row, error, now)
    if error.times is not None and row.attempts > error.times:
        leave(row, "failed", **said)
        return
    own_attempt = {}
    if error.scope == "message":
        wait = max(error.after, BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1])
    elif error.scope == "recipient":
        wait = pair_wait(error, row.attempts)
    else:
        wait, own_attempt = error.after, {"attempts": F("attempts") - 1}
    mine(claimed).update(state="queued", lease_until=None, due_at=now + wait, **own_attempt, **said)
    touch([row.conversation_id])
