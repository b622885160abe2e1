"""Putting messages in the outbox: the law is asked, the slot taken, the decision written, all in one transaction.

Many drafts are queued together at little more than the cost of one: automation and campaigns do that. Each is judged with what the
drafts before it have taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.conversations import counting
from scrm.conversations.models import Conversation, Decision, Message, Response
from scrm.conversations.policy import Verdict
from scrm.conversations.receipts import ask_for_read_receipt
from scrm.conversations.search import message_index
from scrm.conversations.standing import Standing
from scrm.conversations.threads import locked, locked_many, preview_of, touch
from scrm.core import clock, jobs
from scrm.core.rows import insert_all, update_many
from scrm.core.security import storable
from scrm.staff.models import User

KEY_LENGTH = 120
# What is asked about a closed conversation does not open it.
STAYS_CLOSED = "survey:"
ROUNDS = 3
# What a conversation's own row shows of its last message.
SHOWN = ("version", "said", "changed_at", "last_message_at", "last_direction", "last_preview", "last_state")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that somebody wants to go. `idempotency_key`: one cause, one message, however often it is asked for."""

    conversation: Conversation
    source: str
    idempotency_key: str
    kind: str = "text"
    text: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    category: str = "service"
    by: User | None = None
    cause: str = ""
    event_key: str = ""
    reply_to: str = ""

    def __post_init__(self) -> None:
        if not self.idempotency_key or len(self.idempotency_key) > KEY_LENGTH:
            raise ValueError(f"idempotency_key must hold 1 to {KEY_LENGTH} characters")

    @property
    def key(self) -> str:
        key: str = storable(self.idempotency_key)
        return key


@dataclass(frozen=True, slots=True)
class QueueResult:
    """`created` is False when the same idempotency key had been used before; then `message` and `decision` are the first ones."""

    message: Message
    decision: Decision
    created: bool


class Crowded(Exception):
    """A limit that other people share was reached between looking and writing; what was done is undone."""


def queue_message(
    conversation: Conversation,
    *,
    kind: str = "text",
    text: str = "",
    content: dict[str, Any] | None = None,
    category: str = "service",
    source: str,
    by: User | None = None,
    cause: str = "",
    event_key: str = "",
    idempotency_key: str,
    reply_to: str = "",
) -> QueueResult:
    """Ask the law and, unless it refuses, put one message in the outbox. The same key again changes nothing.

    The message comes back queued (due now, or deferred with `due_at`), or blocked with the rule's name in `decision.rule`.
    """
    draft = Draft(conversation, source, idempotency_key, kind, text, content or {}, category, by, cause, event_key, reply_to)
    return _queue_again_if_raced([draft])[0]


def queue_many(drafts: Sequence[Draft]) -> list[QueueResult]:
    """As `queue_message`, for a group in one transaction; in their order. All or none are queued."""
    if not drafts:
        return []
    with transaction.atomic():
        try:
            with transaction.atomic():
                return _queue_group(drafts)
        except (Crowded, IntegrityError):
            return [_queue_again_if_raced([draft])[0] for draft in drafts]


def _queue_again_if_raced(drafts: Sequence[Draft]) -> list[QueueResult]:
    """One draft, tried again when somebody else took the last place or used the key in the same moment."""
    for round_ in range(ROUNDS):
        try:
            with transaction.atomic():
                return _queue_group(drafts)
        except Crowded:
            continue
        except IntegrityError:
            if round_ == ROUNDS - 1 or not _first_with([draft.key for draft in drafts]):
                raise
    with transaction.atomic():
        return _queue_group(drafts, patient=True)


def preview_decision(
    conversation: Conversation,
    *,
    kind: str = "text",
    text: str = "",
    content: dict[str, Any] | None = None,
    category: str = "service",
    source: str,
    by: User | None = None,
) -> Verdict:
    """What the law would say now. Writes nothing."""
    message = Message(
        conversation=conversation,
        connection_id=conversation.connection_id,
        kind=kind,
        text=text,
        content=content or {},
        category=category,
        source=source,
        author=by,
    )
    standing = Standing([conversation], clock.now())
    standing.know_templates([message])
    return standing.judge(message, conversation)


