"""How much was said: kept on the conversation as it happens, so that no page counts messages.

`heard`: what the customer wrote; `said`: what went into the outbox or was written in the phone app, also when it failed later. Neither
counts reactions, edits, withdrawals, notices of the platform, internal notes, nor what a rule blocked. None: from before there was a
count; `count_some` sees to it. Both hang on the conversation, thus on the address: merges and their undoing need no arithmetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.expressions import Combinable

from scrm.conversations.models import Conversation, Message
from scrm.conversations.threads import lock_people_behind

SILENT_KINDS = frozenset({"reaction", "edit", "revoke", "system"})
AT_ONCE = 200


def counts(message: Message) -> bool:
    return message.kind not in SILENT_KINDS and message.state != Message.State.BLOCKED and message.direction != Message.Direction.NOTE


def hear(conversation: Conversation, message: Message) -> None:
    """One message that came in, on a conversation that the caller holds and saves."""
    if not counts(message):
        return
    if message.direction == Message.Direction.IN:
        conversation.heard = None if conversation.heard is None else conversation.heard + 1
    else:
        conversation.said = None if conversation.said is None else conversation.said + 1


def added(messages: Sequence[Message]) -> Counter[int]:
    """How many of these messages, just queued, count for each conversation."""
    return Counter(message.conversation_id for message in messages if counts(message))


def more(messages: Sequence[Message]) -> Combinable:
    """For the statement that shows these conversations anew: `said` with the messages that were just queued."""
    new = added(messages)
    return F("said") + Case(*[When(pk=pk, then=Value(count)) for pk, count in new.items()], default=Value(0))


def count_some() -> int:
    """Count conversations that have no count yet; how many. Holds their people, so that nothing is said meanwhile."""
    ids = list(Conversation.objects.filter(heard=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    for pk in ids:
        _count([pk])
    return len(ids)


def _count(ids: Iterable[int]) -> None:
    with transaction.atomic():
        people = lock_people_behind(ids)
        rows = Message.objects.filter(conversation__in=people).exclude(kind__in=SILENT_KINDS).exclude(state=Message.State.BLOCKED)
        heard, said = Count("pk", filter=Q(direction="in")), Count("pk", filter=Q(direction="out"))
        found = {row["conversation"]: row for row in rows.order_by().values("conversation").annotate(heard=heard, said=said)}
        for pk in people:
            row = found.get(pk, {"heard": 0, "said": 0})
            Conversation.objects.filter(pk=pk).update(heard=row["heard"], said=row["said"])
