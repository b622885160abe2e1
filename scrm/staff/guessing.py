"""Guessing passwords becomes slow: after five wrong ones for an account, or from an address, each further try has to wait, ever longer.

An attempt is counted before the password is looked at, with the row locked, so that a hundred at once are no way round. Names that
nobody has are counted like those of people: the answer and its time tell nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from scrm.core import clock
from scrm.staff.security_models import Guessing

FREE = 5
FORGOTTEN_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds to wait after the fifth wrong password, doubled with each further one up to `most`."""

    kind: str
    first: int
    most: int

    def wait(self, attempts: int) -> timedelta:
        """After so many attempts; nothing before the fifth."""
        return timedelta(seconds=min(self.most, self.first << min(attempts - FREE, 20))) if attempts >= FREE else timedelta()


ACCOUNT = Pace("account", 30, 15 * 60)
# A whole office may come from one address: its waits are short, and still 100 guesses take more than an hour.
ADDRESS = Pace("address", 2, 60)


@dataclass(frozen=True, slots=True)
class Turned:
    """Seconds until the next try counts, 0 for now; `just_closed`: this attempt is the one after which others have to wait."""

    seconds: int = 0
    just_closed: bool = False


def key_of(pace: Pace, name: str) -> str:
    text = f"{pace.kind}\0{name.strip().casefold()}"
    return hmac.new(b"scrm.guessing" + settings.SECRET_KEY.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def attempt(username: str, address: str) -> Turned:
    """Count an attempt. When `seconds` is not 0 the password is not to be looked at."""
    turns = [_attempt(pace, key_of(pace, name)) for pace, name in ((ADDRESS, address), (ACCOUNT, username)) if name]
    waits = max((turn.seconds for turn in turns), default=0)
    return Turned(waits, any(turn.just_closed for turn in turns))


def _attempt(pace: Pace, key: str) -> Turned:
    now = clock.now()
    with transaction.atomic():
        Guessing.objects.get_or_create(key=key, defaults={"last_at": now})
        row = Guessing.objects.select_for_update().get(key=key)
        if row.closed_until is not None and row.closed_until > now:
            return Turned(_seconds(row.closed_until - now))
        if now - row.last_at > FORGOTTEN_AFTER + pace.wait(row.attempts):
            row.attempts = 0
        row.attempts += 1
        row.last_at = now
        row.closed_until = now + pace.wait(row.attempts) if row.attempts >= FREE else None
        row.save(update_fields=["attempts", "last_at", "closed_until"])
    return Turned(0, just_closed=row.attempts >= FREE)


def _seconds(left: timedelta) -> int:
    return max(1, -(-left // timedelta(seconds=1)))


def succeeded(username: str, address: str) -> None:
    """The password was right: the account's count ends, and the address's is as it was before this attempt.

    The address goes on being counted: else whoever has one account could guess at all others.
    """
    Guessing.objects.filter(key=key_of(ACCOUNT, username)).delete()
    with transaction.atomic():
        row = Guessing.objects.select_for_update().filter(key=key_of(ADDRESS, address)).first()
        if row is not None:
            row.attempts = max(0, row.attempts - 1)
            row.closed_until = None if row.attempts < FREE else row.closed_until
            row.save(update_fields=["attempts", "closed_until"])


def forget_old(now: datetime) -> int:
    """What nobody tries any more."""
    return Guessing.objects.filter(last_at__lt=now - timedelta(days=1)).delete()[0]
