"""Records of theirs to be read by themselves: named by a webhook, or set aside when their page came. A queue like that of the writes.

Retried `SYNC_RETRIES` times, `SYNC_RETRY_MINUTES` apart, then a dead letter with its reason, which people replay or discard.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections as databases
from django.db import router, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from connectors.contracts import Change, Crm, Hint
from connectors.errors import ConnectorError
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.core import clock, jobs
from scrm.core.logs import trail
from scrm.core.rows import update_many
from scrm.sync import left_alone, linking, meter, removing
from scrm.sync.applying import Applied, apply_changes
from scrm.sync.asking import ask as ask
from scrm.sync.inlet import Inlet, kinds_in
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord, Pull, SyncPlan
from scrm.sync.preparing import ready
from scrm.sync.queue import retry_pause

logger = logging.getLogger(__name__)

BATCH = 100
LEASE = timedelta(minutes=2)
PAUSE = timedelta(seconds=5)
_SETTLED = ["state", "due_at", "attempts", "lease_until", "last_error", "pulled_at"]


def hear(connection_id: int, hints: Iterable[Hint]) -> int:
    """A webhook of the CRM names these records: they are read, never believed. Returns how many are.

    Of kinds that nothing comes in of, only records that we have written are looked at. Where a kind is kept in step in batches, they wait
    for the next one.
    """
    named = {(hint.kind, hint.id[:100]) for hint in hints if hint.id}
    if not named:
        return 0
    plans = {plan.kind: plan for plan in SyncPlan.objects.filter(connection=connection_id)}
    ours = ExternalRecord.objects.filter(connection=connection_id, external_id__in={each for _, each in named})
    linked = set(ours.values_list("kind", "external_id"))
    now, count, hears = clock.now(), 0, {Kind.CONTACT.value, *kinds_in(connection_id)}
    for kind in sorted({kind for kind, _ in named}):
        plan = plans.get(kind)
        wait = timedelta(minutes=plan.minutes) if plan is not None and plan.pace == SyncPlan.Pace.BATCH else timedelta(0)
        wanted = [each for each in named if each[0] == kind and (kind in hears or each in linked)]
        count += ask(connection_id, wanted, at=now + wait)
    return count


def note(inlet: Inlet, done: Sequence[Applied]) -> None:
    """Of a page: what waits is read again soon, what failed is tried again by itself, what is left alone is listed.

    In the caller's transaction.
    """
    now = clock.now()
    soon = [(inlet.kind, each.external_id) for each in done if each.wait is not None]
    failed = [each for each in done if each.reason and each.wait is None and not each.left]
    ask(inlet.connection.pk, soon, at=now + max((each.wait or timedelta(0) for each in done), default=timedelta(0)))
    for each in failed:
        ask(inlet.connection.pk, [(inlet.kind, each.external_id)], at=now + retry_pause(), reason=each.reason)
    left_alone.note(inlet, done)


def read_due(*, slug: str = "", ahead: timedelta = timedelta(0)) -> int:
    """One batch of each CRM that has records to read and may be called. Returns how many rows were taken."""
    now = clock.now()
    waiting = Pull.objects.filter(_due(now + ahead), connection=OuterRef("pk"))
    crms = Connection.objects.filter(connections.callable_q(now), Exists(waiting), kind=Connection.Kind.CRM)
    taken = 0
    for connection in crms.filter(slug=slug) if slug else crms:
        if connections.is_callable_now(connection, now):
            taken += _read_batch(connection, now + ahead)
    return taken


def hurry_along() -> int:
    """As `queue.hurry_along`, of records that were to be read at once."""
    now = clock.now()
    ahead = Pull.objects.filter(state=Pull.State.DUE, due_at__gt=now + clock.MOST_SKEW, due_at__lte=F("asked_at"))
    return ahead.update(due_at=now) if ahead.exists() else 0


def _due(now: datetime) -> Q:
    return Q(state=Pull.State.DUE, due_at__lte=now) & (Q(lease_until=None) | Q(lease_until__lte=clock.now()))


def _read_batch(connection: Connection, until: datetime) -> int:
    crm = ready(connection)
    if crm is None:
        return 0
    rows = _claim(connection, until)
    for kind in sorted({row.kind for row in rows}):
        _read(Inlet.of(connection, crm, kind), crm, [row for row in rows if row.kind == kind])
    return len(rows)


def _claim(connection: Connection, until: datetime) -> list[Pull]:
    rows = Pull.objects.filter(_due(until), connection=connection).order_by("due_at", "id")
    if databases[router.db_for_write(Pull)].features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    with transaction.atomic():
        taken = list(rows[:BATCH])
        dying = [row.pk for row in taken if row.attempts > settings.SYNC_RETRIES]
        reason = "The process ended in the middle of this record each time; look at it before trying again."
        Pull.objects.filter(pk__in=dying).update(state=Pull.State.DEAD, last_error=reason, lease_until=None)
        taken = [row for row in taken if row.pk not in dying]
        lease = clock.now() + LEASE
        mine = Pull.objects.filter(pk__in=[row.pk for row in taken])
        mine.update(lease_until=lease, fence=F("fence") + 1, attempts=F("attempts") + 1)
    for row in taken:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return taken


def _read(inlet: Inlet, crm: Crm, rows: Sequence[Pull]) -> None:
    """Read these records and take them over; what is not there any more was removed.

    Where the call broke off, what it had read before is taken over, and the rest comes again.
    """
    began = clock.now()
    ids = [row.external_id for row in rows]
    try:
        with meter.called(inlet.connection.pk):
            found = crm.read(inlet.kind, ids)
        inlet = _know_rivals(inlet, crm, found)
    except ConnectorError as error:
        connections.report_failure(inlet.connection, error)
        wait, came = max(getattr(error, "after", PAUSE), PAUSE), len(error.read)
        if came:
            _take_over(inlet, rows[:came], [change for change in error.read if change is not None], began)
        _settle(rows[came:], {each: Applied(each, str(error), wait=wait) for each in ids[came:]})
        return
    except Exception as error:
        logger.error("connection %s: %d records cannot be read: %s", inlet.connection.slug, len(ids), trail(error))
        _settle(rows, {each: Applied(each, f"The connector failed: {type(error).__name__}: {error}") for each in ids})
        return
    connections.report_success(inlet.connection)
    _take_over(inlet, rows, found, began)


def _take_over(inlet: Inlet, rows: Sequence[Pull], found: Sequence[Change], began: datetime) -> None:
    with transaction.atomic():
        done = {each.external_id: each for each in apply_changes(inlet, found, fetched_at=began)} if inlet.listens else {}
        there = {change.id for change in found}
        removing.missing(inlet, [row.external_id for row in rows if row.external_id not in there])
        _settle(rows, done)
        left_alone.remember(inlet, done.values())
    meter.count(inlet.connection.pk, read=len(found))


def _know_rivals(inlet: Inlet, crm: Crm, found: Sequence[Change]) -> Inlet:
    """Which of the records that these compete with for a person are still there; the link of one that is gone goes on."""
    others = linking.rivals(inlet, found) if inlet.listens and inlet.kind == Kind.CONTACT else {}
    if not others:
        return inlet
    try:
        alive = frozenset(change.id for change in crm.read(inlet.kind, sorted(set(others.values()))))
    except ConnectorError as error:
        error.read = ()  # that was of others
        raise
    for new, old in others.items():
        if old not in alive:
            linking.succeed(inlet, old, new)
    return replace(inlet, alive=alive)


def _settle(rows: Sequence[Pull], done: dict[str, Applied]) -> None:
    """Only rows that are still ours; what was asked for again meanwhile stays due."""
    now = clock.now()
    held = {row.pk: row for row in rows}
    with transaction.atomic():
        current = Pull.objects.select_for_update(of=("self",)).filter(pk__in=held).order_by("pk")
        mine = [row for row in current if row.fence == held[row.pk].fence]
        for row in mine:
            _put(row, held[row.pk], done.get(row.external_id, Applied(row.external_id)), now)
        update_many(Pull, mine, _SETTLED)


def _put(row: Pull, before: Pull, done: Applied, now: datetime) -> None:
    row.lease_until, row.last_error = None, done.reason[:500]
    if row.wanted > before.wanted:
        row.due_at = now
    elif done.wait is not None:
        row.attempts, row.due_at = max(row.attempts - 1, 0), now + max(done.wait, timedelta(seconds=1))
    elif not done.reason or done.left:
        state = Pull.State.LEFT if left_alone.is_left(row.kind, done) else Pull.State.DONE
        row.state, row.attempts, row.pulled_at = state, 0, now
    elif before.attempts > settings.SYNC_RETRIES:
        row.state = Pull.State.DEAD
    else:
        row.due_at = now + retry_pause()


def replay(pulls: QuerySet[Pull], *, by: str) -> int:
    """Give reads that are dead, discarded or left alone new attempts, now. Pressing twice changes nothing more. Returns how many."""
    stuck = pulls.filter(state__in=[Pull.State.DEAD, Pull.State.DISCARDED, Pull.State.LEFT])
    now = clock.now()
    count = Pull.objects.filter(pk__in=stuck.values("pk")).update(state=Pull.State.DUE, due_at=now, asked_at=now, attempts=0)
    if count:
        logger.info("%d CRM reads replayed by %s", count, by)
        jobs.wake_on_commit("pull")
    return count


def discard(pulls: QuerySet[Pull], *, by: str) -> int:
    """Take reads off the list: a person decided that they are not needed. A later change of a dead letter's record brings it back."""
    dead = pulls.filter(state__in=[Pull.State.DEAD, Pull.State.LEFT])
    return Pull.objects.filter(pk__in=dead.values("pk")).update(state=Pull.State.DISCARDED, last_error=f"Discarded by {by}"[:500])
