"""Who is here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from scrm.core import clock
from scrm.staff.models import Shift, User

# The inbox asks every two seconds; one write a minute is enough to know that somebody is there.
SEEN_EVERY = timedelta(minutes=1)
GONE_AFTER = timedelta(minutes=5)


def see(user: User) -> None:
    """The person has the inbox open. At most one write a minute, whoever asks how often."""
    now = clock.now()
    if user.seen_at is None or now - user.seen_at >= SEEN_EVERY:
        User.objects.filter(pk=user.pk).filter(Q(seen_at=None) | Q(seen_at__lte=now - SEEN_EVERY)).update(seen_at=now)


def set_presence(user: User, presence: str) -> None:
    """Here or away; away gets nothing new. Raises ValueError for another word."""
    if presence not in User.Presence.values:
        raise ValueError(f"presence is one of {', '.join(User.Presence.values)}")
    User.objects.filter(pk=user.pk).update(presence=presence)


def here(users: Iterable[int], now: datetime) -> set[int]:
    """Those of the people who are present and, if they have shifts around this time, on one."""
    shifts = Shift.objects.filter(user=OuterRef("pk"))
    around = shifts.filter(starts_at__lte=now + timedelta(days=7), ends_at__gt=now - timedelta(days=7))
    on_one = shifts.filter(starts_at__lte=now, ends_at__gt=now)
    rows = User.objects.filter(pk__in=list(users), is_active=True, presence=User.Presence.ONLINE, seen_at__gt=now - GONE_AFTER)
    return set(rows.filter(~Exists(around) | Exists(on_one)).values_list("pk", flat=True))
