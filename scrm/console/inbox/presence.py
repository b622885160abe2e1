"""Who else looks at a conversation, or types in it. A hint, kept in the cache for seconds; it locks nothing.

With the in-process cache a person on another web process is not seen; with Redis everybody is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.core.cache import cache

from scrm.staff.models import User

SECONDS = 8


@dataclass(frozen=True, slots=True)
class Other:
    name: str
    typing: bool


def _key(conversation_id: int) -> str:
    return f"console-presence-{conversation_id}"


def note(conversation_id: int, user: User, *, typing: bool) -> list[Other]:
    """Say that this person is here; the colleagues who were here within the last seconds, typing ones first."""
    now = time.time()
    seen: dict[int, tuple[str, bool, float]] = cache.get(_key(conversation_id)) or {}
    seen = {pk: entry for pk, entry in seen.items() if now - entry[2] < SECONDS}
    others = [Other(name, busy) for pk, (name, busy, _) in seen.items() if pk != user.pk]
    seen[user.pk] = (str(user), typing, now)
    cache.set(_key(conversation_id), seen, SECONDS * 2)
    return sorted(others, key=lambda other: (not other.typing, other.name))
