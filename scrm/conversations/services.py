"""What people, rules, campaigns and partners do with conversations. All other writes of this app are in `inbound`, `outbox` and `statuses`.

Each service is one transaction and locks the person first. All of them are safe to repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.contacts.models import Event, Identity
from scrm.contacts.services import lock_owners
from scrm.conversations.models import Conversation, Message
from scrm.conversations.queueing import Draft, QueueResult, preview_decision, queue_many, queue_message
from scrm.conversations.receipts import ask_for_read_receipt
from scrm.conversations.search import message_index
from scrm.conversations.standing import release
from scrm.conversations.threads import PREVIEW_LENGTH, lock_person_behind, locked, preview_of, touch
from scrm.core import audit, clock
from scrm.core.security import storable
from scrm.staff.models import User

__all__ = [
    "PREVIEW_LENGTH",
    "Draft",
    "QueueResult",
    "RefusedState",
    "add_note",
    "assign",
    "cancel",
    "close",
    "give_up",
    "hand_back",
    "hand_to_person",
    "lock_person_behind",
    "locked",
    "mark_read",
    "preview_decision",
    "preview_of",
    "queue_many",
    "queue_message",
    "reopen",
    "resend",
    "snooze",
    "start_conversation",
    "tell",
    "touch",
    "wake_snoozed",
]


class RefusedState(Exception):
    """The message is not in a state in which this can be done; the text says why, for the person who asked."""


def start_conversation(identity: Identity, connection: Connection, *, at: datetime | None = None) -> Conversation:
    """The open conversation between this identity and our connection, made when there is none."""
    now = at or clock.now()
    defaults = {"last_message_at": now, "changed_at": now, "opened_at": now}
    with transaction.atomic():
        lock_owners([identity])
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


def assign(conversation: Conversation, *, to: User | None, by: User, had: int | None = 0) -> None:
    """Give it to somebody, or to nobody. `had`: who the page said has it (None: nobody; 0: does not matter).

    Raises `RefusedState` when a colleague took it after the page was drawn, so that nobody takes it from them unawares.
    """
    with transaction.atomic():
        conversation = locked(conversation)
        now = conversation.assignee
        if had != 0 and now is not None and now.pk not in {had, by.pk, to.pk if to else None}:
            raise RefusedState(_("%(name)s has taken it meanwhile. Look again before you take it over.") % {"name": now})
        if conversation.assignee_id != (to.pk if to else None):
            touch([conversation.pk], assignee=to)
            tell(conversation, "conversation.assigned", by=by.username, to=to.username if to else "")


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
            tell(conversation, "conversation.closed", by=by.username)


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
        tell(conversation, "conversation.opened", by=by.username)
    return conversation


def snooze(conversation: Conversation, *, until: datetime, by: User) -> None:
    """Out of sight until `until`, or until the customer writes again."""
    with transaction.atomic():
        conversation = locked(conversation)
        if conversation.status != "closed":
            touch([conversation.pk], status="snoozed", snoozed_until=until)
            tell(conversation, "conversation.snoozed", by=by.username, until=until.isoformat())


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
        tell(conversation, "conversation.handed_back", by=by.username)


def hand_to_person(conversation: Conversation, *, cause: str) -> None:
    """Automation steps aside for the usual pause and puts the conversation among the waiting ones."""
    now = clock.now()
    with transaction.atomic():
        conversation = locked(conversation)
        pause = now + timedelta(hours=settings.POLICY["human_pause_hours"])
        touch([conversation.pk], automation_paused_until=pause, waiting_since=conversation.waiting_since or now, low_priority=False)
        tell(conversation, "conversation.handed_to_person", cause=cause)


def tell(conversation: Conversation, kind: str, **data: str) -> None:
    """A line on the customer's timeline; what is empty is left out."""
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


def resend_key(message: Message) -> str:
    """The key of the message that is sent in place of this one; there is at most one."""
    return f"resend:{message.pk}"


def resend(message: Message, *, by: User) -> QueueResult:
    """A person decides to send again what failed, was blocked, or may not have gone. However often pressed, it is one new message."""
    if message.direction != "out" or message.state not in {"failed", "blocked", "unknown", "expired"}:
        raise RefusedState(_("Only a message that failed, expired, was blocked or has an unknown outcome can be sent again."))
    content = {key: value for key, value in message.content.items() if key != "uploaded"}
    with transaction.atomic():
        result = queue_message(
            message.conversation,
            kind=message.kind,
            text=message.text,
            content=content,
            category=message.category,
            source="agent",
            by=by,
            cause=resend_key(message),
            idempotency_key=resend_key(message),
            reply_to=message.reply_to,
        )
        if result.created:
            before = {"message": message.pk, "state": message.state, "error": message.error_code}
            person = f"contacts.contact:{message.conversation.identity.contact_id}"
            audit.record("conversations.resent", by=by, subject=person, before=before, after={"message": result.message.pk})
    return result


def give_up(message: Message, *, by: User) -> None:
    """A person settles an unknown outcome as failed. The slot stays taken, because the message may have gone."""
    with transaction.atomic():
        locked(message.conversation_id)
        changed = Message.objects.filter(pk=message.pk, state="unknown").update(
            state="failed", failed_at=clock.now(), error_code="given_up", error_title=f"Given up by {by.username}"
        )
        if not changed:
            raise RefusedState(_("The outcome of this message is known by now."))
        touch([message.conversation_id])


def cancel(message: Message, *, by: User) -> None:
    """Take back what has not left. A message that a worker already holds goes."""
    with transaction.atomic():
        locked(message.conversation_id)
        changed = Message.objects.filter(pk=message.pk, state="queued").update(state="cancelled", error_title=f"Cancelled by {by.username}")
        if not changed:
            raise RefusedState(_("This message is already on its way."))
        release(message)
        touch([message.conversation_id])
