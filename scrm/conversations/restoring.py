"""What must not go out of a restored database: it may have gone out after the backup was made."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Q

from scrm.conversations.models import Message
from scrm.conversations.states import OPEN
from scrm.core import clock

WHY = "It was due after the backup that was restored was made, and may have gone out then; the platform's status or a person settles it"


def hold_what_was_due(say: Callable[[str], None]) -> None:
    """Messages that were due become `unknown`, which no timer sends again. What is due later waits as before."""
    due = Message.objects.filter(Q(direction="out") & Q(state__in=OPEN)).exclude(state="queued", due_at__gt=clock.now())
    held = due.update(state="unknown", lease_until=None, error_code="restored", error_title=WHY[:200])
    say(f"{held:,} messages wait for a person's word")
