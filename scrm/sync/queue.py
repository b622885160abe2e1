"""The rows of writes as a queue: claimed by conditional update, counted before the work, settled by whoever still holds them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections as databases
from django.db import router, transaction
from django.db.models import F, Q, QuerySet

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.core.rows import update_many
from scrm.sync import quiet
from scrm.sync.models import Push, SyncPlan
from scrm.sync.services import coalescing

# Far above what one step may take; a worker that died holds its rows so long.
LEASE = timedelta(minutes=2)
JITTER = 0.1
_SETTLED = ["state", "written", "due_at", "attempts", "lease_until", "alone", "last_error", "pushed_at", "asked_at"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one claimed row. `refund`: it was not this row's fault, the attempt does not count; then `wait` says until when.

    `final`: it is never tried again by itself.
    """

    push: Push
    wrote: bool = False
    reason: str = ""
    refund: bool = False
    wait: timedelta = timedelta(0)
    alone: bool | None = None
    at_once: bool = False
    final: bool = False


def due(now: datetime) -> Q:
    """Rows that may be claimed."""
    return Q(state=Push.State.DUE, due_at__lte=now) & (Q(lease_until=None) | Q(lease_until__lte=now))


def hurry_along() -> int:
    """What was just asked for and is due only later by our clock: the clock of who asked is ahead, or ours was put back."""
    soon, now = coalescing(), clock.now()
    ahead = Push.objects.filter(state=Push.State.DUE, due_at__gt=now + soon + clock.MOST_SKEW, due_at__lte=F("asked_at") + soon)
    return ahead.update(due_at=now) if ahead.exists() else 0


def claim(connection: Connection, limit: int, now: datetime) -> list[Push]:
    """The oldest due rows of a connection, at most `limit`, as its plan and its quiet hours let them go.

    One that failed a whole call before comes by itself.
    """
    planned = _in_its_batch(connection, now) & quiet.may_be_written(connection, now)
    rows = Push.objects.filter(due(now), planned, connection=connection).order_by("due_at", "id")
    with transaction.atomic():
        first = rows.first()
        if first is None:
            return []
        return _take(rows.filter(pk=first.pk) if first.alone else rows.filter(alone=False), limit)


def _in_its_batch(connection: Connection, now: datetime) -> Q:
    """Of kinds that are kept in step in batches: what fell due before the current period of `SyncPlan.minutes`, counted from midnight UTC.

    A batch that was missed, or is not done within its period, goes on in the next; nothing waits for two.
    """
    found = Q()
    for kind, minutes in SyncPlan.objects.filter(connection=connection, pace=SyncPlan.Pace.BATCH).values_list("kind", "minutes"):
        found &= ~Q(kind=kind) | Q(due_at__lte=period_start(now, minutes))
    return found


def period_start(now: datetime, minutes: int) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    length = timedelta(minutes=max(minutes, 1))
    return midnight + (now - midnight) // length * length


def claim_keys(connection: Connection, kind: str, keys: Iterable[str]) -> list[Push]:
    """Rows that others wait for, although their own moment has not come; not those that failed or are being written."""
    free = Q(lease_until=None) | Q(lease_until__lte=clock.now())
    rows = Push.objects.filter(free, connection=connection, kind=kind, key__in=list(keys), state=Push.State.DUE, attempts=0)
    with transaction.atomic():
        return _take(rows.order_by("id"), limit=1000)


def _take(rows: QuerySet[Push], limit: int) -> list[Push]:
    """Lease rows and count the attempt, in the caller's transaction, which commits before the work begins."""
    if databases[router.db_for_write(Push)].features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    taken = list(rows[:limit])
    _bury([push for push in taken if push.attempts > settings.SYNC_RETRIES])
    taken = [push for push in taken if push.attempts <= settings.SYNC_RETRIES]
    lease_until = clock.now() + LEASE
    Push.objects.filter(pk__in=[push.pk for push in taken]).update(
        lease_until=lease_until, fence=F("fence") + 1, attempts=F("attempts") + 1
    )
    for push in taken:
        push.lease_until, push.fence, push.attempts = lease_until, push.fence + 1, push.attempts + 1
    return taken


def _bury(pushes: Sequence[Push]) -> None:
    """Rows whose last attempt never ended: each time, the process died over them."""
    reason = "The process ended in the middle of this write each time; look at the record before trying again."
    Push.objects.filter(pk__in=[push.pk for push in pushes]).update(state=Push.State.DEAD, last_error=reason, lease_until=None)


def lock(pushes: Iterable[Push]) -> dict[int, Push]:
    """The rows as they stand, locked until the transaction ends, without those that another worker took over since."""
    mine = {push.pk: push for push in pushes}
    rows = Push.objects.select_for_update(of=("self",)).filter(pk__in=mine).order_by("pk")
    return {row.pk: row for row in rows if row.fence == mine[row.pk].fence}


def settle(current: dict[int, Push], results: Iterable[Settled]) -> None:
    """Write down what became of locked rows. What changed meanwhile stays due."""
    now = clock.now()
    changed = [_settled(current[result.push.pk], result, now) for result in results if result.push.pk in current]
    update_many(Push, changed, _SETTLED)


def _settled(row: Push, result: Settled, now: datetime) -> Push:
    row.lease_until = None
    row.last_error = result.reason[:500]
    if result.alone is not None:
        row.alone = result.alone
    if result.wrote:
        row.written, row.pushed_at = result.push.wanted, now
    if row.wanted > result.push.wanted:
        row.due_at, row.asked_at = now + coalescing(), now if result.wrote else row.asked_at
    elif result.wrote:
        row.state, row.attempts = Push.State.DONE, 0
    else:
        _fail(row, result, now)
    return row


def _fail(row: Push, result: Settled, now: datetime) -> None:
    if result.refund:
        row.attempts, row.due_at = max(result.push.attempts - 1, 0), now + result.wait
    elif result.final or result.push.attempts > settings.SYNC_RETRIES:
        row.state = Push.State.DEAD
    else:
        row.due_at = now if result.at_once else now + retry_pause()


def retry_pause() -> timedelta:
    """SYNC_RETRY_MINUTES, up to a tenth more or less, so that what failed together does not come back together."""
    return timedelta(minutes=settings.SYNC_RETRY_MINUTES) * random.uniform(1 - JITTER, 1 + JITTER)