def _first_with(keys: Sequence[str]) -> dict[str, QueueResult]:
    """What these keys were used for before."""
    if not Message.objects.filter(idempotency_key__in=keys).exists():
        return {}
    found = Message.objects.select_related("conversation__connection").filter(idempotency_key__in=keys)
    return {str(message.idempotency_key): QueueResult(message, message.decisions.order_by("id")[0], created=False) for message in found}


def _queue_group(drafts: Sequence[Draft], *, patient: bool = False) -> list[QueueResult]:
    """One transaction's worth. `patient`: a place that is lost to somebody else again and again is waited for with a deferral."""
    ids = {draft.conversation.pk for draft in drafts}
    chats = locked_many(ids) if len(ids) > 1 else {pk: locked(pk) for pk in ids}
    now = clock.now()
    results = _first_with([draft.key for draft in drafts])
    fresh = list({draft.key: draft for draft in drafts if draft.key not in results}.values())
    if fresh:
        results |= _write([_message(draft, chats[draft.conversation.pk], now) for draft in fresh], now, patient)
    return [results[draft.key] for draft in drafts]


def _message(draft: Draft, conversation: Conversation, now: datetime) -> Message:
    return Message(
        conversation=conversation,
        connection=conversation.connection,
        direction="out",
        kind=draft.kind,
        text=storable(draft.text),
        content=storable(draft.content or ({"body": draft.text} if draft.kind == "text" else {})),
        category=draft.category,
        source=draft.source,
        author=draft.by,
        cause=draft.cause,
        event_key=draft.event_key,
        idempotency_key=draft.key,
        reply_to=draft.reply_to,
        priority=priority_of(draft.source, draft.category),
        sent_at=now,
        created_at=now,
        state="queued",
        due_at=now,
    )


def priority_of(source: str, category: str) -> int:
    """Who goes first when a number may send only so much."""
    if source == "agent" or category == "authentication":
        return Message.Priority.PERSON
    if category == "marketing" or source == "campaign":
        return Message.Priority.PROMOTION
    return Message.Priority.AUTOMATION if source == "rule" and category == "service" else Message.Priority.SERVICE


def _write(messages: Sequence[Message], now: datetime, patient: bool) -> dict[str, QueueResult]:
    standing = Standing([message.conversation for message in messages], now)
    standing.know_templates(messages)
    verdicts = []
    for message in messages:
        verdict = standing.judge(message, message.conversation)
        message.state = "blocked" if verdict.verdict == "refuse" else "queued"
        message.due_at = verdict.until if verdict.verdict == "defer" else now
        if verdict.rule == "template_paused":
            message.error_code, message.error_title = verdict.counters["code"], str(verdict.counters["reason"])[:500]
        verdicts.append(verdict)
        if verdict.allowed and not patient:
            standing.take(message, message.conversation)
    if patient:
        # Its place is taken when it is sent.
        verdicts = [Verdict("defer", "daily_cap", now + timedelta(minutes=1)) if verdict.allowed else verdict for verdict in verdicts]
        for message, verdict in zip(messages, verdicts, strict=True):
            message.due_at = verdict.until if verdict.verdict == "defer" else message.due_at
    insert_all(Message, messages)
    if not standing.settle():
        raise Crowded
    decisions = [decision_of(m, m.conversation, v, moment="queue", now=now) for m, v in zip(messages, verdicts, strict=True)]
    insert_all(Decision, decisions)
    message_index.add((message.pk, message.text) for message in messages if message.text)
    _show(messages, now)
    events.record([_event(message, verdict.rule, now) for message, verdict in zip(messages, verdicts, strict=True)])
    jobs.wake_on_commit("outbox")
    return {
        str(message.idempotency_key): QueueResult(message, decision, created=True)
        for message, decision in zip(messages, decisions, strict=True)
    }


