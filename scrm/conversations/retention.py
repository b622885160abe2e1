"""Messages older than HISTORY_KEEP_DAYS are removed, with all that hangs on them, unless a legal hold keeps the person's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from scrm.contacts.privacy.people import family_of, person
from scrm.contacts.privacy.removing import CHUNK
from scrm.contacts.privacy.rules import fate
from scrm.contacts.privacy_models import LegalHold
from scrm.conversations import history, privacy
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.core.crashpoints import crash_here

DAY = timedelta(days=1)


def expire(*, seconds: float | None = None, now: datetime | None = None, progress: Callable[[int], None] | None = None) -> int:
    """Remove what is too old, oldest first, a few hundred messages a transaction; how many. Broken off, it goes on at the next call."""
    if not settings.HISTORY_KEEP_DAYS:
        return 0
    now = now or clock.now()
    ends = None if seconds is None else time.monotonic() + seconds
    limit = history.newest_before(now - timedelta(days=settings.HISTORY_KEEP_DAYS))
    reached = removed = 0
    while ends is None or time.monotonic() < ends:
        with transaction.atomic():
            rows = list(_looked_at(reached, limit))
            if not rows:
                break
            reached = rows[-1].pk
            ids = _expired(rows, now)
            if ids:
                _remove(ids)
            crash_here("history.expire")
        removed += len(ids)
        if progress and ids:
            progress(removed)
    return removed


def _looked_at(reached: int, limit: int) -> list[Message]:
    rows = Message.objects.filter(pk__gt=reached, pk__lte=limit).exclude(state__in=history.RESTLESS)
    return list(rows.select_related("conversation").only("sent_at", "conversation__identity_id").order_by("pk")[:CHUNK])


def _expired(rows: list[Message], now: datetime) -> list[int]:
    held = _held()
    days = settings.HISTORY_KEEP_DAYS
    return [
        row.pk
        for row in rows
        if fate(
            age_days=(now - row.sent_at) / DAY,
            retention_days=days,
            hold=row.conversation.identity_id in held,
            erase_asked=False,
        )
        == "expire"
    ]


def _held() -> set[int]:
    """The addresses of all people under a legal hold; asked anew for each chunk, for a hold may be set meanwhile."""
    contacts = LegalHold.objects.filter(lifted_at=None).values_list("contact_id", flat=True)
    return {identity for contact in set(contacts) for identity in person(family_of(contact)).identities}


def _remove(ids: list[int]) -> None:
    talks = set(Message.objects.filter(pk__in=ids).order_by().values_list("conversation_id", flat=True))
    privacy.with_messages(ids)
    Message.objects.filter(pk__in=ids).delete()
    left = set(Message.objects.filter(conversation__in=talks).order_by().values_list("conversation_id", flat=True).distinct())
    # The last words of a conversation of which nothing is left would outlive it.
    Conversation.objects.filter(pk__in=talks - left).exclude(last_preview="").update(last_preview="")
