"""The pull engine: reads what changed in a CRM page by page, and stores the position with the effects of each page.

A run begins at a signpost and ends when the adapter has no more; the adapter's cursor is a time and an id, and overlaps with the run
before. What comes twice is recognised by its version. No call runs inside a transaction; a crash at any point reads one page again.

Every feed is a row that one worker holds at a time, so a CRM that hangs holds up nobody else's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import DatabaseError, transaction
from django.db.models import F, Q

from connectors.contracts import Change, Crm, Page, Removal
from connectors.errors import ConnectorError, Gone, Misconfigured, OutcomeUnknown, Rejected
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.core import clock, jobs
from scrm.core.crashpoints import crash_here
from scrm.core.logs import trail
from scrm.sync import catching_up, left_alone, meter, payloads, pulls, removing
from scrm.sync.applying import Applied, apply_changes
from scrm.sync.inlet import Inlet, kinds_in
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord, FieldMapping, SyncCursor
from scrm.sync.preparing import ready

logger = logging.getLogger(__name__)

PAGE = 200
STEP_SECONDS = 10.0
LEASE = timedelta(minutes=2)
LIVE_EVERY = timedelta(seconds=60)
REMOVALS_EVERY = timedelta(minutes=10)
AGAIN = timedelta(minutes=5)
# How often a CRM that tells nothing is looked at, in case its connector has learned to.
UNHEARD = timedelta(hours=1)
# More than this in one run is a large transfer, which waits for the night where the setting says so.
LARGE = 2_000
NIGHT = range(1, 5)

Feed = SyncCursor.Feed


def pull_due(*, slug: str = "", at_once: bool = False) -> int:
    """Read on in each feed that is due, for at most `STEP_SECONDS` each. Returns how many pages were read.

    `slug` limits it to one connection; `at_once` reads feeds that are not due yet and large transfers by day as well.
    """
    now = clock.now()
    crms = Connection.objects.filter(connections.callable_q(now), kind=Connection.Kind.CRM)
    return sum(_pull_from(connection, at_once=at_once) for connection in (crms.filter(slug=slug) if slug else crms))


def _pull_from(connection: Connection, *, at_once: bool) -> int:
    kinds = kinds_in(connection.pk) or _kinds_of_new(connection)
    if not kinds:
        return 0
    _make_cursors(connection, kinds)
    pages = 0
    rows = SyncCursor.objects.filter(connection=connection, kind__in=kinds)
    for row in rows.order_by("due_at", "pk"):
        if (at_once or row.due_at <= clock.now()) and connections.is_callable_now(connection):
            pages += _read_on(connection, row, at_once=at_once)
    return pages


def _kinds_of_new(connection: Connection) -> list[str]:
    """A connection that was never called has no mappings yet."""
    if FieldMapping.objects.filter(connection=connection).exists() or not connections.is_callable_now(connection):
        return []
    return kinds_in(connection.pk) if ready(connection) is not None else []


def _make_cursors(connection: Connection, kinds: Sequence[str]) -> None:
    there = set(SyncCursor.objects.filter(connection=connection).values_list("kind", "feed"))
    wanted = [(kind, feed) for kind in kinds for feed in Feed.values if (kind, feed) not in there]
    new = [SyncCursor(connection=connection, kind=kind, feed=feed, due_at=clock.now()) for kind, feed in wanted]
    SyncCursor.objects.bulk_create(new, ignore_conflicts=True)


def _read_on(connection: Connection, row: SyncCursor, *, at_once: bool) -> int:
    held = _claim(row)
    if held is None:
        return 0
    crm = ready(connection)
    if crm is None:
        _release(held, wait=timedelta(minutes=1))
        return 0
    inlet = Inlet.of(connection, crm, held.kind, payloads.mappings_of(connection))
    if not inlet.listens:
        _release(held, wait=UNHEARD)
        return 0
    deadline, pages = time.monotonic() + STEP_SECONDS, 0
    while time.monotonic() < deadline:
        if not at_once and _waits_for_night(inlet, held):
            _release(held, wait=_until_night(connection, clock.now()))
            return pages
        more = _one_page(inlet, crm, held)
        if more is None:
            return pages
        pages += 1
        if not more:
            return pages
    _release(held, wait=timedelta(0))
    return pages


def _claim(row: SyncCursor) -> SyncCursor | None:
    """By a conditional update; None when another worker holds it or has moved it on."""
    now = clock.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    mine = SyncCursor.objects.filter(free, pk=row.pk, fence=row.fence)
    if not mine.update(lease_until=now + LEASE, fence=F("fence") + 1):
        return None
    return SyncCursor.objects.get(pk=row.pk)


def _one_page(inlet: Inlet, crm: Crm, row: SyncCursor) -> bool | None:
    """Whether there is more; None when the page could not be read, which the row then knows."""
    began = clock.now()
    try:
        with meter.called(inlet.connection.pk):
            page = _fetch(inlet, crm, row)
    except ConnectorError as error:
        if concerns_kind_only(inlet.kind, error):
            _release(row, wait=UNHEARD, reason=str(error))
            return None
        connections.report_failure(inlet.connection, error)
        _release(row, wait=_patience(error), reason=str(error))
    except DatabaseError:
        raise
    except Exception as error:
        logger.error("connection %s: its %s of %s cannot be read: %s", inlet.connection.slug, row.feed, inlet.kind, trail(error))
        connections.report_failure(inlet.connection, OutcomeUnknown(f"The connector failed: {type(error).__name__}"))
        _release(row, wait=AGAIN, reason=f"The connector failed: {type(error).__name__}: {error}")
    else:
        connections.report_success(inlet.connection)
        crash_here("pull.read")
        return _take_over(inlet, row, page, began)
    return None


def concerns_kind_only(kind: str, error: ConnectorError) -> bool:
    """An account need not have orders, or show its cases to us: people are kept in step all the same."""
    return kind != Kind.CONTACT and isinstance(error, Misconfigured | Gone | Rejected)


def _fetch(inlet: Inlet, crm: Crm, row: SyncCursor) -> Page:
    if row.feed == Feed.CHANGES:
        return crm.changes(inlet.kind, row.cursor, PAGE)
    if catching_up.is_due(crm, row):
        return catching_up.next_page(inlet, crm, row)
    return crm.removals(inlet.kind, row.cursor, () if "deletes" in crm.capabilities.feeds else _known(inlet))


def _known(inlet: Inlet) -> frozenset[str]:
    """The records that must be there: for a CRM without a feed of deletions they are what its answer is compared with."""
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, removed_at=None)
    return frozenset(rows.values_list("external_id", flat=True).iterator(chunk_size=5_000))


def _patience(error: ConnectorError) -> timedelta:
    return max(getattr(error, "after", AGAIN), timedelta(seconds=1))


def _take_over(inlet: Inlet, row: SyncCursor, page: Page, began: datetime) -> bool | None:
    """The effects of a page and the position after it, in one transaction. None when another worker took the feed over meanwhile."""
    with transaction.atomic():
        current = SyncCursor.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if current.fence != row.fence:
            return None
        done = _effects(inlet, page, began)
        pulls.note(inlet, done)
        _move_on(inlet, row, page, began)
        crash_here("pull.page")
    if page.items:
        meter.count(inlet.connection.pk, read=len(page.items))
    crash_here("pull.committed")
    return page.more


def _effects(inlet: Inlet, page: Page, began: datetime) -> list[Applied]:
    changes = [item for item in page.items if isinstance(item, Change)]
    removals = [item for item in page.items if isinstance(item, Removal)]
    left_alone.forget(inlet, [removal.id for removal in removals])
    return [*apply_changes(inlet, changes, fetched_at=began), *removing.follow(inlet, removals)]


def _move_on(inlet: Inlet, row: SyncCursor, page: Page, began: datetime) -> None:
    row.signpost = row.signpost or began
    row.cursor, row.last_error = page.cursor, ""
    row.in_run += len(page.items)
    row.records += len(page.items)
    if not page.more:
        row.finished_at, row.signpost, row.in_run = row.signpost, None, 0
        row.due_at, row.lease_until = clock.now() + _pause(inlet, row.feed), None
    row.save(update_fields=["signpost", "cursor", "last_error", "in_run", "records", "finished_at", "due_at", "lease_until"])


def _pause(inlet: Inlet, feed: str) -> timedelta:
    batch = timedelta(minutes=inlet.plan.minutes) if inlet.plan.pace == inlet.plan.Pace.BATCH else timedelta(0)
    return max(batch, LIVE_EVERY if feed == Feed.CHANGES else REMOVALS_EVERY)


def _release(row: SyncCursor, *, wait: timedelta, reason: str = "") -> None:
    """Give the feed back; only while it is still ours."""
    SyncCursor.objects.filter(pk=row.pk, fence=row.fence).update(lease_until=None, due_at=clock.now() + wait, last_error=reason[:500])


# --- large transfers ------------------------------------------------------------------------------------------------


def _waits_for_night(inlet: Inlet, row: SyncCursor) -> bool:
    return inlet.plan.night_only and row.in_run >= LARGE and _hour(inlet.connection, clock.now()) not in NIGHT


def _hour(connection: Connection, now: datetime) -> int:
    return now.astimezone(ZoneInfo(connection.time_zone or "UTC")).hour


def _until_night(connection: Connection, now: datetime) -> timedelta:
    """Until 1 o'clock local time, at most a day: the hour decides again then."""
    local = now.astimezone(ZoneInfo(connection.time_zone or "UTC"))
    night = local.replace(hour=NIGHT.start, minute=0, second=0, microsecond=0)
    return (night if night > local else night + timedelta(days=1)) - local


def pull_all(*, slug: str = "") -> int:
    """Read every feed to its end, in this process: for commands and for people who do not want to wait. Returns how many pages."""
    under_way = SyncCursor.objects.filter(signpost__isnull=False, **({"connection__slug": slug} if slug else {}))
    total = pages = pull_due(slug=slug, at_once=True)
    while pages and under_way.exists():
        pages = pull_due(slug=slug, at_once=True)
        total += pages
    return total


def start_again(connection_ids: Iterable[int]) -> int:
    """Read all records of these connections from the beginning. What is known is recognised; nothing is made twice."""
    rows = SyncCursor.objects.filter(connection__in=list(connection_ids), feed=Feed.CHANGES)
    moved = rows.update(cursor={}, in_run=0, signpost=None, due_at=clock.now(), lease_until=None, fence=F("fence") + 1)
    if moved:
        jobs.wake_on_commit("pull")
    return moved
