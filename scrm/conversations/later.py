"""Send later: a person writes now, the message goes at its time, and what holds then decides.

A scheduled message is no row of the outbox before its time: nothing counts as answered, no slot is taken, automation is not silenced,
and the thread shows nothing that has not been said. At its time it is queued like any other message of its author, in the same
transaction that settles its row, so that it goes once whatever dies when.

It is held back, for a person to decide, when the customer wrote in between and the author wanted that; when its time passed more than
a day ago (nothing ran); when its author may no longer answer; or when it cannot be handed over at all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.conversations import forecast
from scrm.conversations.counting import SILENT_KINDS
from scrm.conversations.models import Conversation, LaterMessage, Message
from scrm.conversations.policy import Verdict
from scrm.conversations.queueing import Draft, QueueResult, queue_message
from scrm.conversations.services import RefusedState
from scrm.conversations.threads import locked, touch
from scrm.core import clock
from scrm.core.logs import trail
from scrm.core.security import storable
from scrm.staff.models import User

logger = logging.getLogger(__name__)

PAGE = 100
# What nobody sent for so long after its time may no longer be what its author meant.
LATE_AFTER = timedelta(hours=24)
# Clocks of platforms differ from ours by so much.
EARLY = timedelta(minutes=5)
UNDECIDED = (LaterMessage.State.WAITING, LaterMessage.State.HELD)
ANSWERS = "conversations.change_conversation"


def schedule(draft: Draft, *, at: datetime, hold_on_reply: bool = True) -> tuple[LaterMessage, bool]:
    """Keep a message until `at`; the row, and whether it is new: the same key again changes nothing.

    Raises `RefusedState` when the key was used for a message that has been sent already.
    """
    now = clock.now()
    with transaction.atomic():
        conversation = locked(draft.conversation)
        known = LaterMessage.objects.filter(idempotency_key=draft.key).first()
        if known is not None:
            return known, False
        if Message.objects.filter(idempotency_key=draft.key).exists():
            raise RefusedState(_("This message was sent already."))
        row = LaterMessage.objects.create(
            conversation=conversation,
            author=draft.by,
            kind=draft.kind,
            text=storable(draft.text),
            content=storable(draft.content),
            category=draft.category,
            reply_to=draft.reply_to,
            idempotency_key=draft.key,
            send_at=at,
            hold_on_reply=hold_on_reply,
            created_at=now,
        )
        touch([conversation.pk])
        _tell(conversation, "message.scheduled", draft.by, until=at.isoformat())
    return row, True


def cancel(row: LaterMessage, *, by: User) -> None:
    """Take it back. Raises `RefusedState` when it has gone meanwhile."""
    with transaction.atomic():
        conversation = locked(row.conversation_id)
        row = _row(row)
        if row.state == LaterMessage.State.CANCELLED:
            return
        if row.state not in UNDECIDED:
            raise RefusedState(_("This message was sent already."))
        _settle(row, LaterMessage.State.CANCELLED)
        touch([conversation.pk])
        _tell(conversation, "message.unscheduled", by)
        if file := own_file(row):
            transaction.on_commit(lambda: default_storage.delete(file))


def _row(row: LaterMessage) -> LaterMessage:
    """As it stands now, locked."""
    return LaterMessage.objects.select_for_update(of=("self",)).select_related("author").get(pk=row.pk)


def own_file(row: LaterMessage) -> str:
    """The stored name of the file that it would send, or ""."""
    name = row.content.get("file") if isinstance(row.content, dict) else None
    return name if isinstance(name, str) and name.startswith("outgoing/") else ""


def send_now(row: LaterMessage, *, by: User) -> QueueResult:
    """A person decides that it goes at once, whatever held it. Raises `RefusedState` when it was cancelled."""
    with transaction.atomic():
        conversation = locked(row.conversation_id)
        row = _row(row)
        if row.state == LaterMessage.State.CANCELLED:
            raise RefusedState(_("This message was cancelled."))
        return _queue(row, conversation, by)


def send_due() -> int:
    """Hand over what is due; each in a transaction of its own, so that one that cannot be handed over keeps nobody waiting."""
    due = LaterMessage.objects.filter(state=LaterMessage.State.WAITING, send_at__lte=clock.now()).order_by("send_at", "id")
    done = 0
    for pk, conversation_id in list(due.values_list("pk", "conversation_id")[:PAGE]):
        try:
            done += _decide(pk, conversation_id)
        except (OperationalError, InterfaceError):
            # The database, not the message: it stays due.
            raise
        except Exception as error:
            logger.error("scheduled message %s is held: %s", pk, trail(error))
            done += _give_up(pk, conversation_id)
    return done


def _give_up(pk: int, conversation_id: int) -> int:
    """What fails would fail again and stand before all others: a person looks at it."""
    waiting = LaterMessage.objects.filter(pk=pk, state=LaterMessage.State.WAITING)
    held = waiting.update(state=LaterMessage.State.HELD, because=LaterMessage.Because.FAILED)
    if held:
        touch([conversation_id])
    return held


def _decide(pk: int, conversation_id: int) -> bool:
    with transaction.atomic():
        conversation = locked(conversation_id)
        row = LaterMessage.objects.select_for_update().filter(pk=pk, state=LaterMessage.State.WAITING).first()
        if row is None:
            return False
        because = reason_to_hold(row, conversation, clock.now())
        if because:
            LaterMessage.objects.filter(pk=pk).update(state=LaterMessage.State.HELD, because=because)
            touch([conversation.pk])
            _tell(conversation, "message.held", row.author, reason=because)
        else:
            _queue(row, conversation, row.author)
    return True


def reason_to_hold(row: LaterMessage, conversation: Conversation, now: datetime) -> str:
    """Why a person must look at it before it goes; "" when nothing speaks against."""
    if now - row.send_at > LATE_AFTER:
        return LaterMessage.Because.LATE
    if row.author is None or not row.author.is_active or not row.author.has_perm(ANSWERS):
        return LaterMessage.Because.AUTHOR
    return LaterMessage.Because.REPLIED if row.hold_on_reply and replied_since(row, conversation) else ""


def replied_since(row: LaterMessage, conversation: Conversation) -> bool:
    """Has the customer written on this channel since it was scheduled? A reaction is no answer."""
    last = conversation.identity.contact.last_inbound_at
    if last is None or last < row.created_at - EARLY:
        return False
    chats = Conversation.objects.filter(identity=conversation.identity_id, connection=conversation.connection_id).values("pk")
    heard = Message.objects.filter(conversation__in=chats, direction=Message.Direction.IN, created_at__gt=row.created_at)
    return heard.exclude(kind__in=SILENT_KINDS).filter(sent_at__gt=row.created_at - EARLY).exists()


def _queue(row: LaterMessage, conversation: Conversation, by: User | None) -> QueueResult:
    """The conversation may have been closed and another begun: what goes out belongs to the one that is open."""
    same = Conversation.objects.exclude(status="closed").filter(identity=conversation.identity_id, connection=conversation.connection_id)
    result = queue_message(
        same.first() or conversation,
        kind=row.kind,
        text=row.text,
        content=row.content,
        category=row.category,
        source="agent",
        by=by,
        cause=f"later:{row.pk}",
        idempotency_key=row.idempotency_key,
        reply_to=row.reply_to,
    )
    if row.state in UNDECIDED:
        _settle(row, LaterMessage.State.SENT, message=result.message)
        touch([row.conversation_id])
    return result


def _settle(row: LaterMessage, state: str, **more: object) -> None:
    """Its words go with it: what was sent stands in the message, and is kept or forgotten with that alone."""
    LaterMessage.objects.filter(pk=row.pk).update(state=state, settled_at=clock.now(), text="", content={}, because="", **more)


def undecided(conversation: Conversation) -> list[LaterMessage]:
    """What is scheduled or held in a conversation, in the order of going; each with `answered`, see `with_replies`."""
    rows = LaterMessage.objects.filter(conversation=conversation, state__in=UNDECIDED)
    return list(with_replies(rows).select_related("author").order_by("send_at", "pk")[:20])


def with_replies(rows: QuerySet[LaterMessage]) -> QuerySet[LaterMessage]:
    """Each row with `answered`: what `replied_since` says of it, in the same statement."""
    heard = Message.objects.filter(
        conversation__identity=OuterRef("conversation__identity"),
        conversation__connection=OuterRef("conversation__connection"),
        direction=Message.Direction.IN,
        created_at__gt=OuterRef("created_at"),
        sent_at__gt=OuterRef("heard_from"),
    )
    return rows.alias(heard_from=F("created_at") - EARLY).annotate(answered=Exists(heard.exclude(kind__in=SILENT_KINDS)))


def predict(rows: Sequence[tuple[Conversation, LaterMessage | Message]]) -> list[Verdict]:
    """What the law says, as things stand, to each at its time: of a scheduled message `send_at`, of a queued one `due_at`."""
    return forecast.predict([_asked(conversation, row) for conversation, row in rows])


def _asked(conversation: Conversation, row: LaterMessage | Message) -> forecast.Asked:
    if isinstance(row, LaterMessage):
        return forecast.Asked(conversation, _as_message(conversation, row), row.send_at)
    return forecast.Asked(conversation, row, row.due_at or clock.now())


def _as_message(conversation: Conversation, row: LaterMessage) -> Message:
    return Message(
        conversation=conversation,
        connection_id=conversation.connection_id,
        kind=row.kind,
        text=row.text,
        content=row.content or ({"body": row.text} if row.kind == "text" else {}),
        category=row.category,
        source="agent",
        author=row.author,
    )


def _tell(conversation: Conversation, kind: str, by: User | None, **words: str) -> None:
    identity = conversation.identity
    data = {"conversation": conversation.pk, **({"by": by.username} if by else {}), **words}
    events.record([Event(contact_id=identity.contact_id, identity_id=identity.pk, kind=kind, occurred_at=clock.now(), data=data)])
