"""What customers send, written down: a whole batch with a handful of statements.

Runs in the pipeline's transaction, after the items' keys were found to be new. Either all of the batch is stored or, when one item
cannot be, none; the pipeline then goes through it one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from connectors.contracts import InboundMessage
from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of
from scrm.contacts import consent_words, events
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.services import lock_owners, record_consent
from scrm.conversations import counting, surveys
from scrm.conversations.amendments import obey_amendments
from scrm.conversations.models import Attachment, Conversation, Message
from scrm.conversations.profiles import ask_for_names
from scrm.conversations.search import message_index
from scrm.conversations.services import preview_of
from scrm.conversations.withdrawals import obey_withdrawals
from scrm.core import clock, jobs
from scrm.core.rows import insert_all, update_many

WINDOW = timedelta(hours=24)
# A stamp further ahead than this comes from a clock that is wrong; the time of receipt is used instead.
CLOCK_ALLOWANCE = timedelta(minutes=5)
# What the column holds.
LONGEST_REPLY_TOKEN = 100
# What the column holds; a platform may declare any number.
LARGEST_SIZE = 2**63
CONVERSATION_FIELDS = (
    "status", "unread_count", "waiting_since", "window_expires_at", "automation_paused_until", "snoozed_until", "last_message_at",
    "last_inbound_at", "last_preview", "last_direction", "last_state", "version", "changed_at", "closed_at", "referral",
    "reply_token", "reply_token_until", "heard", "said",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message with the identity it came from and the time it reached us."""

    item: InboundMessage
    identity: Identity
    connection: Connection
    received_at: datetime


def record_inbound(arrivals: Sequence[Arrival]) -> list[Message]:
    """Store the messages, open or reopen their conversations, start windows, note opt-outs, record events. In order of sending."""
    # Platforms give whole seconds: what was written within one keeps the order in which it was told (the sort is stable).
    arrivals = sorted(arrivals, key=_sent_at)
    lock_owners([arrival.identity for arrival in arrivals])
    answers = surveys.answers_in([(arrival.item, arrival.identity, arrival.connection.pk) for arrival in arrivals])
    conversations = _conversations(arrivals, answers)
    messages = [_message(arrival, conversations[arrival.identity.pk, arrival.connection.pk]) for arrival in arrivals]
    insert_all(Message, messages)
    _store_media(arrivals, messages)
    message_index.add((message.pk, message.text) for message in messages if message.text)
    obey_withdrawals(messages)
    obey_amendments(messages)
    for arrival, message, answer in zip(arrivals, messages, answers, strict=True):
        _advance(message.conversation, message, arrival, answer)
    update_many(Conversation, conversations.values(), CONVERSATION_FIELDS)
    surveys.record((answer, message) for answer, message in zip(answers, messages, strict=True) if answer is not None)
    _touch_people(arrivals, messages)
    _reached_again(arrivals)
    ask_for_names((arrival.identity, arrival.connection) for arrival in arrivals)
    _note_consent(arrivals, messages)
    told = zip(arrivals, messages, answers, strict=True)
    events.record([_event(arrival, message, answer) for arrival, message, answer in told if not is_history(arrival)])
    return messages


def is_history(arrival: Arrival) -> bool:
    """Handed over by the phone app: shown in the thread, but nothing that just happened."""
    return bool(arrival.item.content.get("history"))


def _sent_at(arrival: Arrival) -> datetime:
    sent = arrival.item.sent_at
    if arrival.item.content.get("clock_suspect") or sent > arrival.received_at + CLOCK_ALLOWANCE:
        return arrival.received_at
    return sent


