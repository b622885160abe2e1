"""What the rest of the product asks of the sync: that an object be written, written again, or left alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from scrm.connections.models import Connection
from scrm.core import clock, jobs
from scrm.core.rows import insert_or
from scrm.sync.models import Push

logger = logging.getLogger(__name__)

# One burst of messages is one write. Shorter than the second that a drain lingers, so no push waits for the next sweep.
COALESCE_SECONDS = 0.8
_ROWS = 500


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """An object of ours that a CRM shall hold as it is now.

    Keys: contact `12`, communication `34:2026-11-22`, deal `order:5` or `conversation:34`, case `conversation:34`, order and product `5`.
    """

    connection_id: int
    kind: str
    key: str


def coalescing() -> timedelta:
    return timedelta(seconds=getattr(settings, "SYNC_COALESCE_SECONDS", COALESCE_SECONDS))


def want(connection: Connection, kind: str, key: str) -> None:
    """One object to write, see `want_many`."""
    want_many([Wanted(connection.pk, kind, key)])


def want_many(wanted: Iterable[Wanted], *, at_once: bool = False) -> int:
    """Note that these objects changed and wake the sync when the transaction is safe. Returns how many objects.

    A change is a new fact: attempts begin anew, and what was dead or discarded is tried again. The first change since the last write
    sets the time, further ones do not postpone it.
    """
    rows = sorted(set(wanted))
    if not rows:
        return 0
    now = clock.now()
    due_at = now if at_once else now + coalescing()
    pushes = [Push(connection_id=each.connection_id, kind=each.kind, key=each.key, due_at=due_at, asked_at=now) for each in rows]
    with transaction.atomic():
        for start in range(0, len(pushes), _ROWS):
            _upsert(pushes[start : start + _ROWS])
        jobs.wake_on_commit("sync")
    return len(pushes)


def _upsert(pushes: list[Push]) -> None:
    """One statement, rows in key order: two workers never wait for each other crosswise."""
    insert_or(
        Push,
        pushes,
        "ON CONFLICT (connection_id, kind, key) DO UPDATE SET wanted = sync_push.wanted + 1, state = 'due', attempts = 0, "
        "due_at = CASE WHEN sync_push.state = 'due' AND sync_push.due_at < excluded.due_at THEN sync_push.due_at ELSE excluded.due_at END, "
        "asked_at = CASE WHEN sync_push.state = 'due' THEN sync_push.asked_at ELSE excluded.asked_at END",
    )


def replay_pushes(pushes: QuerySet[Push], *, by: str) -> int:
    """Give dead or discarded writes four new attempts, now. Pressing twice changes nothing more. Returns how many."""
    now = clock.now()
    stuck = pushes.filter(state__in=[Push.State.DEAD, Push.State.DISCARDED])
    count = Push.objects.filter(pk__in=stuck.values("pk")).update(state=Push.State.DUE, due_at=now, asked_at=now, attempts=0, alone=False)
    if count:
        logger.info("%d CRM writes replayed by %s", count, by)
        jobs.wake_on_commit("sync")
    return count


def discard_pushes(pushes: QuerySet[Push], *, by: str, note: str = "") -> int:
    """Take dead writes off the list: a person decided that the CRM does not need them. A later change of the object brings it back."""
    reason = f"Discarded by {by}{': ' if note else ''}{note}"[:500]
    dead = pushes.filter(state=Push.State.DEAD)
    count = Push.objects.filter(pk__in=dead.values("pk")).update(state=Push.State.DISCARDED, last_error=reason)
    if count:
        logger.info("%d CRM writes discarded by %s", count, by)
    return count
