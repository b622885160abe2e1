"""How the last minute's calls of this process ended, by connection and endpoint: the breaker's rule on the rate of errors.

Five failures in a row do not happen where every second call fails. Counting all calls in the database would cost each message a write
on one row, so every process counts its own; what it concludes goes into the connection's row, where all see it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
LEAST_CALLS = 20
# More than this share of the calls failed.
SHARE = 0.5
REMEMBERED = 1000

_ended: dict[tuple[int, str], deque[tuple[datetime, bool]]] = {}
_lock = threading.Lock()


def forget_outcomes() -> None:
    """Begin anew. A forked worker must not inherit a lock that another thread of its parent held."""
    global _lock
    _lock = threading.Lock()
    _ended.clear()


os.register_at_fork(after_in_child=forget_outcomes)


def note(connection_id: int, endpoint: str, *, failed: bool, now: datetime) -> bool:
    """Count a call; True when more than half of at least 20 calls within 60 s failed, after which the count begins anew."""
    with _lock:
        calls = _ended.setdefault((connection_id, endpoint), deque(maxlen=REMEMBERED))
        calls.append((now, failed))
        if not failed:
            return False
        while calls[0][0] <= now - WINDOW:
            calls.popleft()
        too_many = len(calls) >= LEAST_CALLS and sum(each for _at, each in calls) > SHARE * len(calls)
        if too_many:
            calls.clear()
        return too_many


def forget(connection_id: int) -> None:
    """What was before a person's word or a switch of endpoint does not count after it."""
    with _lock:
        for endpoint in ("primary", "standby"):
            _ended.pop((connection_id, endpoint), None)
