"""Who is answering: a claim that anybody can see, that ends by itself, and that is taken over only on purpose.

A claim begins with the first letter of an answer, or with "next, please", and lasts two minutes from the last one. It is taken by one
conditional statement, so that of two agents in the same moment one has it and the other is told. It never stops a message: whoever was
told and means it answers all the same. Rows stay small in number: a conversation has at most one, and those long over are swept away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from scrm.conversations.claim_models import Claim
from scrm.conversations.models import Conversation
from scrm.conversations.services import tell
from scrm.conversations.threads import locked, touch
from scrm.core import clock
from scrm.staff.models import User

LASTS = timedelta(minutes=2)
# What is over for so long is swept away with the next "next, please".
KEPT = timedelta(hours=1)
# As many as a shop has agents; the pages show no more.
MOST = 500


@dataclass(frozen=True, slots=True)
class Held:
    """Who answers a conversation, and until when at least."""

    conversation: int
    holder: int
    name: str
    until: datetime


def take(conversation_id: int, *, by: User, over: bool = False) -> Held | None:
    """Claim it, or go on claiming it. None when it is theirs now; else whose it is. `over`: from whoever has it.

    Whoever takes over an answer from the person to whom the conversation is assigned is assigned it: they answer for it now.
    """
    now = clock.now()
    if not over:
        return _asked(conversation_id, by, now)
    with transaction.atomic():
        conversation = locked(conversation_id)
        before = held(conversation_id, but=by)
        if not _taken(conversation_id, by, now):
            Claim.objects.filter(conversation=conversation_id).update(holder=by, until=now + LASTS)
        if before is not None:
            _tell_of_taking_over(conversation, before, by)
    return None


def _asked(conversation_id: int, by: User, now: datetime) -> Held | None:
    # Again when theirs ended between the two statements.
    for _ in range(3):
        if _taken(conversation_id, by, now):
            return None
        if other := held(conversation_id, but=by):
            return other
    return None


def _taken(conversation_id: int, by: User, now: datetime) -> bool:
    free = Claim.objects.filter(Q(holder=by) | Q(until__lte=now), conversation=conversation_id)
    if free.update(holder=by, until=now + LASTS):
        return True
    try:
        with transaction.atomic():
            Claim.objects.create(conversation_id=conversation_id, holder=by, until=now + LASTS)
    except IntegrityError:
        return False
    return True


def _tell_of_taking_over(conversation: Conversation, before: Held, by: User) -> None:
    assigned = {"assignee": by} if conversation.assignee_id == before.holder else {}
    touch([conversation.pk], **assigned)
    tell(conversation, "conversation.taken_over", by=by.username, to=by.username if assigned else "")


def release(conversation_id: int, *, by: User) -> None:
    """The answer has gone, or will not be written. Somebody else's claim stays."""
    Claim.objects.filter(conversation=conversation_id, holder=by).delete()


def held(conversation_id: int, *, but: User | None = None) -> Held | None:
    """Who answers it now; None when nobody does, or only `but`."""
    found = standing([conversation_id])
    return next((claim for claim in found if but is None or claim.holder != but.pk), None)


def standing(conversation_ids: Iterable[int] | None = None) -> list[Held]:
    """The claims that hold now, of these conversations or of all, in a fixed order; one statement."""
    rows = Claim.objects.filter(until__gt=clock.now())
    if conversation_ids is not None:
        rows = rows.filter(conversation__in=list(conversation_ids))
    named = ("conversation_id", "until", "holder__username", "holder__display_name", "holder__first_name", "holder__last_name")
    shown = rows.select_related("holder").only(*named).order_by("conversation")[:MOST]
    return [Held(row.conversation_id, row.holder_id, str(row.holder), row.until) for row in shown]


def take_next(waiting: Iterable[int], *, by: User) -> int | None:
    """Claim the first of these that nobody else answers; its number. Two who ask at once get two different ones."""
    Claim.objects.filter(until__lt=clock.now() - KEPT).delete()
    for conversation_id in waiting:
        if take(conversation_id, by=by) is None:
            return conversation_id
    return None
