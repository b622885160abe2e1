"""What people, rules, campaigns and partners do with conversations. All other writes of this app are in `inbound`, `outbox` and `statuses`.

Each service is one transaction and locks the person first. All of them are safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.services import lock_person
from scrm.conversations.models import Conversation, Decision, Message, Response
from scrm.conversations.policy import Verdict, decide
from scrm.conversations.receipts import ask_for_read_receipt
from scrm.conversations.search import message_index
from scrm.conversations.standing import candidate_of, facts_of, limits_of, release, reserve
from scrm.core import clock, jobs
from scrm.core.security import storable
from scrm.staff.models import User

PREVIEW_LENGTH = 160
KEY_LENGTH = 120
KIND_PREVIEWS = {
    "image": "🖼",
    "video": "🎞",
    "audio": "🎤",
    "document": "📄",
    "sticker": "🙂",
    "location": "📍",
    "contacts": "👤",
    "order": "🛒",
}


class RefusedState(Exception):
    """The message is not in a state in which this can be done; the text says why, for the person who asked."""


@dataclass(frozen=True, slots=True)
class QueueResult:
    """`created` is False when the same idempotency key had been used before; then `message` and `decision` are the first ones."""

    message: Message
    decision: Decision
    created: bool


def preview_of(kind: str, text: str) -> str:
    words = " ".join(text.split())
    return " ".join(part for part in (KIND_PREVIEWS.get(kind, ""), words) if part)[:PREVIEW_LENGTH] or kind


def touch(conversation_ids: Iterable[int], **changes: Any) -> None:
    """Make a change visible to the pages that watch these conversations."""
    Conversation.objects.filter(pk__in=list(conversation_ids)).update(version=F("version") + 1, changed_at=clock.now(), **changes)


def lock_person_behind(conversation_id: int) -> int:
    """Lock the person of a conversation in one statement; their id."""
    people = Contact.objects.select_for_update(no_key=True, of=("self",)).filter(identities__conversations=conversation_id)
    for contact_id in people.values_list("pk", flat=True):
        return contact_id
    raise Conversation.DoesNotExist(f"There is no conversation {conversation_id}.")


def locked(conversation: Conversation | int) -> Conversation:
    """The conversation as it stands now, with its person locked until the transaction ends."""
    pk = conversation if isinstance(conversation, int) else conversation.pk
    lock_person_behind(pk)
    return Conversation.objects.select_related("identity__contact", "connection").get(pk=pk)


def start_conversation(identity: Identity, connection: Connection, *, at: datetime | None = None) -> Conversation:
    """The open conversation between this identity and our connection, made when there is none."""
    now = at or clock.now()
    defaults = {"last_message_at": now, "changed_at": now, "opened_at": now}
    with transaction.atomic():
        lock_person(identity.contact_id)
        found = Conversation.objects.exclude(status="closed").filter(identity=identity, connection=connection).first()
        if found:
            return found
        conversation = Conversation.objects.create(identity=identity, connection=connection, **defaults)
        events.record(
            [
                Event(
                    contact_id=identity.contact_id,
                    identity=identity,
                    kind="conversation.opened",
                    occurred_at=now,
                    data={"conversation": conversation.pk},
                )
            ]
        )
    return conversation


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
    draft = Message(conversation=conversation, kind=kind, text=text, content=content or {}, category=category, source=source, author=by)
    return _judge(draft, conversation, clock.now())


def _judge(message: Message, conversation: Conversation, now: datetime) -> Verdict:
    facts = facts_of(conversation, now, leaving_out=message.pk)
    return decide(candidate_of(message), facts, limits_of(conversation.connection), now)


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
    idempotency_key = storable(idempotency_key)
    if not idempotency_key or len(idempotency_key) > KEY_LENGTH:
        raise ValueError(f"idempotency_key must hold 1 to {KEY_LENGTH} characters")
    fields = {
        "kind": kind,
        "text": storable(text),
        "content": storable(content or ({"body": text} if kind == "text" else {})),
        "category": category,
        "source": source,
        "author": by,
        "cause": cause,
        "event_key": event_key,
        "idempotency_key": idempotency_key,
        "reply_to": reply_to,
    }
    try:
        with transaction.atomic():
            return _queue(locked(conversation), fields)
    except IntegrityError:
        again = _first_with(idempotency_key)
        if again:
            return again
        raise


def _first_with(idempotency_key: str) -> QueueResult | None:
    found = Message.objects.filter(idempotency_key=idempotency_key).values_list("pk", flat=True)[:1]
    if not found:
        return None
    message = Message.objects.select_related("conversation__connection").get(pk=found[0])
    return QueueResult(message, message.decisions.order_by("id")[0], created=False)


def _queue(conversation: Conversation, fields: dict[str, Any]) -> QueueResult:
    now = clock.now()
    again = _first_with(fields["idempotency_key"])
    if again:
        return again
    message = Message(
        conversation=conversation,
        connection=conversation.connection,
        direction="out",
        sent_at=now,
        created_at=now,
        state="queued",
        due_at=now,
        **fields,
    )
    verdict = _judge(message, conversation, now)
    message.state = "blocked" if verdict.verdict == "refuse" else "queued"
    message.due_at = verdict.until if verdict.verdict == "defer" else now
    message.save(force_insert=True)
    if verdict.allowed and not reserve(message, conversation, limits_of(conversation.connection), now, first=True):
        verdict = _judge(message, conversation, now)
        message.due_at = verdict.until
        message.save(update_fields=["due_at"])
    decision = write_decision(message, conversation, verdict, moment="queue", now=now)
    if message.text:
        message_index.add([(message.pk, message.text)])
    _show(conversation, message, now)
    _record(message, conversation, "message.blocked" if message.state == "blocked" else "message.queued", now, rule=verdict.rule)
    jobs.wake_on_commit("outbox")
    return QueueResult(message, decision, created=True)


def write_decision(message: Message, conversation: Conversation, verdict: Verdict, *, moment: str, now: datetime) -> Decision:
    return Decision.objects.create(
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


def _record(message: Message, conversation: Conversation, kind: str, now: datetime, **data: Any) -> None:
    details = {"message": message.pk, "conversation": conversation.pk, "source": message.source, **{k: v for k, v in data.items() if v}}
    events.record(
        [
            Event(
                contact_id=conversation.identity.contact_id,
                identity_id=conversation.identity_id,
                kind=kind,
                occurred_at=now,
                data=details,
                cause=message.cause,
            )
        ]
    )


def _show(conversation: Conversation, message: Message, now: datetime) -> None:
    """Bring the conversation's own row up to date with a message of ours; an agent's reply silences automation and ends the wait."""
    changes: dict[str, Any] = {
        "last_message_at": now,
        "last_preview": preview_of(message.kind, message.text),
        "last_direction": "out",
        "last_state": message.state,
    }
    if message.source == "agent" and message.state != "blocked":
        changes["automation_paused_until"] = now + timedelta(hours=settings.POLICY["human_pause_hours"])
        changes["unread_count"] = 0
        if conversation.unread_count:
            ask_for_read_receipt(conversation.pk)
        changes["waiting_since"] = None
        if conversation.assignee_id is None:
            changes["assignee"] = message.author
        if conversation.waiting_since:
            _record_response(conversation, message, now)
    if conversation.status == "closed":
        open_one = Conversation.objects.exclude(status="closed").filter(
            identity=conversation.identity_id, connection=conversation.connection_id
        )
        if not open_one.exists():
            changes |= {"status": "open", "closed_at": None}
    elif conversation.status == "snoozed" and message.source == "agent":
        changes |= {"status": "open", "snoozed_until": None}
    touch([conversation.pk], **changes)
    conversation.identity.contact.__class__.objects.filter(pk=conversation.identity.contact_id).update(last_activity_at=now)


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


def add_note(conversation: Conversation, *, text: str, by: User) -> Message:
    """An internal note in the thread. Never leaves the house."""
    now = clock.now()
    with transaction.atomic():
        conversation = locked(conversation)
        note = Message.objects.create(
            conversation=conversation,
            connection=conversation.connection,
            direction="note",
            text=storable(text),
            sent_at=now,
            created_at=now,
            state="received",
            source="agent",
            author=by,
        )
        message_index.add([(note.pk, note.text)])
        touch([conversation.pk])
    return note


def mark_read(conversation: Conversation, *, by: User) -> None:
    """The agent has seen it: the counter goes to zero and the customer gets their ticks."""
    if not Conversation.objects.filter(pk=conversation.pk, unread_count__gt=0).exists():
        return
    with transaction.atomic():
        touch([conversation.pk], unread_count=0)
        ask_for_read_receipt(conversation.pk)


def assign(conversation: Conversation, *, to: User | None, by: User) -> None:
    with transaction.atomic():
        conversation = locked(conversation)
        if conversation.assignee_id != (to.pk if to else None):
            touch([conversation.pk], assignee=to)
            _note_event(conversation, "conversation.assigned", by=by.username, to=to.username if to else "")


def close(conversation: Conversation, *, by: User) -> None:
    with transaction.atomic():
        conversation = locked(conversation)
        if conversation.status != "closed":
            touch(
                [conversation.pk],
                status="closed",
                closed_at=clock.now(),
                waiting_since=None,
                unread_count=0,
                automation_paused_until=None,
                snoozed_until=None,
            )
            _note_event(conversation, "conversation.closed", by=by.username)


def reopen(conversation: Conversation, *, by: User) -> Conversation:
    """Open it again, or answer with the one that was opened meanwhile."""
    with transaction.atomic():
        conversation = locked(conversation)
        other = (
            Conversation.objects.exclude(status="closed")
            .filter(identity=conversation.identity_id, connection=conversation.connection_id)
            .first()
        )
        if other is not None:
            if other.status == "snoozed":
                touch([other.pk], status="open", snoozed_until=None)
            return other
        touch([conversation.pk], status="open", closed_at=None)
        _note_event(conversation, "conversation.opened", by=by.username)
    return conversation


def snooze(conversation: Conversation, *, until: datetime, by: User) -> None:
    """Out of sight until `until`, or until the customer writes again."""
    with transaction.atomic():
        conversation = locked(conversation)
        if conversation.status != "closed":
            touch([conversation.pk], status="snoozed", snoozed_until=until)
            _note_event(conversation, "conversation.snoozed", by=by.username, until=until.isoformat())


def wake_snoozed() -> int:
    """Bring back what was snoozed until now."""
    due = list(Conversation.objects.filter(status="snoozed", snoozed_until__lte=clock.now()).values_list("pk", flat=True)[:500])
    touch(due, status="open", snoozed_until=None)
    return len(due)


def hand_back(conversation: Conversation, *, by: User) -> None:
    """Let automation speak again before the pause is over."""
    with transaction.atomic():
        conversation = locked(conversation)
        touch([conversation.pk], automation_paused_until=None)
        _note_event(conversation, "conversation.handed_back", by=by.username)


def hand_to_person(conversation: Conversation, *, cause: str) -> None:
    """Automation steps aside for the usual pause and puts the conversation among the waiting ones."""
    now = clock.now()
    with transaction.atomic():
        conversation = locked(conversation)
        pause = now + timedelta(hours=settings.POLICY["human_pause_hours"])
        touch([conversation.pk], automation_paused_until=pause, waiting_since=conversation.waiting_since or now, low_priority=False)
        _note_event(conversation, "conversation.handed_to_person", cause=cause)


def _note_event(conversation: Conversation, kind: str, **data: str) -> None:
    details = {"conversation": conversation.pk, **{key: value for key, value in data.items() if value}}
    events.record(
        [
            Event(
                contact_id=conversation.identity.contact_id,
                identity_id=conversation.identity_id,
                kind=kind,
                occurred_at=clock.now(),
                data=details,
            )
        ]
    )


def resend(message: Message, *, by: User) -> QueueResult:
    """A person decides to send again what failed, was blocked, or may not have gone. However often pressed, it is one new message."""
    if message.direction != "out" or message.state not in {"failed", "blocked", "unknown"}:
        raise RefusedState("Only a message that failed, was blocked or has an unknown outcome can be sent again.")
    content = {key: value for key, value in message.content.items() if key != "uploaded"}
    return queue_message(
        message.conversation,
        kind=message.kind,
        text=message.text,
        content=content,
        category=message.category,
        source="agent",
        by=by,
        cause=f"resend:{message.pk}",
        idempotency_key=f"resend:{message.pk}",
        reply_to=message.reply_to,
    )


def give_up(message: Message, *, by: User) -> None:
    """A person settles an unknown outcome as failed. The slot stays taken, because the message may have gone."""
    with transaction.atomic():
        locked(message.conversation_id)
        changed = Message.objects.filter(pk=message.pk, state="unknown").update(
            state="failed", failed_at=clock.now(), error_code="given_up", error_title=f"Given up by {by.username}"
        )
        if not changed:
            raise RefusedState("The outcome of this message is known by now.")
        touch([message.conversation_id])


def cancel(message: Message, *, by: User) -> None:
    """Take back what has not left. A message that a worker already holds goes."""
    with transaction.atomic():
        locked(message.conversation_id)
        changed = Message.objects.filter(pk=message.pk, state="queued").update(state="cancelled", error_title=f"Cancelled by {by.username}")
        if not changed:
            raise RefusedState("This message is already on its way.")
        release(message)
        touch([message.conversation_id])