def decision_of(message: Message, conversation: Conversation, verdict: Verdict, *, moment: str, now: datetime) -> Decision:
    """The law's answer as a row, not written yet."""
    return Decision(
        contact_id=conversation.identity.contact_id,
        identity_id=conversation.identity_id,
        connection_id=conversation.connection_id,
        message=message,
        asked_by=message.source,
        moment=moment,
        verdict=verdict.verdict,
        rule=verdict.rule,
        until=verdict.until,
        counters=verdict.counters,
        cause=message.cause,
        decided_at=now,
    )


def _event(message: Message, rule: str, now: datetime) -> Event:
    details = {"message": message.pk, "conversation": message.conversation_id, "source": message.source}
    if rule:
        details["rule"] = rule
    return Event(
        contact_id=message.conversation.identity.contact_id,
        identity_id=message.conversation.identity_id,
        kind="message.blocked" if message.state == "blocked" else "message.queued",
        occurred_at=now,
        data=details,
        cause=message.cause,
    )


def _show(messages: Sequence[Message], now: datetime) -> None:
    """Bring the conversations' own rows up to date; an agent's reply silences automation and ends the wait."""
    alone = [message for message in messages if message.source == "agent" or message.conversation.status == "closed"]
    shared = [message for message in messages if message not in alone]
    newest = {message.conversation_id: message for message in messages}
    plain = [m for m in newest.values() if m.source != "agent" and m.conversation.status in {"open", "snoozed"}]
    if plain:
        new = counting.added(shared)
        rows = [
            Conversation(
                pk=m.conversation_id,
                version=1,
                said=new[m.conversation_id],
                changed_at=now,
                last_message_at=now,
                last_direction="out",
                last_preview=preview_of(m.kind, m.text),
                last_state=m.state,
            )
            for m in plain
        ]
        update_many(Conversation, rows, SHOWN, adding=("version", "said"))
    shown = {m.conversation_id for m in plain}
    if hidden := [m for m in shared if m.conversation_id not in shown]:
        # An agent's message of the same moment is shown for these.
        Conversation.objects.filter(pk__in={m.conversation_id for m in hidden}).update(said=counting.more(hidden))
    for message in alone:
        _show_one(message.conversation, message, now)
    Contact.objects.filter(pk__in={m.conversation.identity.contact_id for m in messages}).update(last_activity_at=now)


def _show_one(conversation: Conversation, message: Message, now: datetime) -> None:
    changes: dict[str, Any] = {
        "last_message_at": now,
        "last_preview": preview_of(message.kind, message.text),
        "last_direction": "out",
        "last_state": message.state,
        "said": counting.more([message]),
    }
    if message.source == "agent" and message.state != "blocked":
        changes["automation_paused_until"] = now + timedelta(hours=settings.POLICY["human_pause_hours"])
        changes["unread_count"] = 0
        if conversation.unread_count:
            ask_for_read_receipt(conversation.pk)
    if message.source == "agent" and message.state != "blocked" and message.kind != "reaction":
        # A thumb up shows that somebody is there, and is no answer yet.
        changes["waiting_since"] = None
        if conversation.assignee_id is None:
            changes["assignee"] = message.author
        if conversation.waiting_since:
            _record_response(conversation, message, now)
    if conversation.status == "closed":
        open_one = Conversation.objects.exclude(status="closed").filter(
            identity=conversation.identity_id, connection=conversation.connection_id
        )
        if not open_one.exists() and not message.cause.startswith(STAYS_CLOSED):
            changes |= {"status": "open", "closed_at": None}
    elif conversation.status == "snoozed" and message.source == "agent":
        changes |= {"status": "open", "snoozed_until": None}
    touch([conversation.pk], **changes)


def _record_response(conversation: Conversation, message: Message, now: datetime) -> None:
    asked = conversation.waiting_since or now
    Response.objects.create(
        conversation=conversation,
        agent=message.author,
        message=message,
        asked_at=asked,
        answered_at=now,
        seconds=max(0, int((now - asked).total_seconds())),
        first=not conversation.responses.exists(),
    )