def _conversations(arrivals: Sequence[Arrival], answers: Sequence[surveys.Answer | None]) -> dict[tuple[int, int], Conversation]:
    identities = {arrival.identity.pk: arrival.identity for arrival in arrivals}
    rows = Conversation.objects.exclude(status="closed").filter(identity__in=identities).order_by("pk")
    found = {(row.identity_id, row.connection_id): row for row in rows}
    found |= _asked_about(arrivals, answers, found.keys())
    missing: dict[tuple[int, int], Conversation] = {}
    for arrival in arrivals:
        key = (arrival.identity.pk, arrival.connection.pk)
        if key not in found and key not in missing:
            at = _sent_at(arrival)
            missing[key] = Conversation(
                identity=arrival.identity,
                connection=arrival.connection,
                opened_at=at,
                last_message_at=at,
                changed_at=clock.now(),
                version=0,
            )
    insert_all(Conversation, list(missing.values()))
    found |= missing
    for (identity_id, _), row in found.items():
        row.identity = identities[identity_id]
    opened = [
        Event(
            contact=c.identity.contact,
            identity=c.identity,
            kind="conversation.opened",
            occurred_at=c.opened_at,
            data={"conversation": c.pk},
        )
        for c in missing.values()
    ]
    events.record(opened)
    return found


def _asked_about(
    arrivals: Sequence[Arrival], answers: Sequence[surveys.Answer | None], open_ones: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Conversation]:
    """The closed conversations of people who do nothing but answer a survey about them: no new one begins."""
    keys = [(arrival.identity.pk, arrival.connection.pk) for arrival in arrivals]
    talking = {key for key, answer in zip(keys, answers, strict=True) if answer is None} | set(open_ones)
    asked = {key: answer.survey.conversation_id for key, answer in zip(keys, answers, strict=True) if answer and key not in talking}
    rows = Conversation.objects.in_bulk(asked.values()) if asked else {}
    return {key: rows[pk] for key, pk in asked.items()}


def _message(arrival: Arrival, conversation: Conversation) -> Message:
    item = arrival.item
    content = dict(item.content)
    content.pop("reply_token", None)  # lives for a minute, on the conversation
    if item.referral:
        content["referral"] = item.referral
    if item.errors:
        content["errors"] = [{"code": error.code, "title": error.title, "detail": error.detail} for error in item.errors]
    sent = _sent_at(arrival)
    if sent != item.sent_at:
        content["platform_time"] = item.sent_at.isoformat()
    return Message(
        conversation=conversation,
        connection=arrival.connection,
        direction="out" if item.echo else "in",
        kind=item.kind[:20],
        text=item.text,
        content=content,
        external_id=_external_id(item),
        reply_to=item.reply_to[:200],
        sent_at=sent,
        created_at=clock.now(),
        state="sent" if item.echo else "received",
        source="phone_app" if item.echo else "customer",
    )


def _external_id(item: InboundMessage) -> str:
    """An edit or withdrawal carries the id of the message it changes, and must not take its place."""
    return "" if item.kind in {"edit", "revoke"} else item.external_id[:200]


def _store_media(arrivals: Sequence[Arrival], messages: Sequence[Message]) -> None:
    rows = [
        Attachment(
            message=message,
            kind=ref.kind[:20],
            external_id=ref.external_id[:200],
            mime_type=ref.mime_type[:100],
            filename=ref.filename[:255],
            sha256=ref.sha256[:64],
            url=ref.url,
            size=ref.size if ref.size is not None and 0 <= ref.size < LARGEST_SIZE else None,
            due_at=clock.now(),
        )
        for arrival, message in zip(arrivals, messages, strict=True)
        for ref in arrival.item.media
    ]
    if rows:
        Attachment.objects.bulk_create(rows)
        jobs.wake_on_commit("media")


def _advance(conversation: Conversation, message: Message, arrival: Arrival, answer: surveys.Answer | None) -> None:
    """What one message does to its conversation: order of arrival does not matter, only the times of sending."""
    conversation.version += 1
    conversation.changed_at = clock.now()
    counting.hear(conversation, message)
    if is_history(arrival):
        return
    if message.sent_at >= conversation.last_message_at or not conversation.last_preview:
        conversation.last_message_at = max(conversation.last_message_at, message.sent_at)
        conversation.last_preview = preview_of(message.kind, message.text)
        conversation.last_direction = message.direction
        conversation.last_state = message.state
    if message.source == "phone_app":
        _step_in(conversation, message)
    else:
        _hear(conversation, message, arrival, answer)


def _step_in(conversation: Conversation, message: Message) -> None:
    """Somebody answered in the phone app: a person has stepped in."""
    pause = message.sent_at + timedelta(hours=settings.POLICY["human_pause_hours"])
    conversation.automation_paused_until = max(conversation.automation_paused_until or pause, pause)
    conversation.unread_count = 0
    conversation.waiting_since = None


def _hear(conversation: Conversation, message: Message, arrival: Arrival, answer: surveys.Answer | None) -> None:
    if arrival.item.kind != "system":
        expires = message.sent_at + WINDOW
        conversation.window_expires_at = max(conversation.window_expires_at or expires, expires)
        conversation.last_inbound_at = max(conversation.last_inbound_at or message.sent_at, message.sent_at)
        _keep_reply_token(conversation, message, arrival)
    if conversation.status == "snoozed":
        conversation.status, conversation.snoozed_until = "open", None
    if arrival.item.referral and not conversation.referral:
        conversation.referral = arrival.item.referral
    # What says something about another message neither counts as unread nor asks for an answer.
    if answer is not None and answer.wants_a_person and conversation.status == "closed":
        conversation.status, conversation.closed_at = "open", None
    if message.kind not in counting.SILENT_KINDS and (answer is None or answer.wants_a_person):
        conversation.unread_count += 1
        conversation.waiting_since = conversation.waiting_since or message.sent_at


def _keep_reply_token(conversation: Conversation, message: Message, arrival: Arrival) -> None:
    """The newest token, while an answer with it may still be in time."""
    token = arrival.item.content.get("reply_token")
    life = capabilities_of(arrival.connection).reply_token_life if token else None
    if not isinstance(token, str) or len(token) > LONGEST_REPLY_TOKEN or life is None:
        return
    until = message.sent_at + life
    if until > clock.now() and until >= (conversation.reply_token_until or until):
        conversation.reply_token, conversation.reply_token_until = token, until


def _touch_people(arrivals: Sequence[Arrival], messages: Sequence[Message]) -> None:
    people: dict[int, Contact] = {}
    for arrival, message in zip(arrivals, messages, strict=True):
        if is_history(arrival):
            continue
        contact = people.setdefault(arrival.identity.contact_id, arrival.identity.contact)
        contact.last_activity_at = max(contact.last_activity_at, message.sent_at)
        if message.source == "customer":
            contact.last_inbound_at = max(contact.last_inbound_at or message.sent_at, message.sent_at)
    update_many(Contact, people.values(), ["last_activity_at", "last_inbound_at"])


def _reached_again(arrivals: Sequence[Arrival]) -> None:
    """Who writes to us can be reached. What is written in a group says nothing of it: they may have blocked us all the same."""
    for arrival in arrivals:
        since = arrival.identity.unreachable_since
        if since is None or since > _sent_at(arrival) or is_history(arrival) or arrival.item.echo:
            continue
        if arrival.item.kind != "system" and not arrival.item.content.get("group_id"):
            arrival.identity.unreachable_since, arrival.identity.unreachable_reason = None, ""
            arrival.identity.save(update_fields=["unreachable_since", "unreachable_reason"])


def _note_consent(arrivals: Sequence[Arrival], messages: Sequence[Message]) -> None:
    for arrival, message in zip(arrivals, messages, strict=True):
        if message.source != "customer" or message.kind not in {"text", "button", "interactive"}:
            continue
        wish = consent_words.reading(message.text)
        if wish is not None and (not wish.allowed or arrival.identity.opted_out_at):
            record_consent(
                arrival.identity,
                purpose=wish.purpose,
                allowed=wish.allowed,
                source="message",
                evidence=f"message:{message.pk}",
                at=message.sent_at,
            )


def _event(arrival: Arrival, message: Message, answer: surveys.Answer | None) -> Event:
    kind = "message.echoed" if message.source == "phone_app" else "message.received"
    if answer is not None and (answer.score or not answer.wants_a_person):
        # No rule answers a tap on "very good".
        kind = "survey.answered"
    data: dict[str, Any] = {"message": message.pk, "conversation": message.conversation_id, "kind": message.kind}
    if arrival.item.referral:
        data["referral"] = True
    return Event(contact=arrival.identity.contact, identity=arrival.identity, kind=kind, occurred_at=message.sent_at, data=data)
