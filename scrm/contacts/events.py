"""What happened to whom, and who is told.

`record` writes events in the caller's transaction, with one delivery row for each consumer that asked for the kind. A consumer
is a function of a batch of events; its effects and the removal of the delivery rows commit together, so that each consumer
has every event's effect exactly once, in whatever order the transactions that wrote them commit, and whatever dies when.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet

from scrm.contacts.models import Event, EventDelivery
from scrm.core import clock, jobs
from scrm.core.loading import add_columns, add_many, give_keys
from scrm.core.logs import trail
from scrm.core.rows import insert_all, insert_columns

logger = logging.getLogger(__name__)

BATCH = 100
# From so many on a COPY is worth the keys that are taken before it.
MANY = 500
MAX_ATTEMPTS = 3
RETRY_AFTER = timedelta(seconds=20)

Handle = Callable[[list[Event]], None]


@dataclass(frozen=True)
class Consumer:
    name: str
    kinds: frozenset[str]
    handle: Handle
    delay: Callable[[Event], timedelta | None]
    batch: int
    by_kind: bool = False
    lanes: int = 1
    longest: Callable[[], timedelta] | None = None

    def lanes_here(self) -> list[str]:
        """The lanes that events are written for: a person's always for the same. On SQLite there is one writer, so one lane."""
        return lanes_of(self.name) if connection.vendor != "sqlite" else [self.name]


_consumers: dict[str, Consumer] = {}


def consumer(
    name: str,
    *,
    kinds: Iterable[str],
    delay: Callable[[Event], timedelta | None] | timedelta = timedelta(0),
    batch: int = BATCH,
    by_kind: bool = False,
    lanes: int = 1,
    longest: Callable[[], timedelta] | None = None,
) -> Callable[[Handle], Handle]:
    """Register a consumer and the drain that feeds it. `delay` postpones an event, so that related ones can arrive first; None: not wanted.
    `by_kind`: it is the same for all events of a kind, so it is asked once for those that are written together.
    `lanes`: so many batches at a time, each with other people, so that what happened to one person is still taken one after another.
    `longest`: the longest wait that `delay` may say, as of now. Without it there is none: every event is taken at once, whatever the
    clock of who wrote it says.

    Whatever a consumer locks for a batch, others wait for: one that locks people or counts messages takes small batches.
    """

    def register(handle: Handle) -> Handle:
        wait, most = (delay, longest) if callable(delay) else ((lambda _event: delay), (lambda: delay) if delay else None)
        _consumers[name] = Consumer(name, frozenset(kinds), handle, wait, batch, by_kind or not callable(delay), lanes, most)
        for lane in lanes_of(name):
            _register_drain(lane)
        return handle

    return register


def _register_drain(lane: str) -> None:
    def soon(within: timedelta) -> bool:
        return bool(_due(lane, 1, within))

    jobs.drain(f"events:{lane}", soon=soon, full=_consumer_of(lane).batch)(lambda: deliver(lane))


def _lane(name: str, number: int) -> str:
    """What a lane is called in its deliveries: the first as the consumer itself, so that old rows stay where they are."""
    return f"{name}:{number + 1}" if number else name


def lanes_of(name: str) -> list[str]:
    """The lanes of a consumer; `deliver` takes one of them."""
    return [_lane(name, number) for number in range(_consumers[name].lanes)]


def _consumer_of(lane: str) -> Consumer:
    return _consumers[lane.partition(":")[0]]


def record(events: Sequence[Event]) -> list[Event]:
    """Write events and their deliveries; call inside the transaction that changes the state."""
    stored = list(events)
    many = len(stored) >= MANY and give_keys(Event, stored)
    if not many:
        insert_all(Event, stored)
    now = clock.now()
    told: list[tuple[int, str, datetime]] = []
    for spec in _consumers.values():
        lanes = spec.lanes_here()
        told += [
            (event.id, lanes[(event.contact_id or 0) % len(lanes)], now + wait) for event, wait in _asked(spec, stored) if wait is not None
        ]
    # The consumers were asked first: what they look up need not wait for rows that are on their way.
    if many:
        add_many(Event, stored)
    _tell(told)
    for name in {name for _, name, _ in told}:
        jobs.wake_on_commit(f"events:{name}")
    return stored


def _asked(spec: Consumer, stored: Sequence[Event]) -> Iterator[tuple[Event, timedelta | None]]:
    """The events that a consumer may want, each with its wait."""
    known: dict[str, timedelta | None] = {}
    for event in stored:
        if event.kind not in spec.kinds:
            continue
        if not spec.by_kind:
            yield event, spec.delay(event)
            continue
        if event.kind not in known:
            known[event.kind] = spec.delay(event)
        yield event, known[event.kind]


def _tell(told: Sequence[tuple[int, str, datetime]]) -> None:
    """Write the deliveries, each of (event, consumer, due)."""
    if not told:
        return
    ids, names, due = zip(*told, strict=True)
    count = len(told)
    columns: dict[str, Sequence[object]] = {"event": ids, "consumer": names, "due_at": due}
    columns |= {"attempts": [0] * count, "parked": [False] * count, "last_error": [""] * count}
    if count < MANY or not add_columns(EventDelivery, columns):
        insert_columns(EventDelivery, columns)


def deliver(name: str) -> int:
    """Hand one batch of a lane's due events to its consumer. One that fails is tried again one by one, so that a bad event waits alone."""
    if not _due(name, 1):
        # Looked at outside a transaction: on SQLite every transaction takes the one write lock.
        return 0
    try:
        with transaction.atomic():
            taken = _take(name, _consumer_of(name).batch)
            if taken:
                _consumer_of(name).handle([delivery.event for delivery in taken])
                _finish(taken)
            return len(taken)
    except Exception as error:
        logger.warning("a batch of events failed for %s; taking them one by one: %s", name, trail(error))
    return _deliver_singly(name)


def _due(name: str, limit: int, within: timedelta = timedelta(0)) -> list[int]:
    return list(_waiting(name, clock.now() + within).values_list("pk", flat=True)[:limit])


def _waiting(name: str, until: datetime) -> QuerySet[EventDelivery]:
    due = Q(due_at__lte=until)
    if _consumer_of(name).longest is None:
        # Its due time is the moment of writing by somebody else's clock, unless it failed before.
        due |= Q(attempts=0)
    return EventDelivery.objects.filter(due, consumer=name, parked=False).order_by("due_at", "id")


def _take(name: str, limit: int) -> list[EventDelivery]:
    rows = _waiting(name, clock.now())
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    # Without the contacts: a consumer reads of them what it needs, as they are now.
    return list(rows.select_related("event")[:limit])


def _finish(taken: Sequence[EventDelivery]) -> None:
    EventDelivery.objects.filter(pk__in=[delivery.pk for delivery in taken])._raw_delete(using="default")  # type: ignore[attr-defined]


def _deliver_singly(name: str) -> int:
    done = 0
    for pk in _due(name, _consumer_of(name).batch):
        # The attempt is counted before the work, so that an event which kills its worker is parked as well.
        counted = EventDelivery.objects.filter(pk=pk, parked=False).first()
        if counted is None or not EventDelivery.objects.filter(pk=pk, attempts=counted.attempts).update(attempts=counted.attempts + 1):
            continue
        done += 1
        try:
            with transaction.atomic():
                delivery = (
                    EventDelivery.objects.select_for_update(of=("self",))
                    .select_related("event__contact", "event__identity")
                    .filter(pk=pk)
                    .first()
                )
                if delivery is not None:
                    _consumer_of(name).handle([delivery.event])
                    _finish([delivery])
        except DatabaseError as error:
            _put_off(pk, error, final=False)
        except Exception as error:
            _put_off(pk, error, final=counted.attempts + 1 >= MAX_ATTEMPTS)
    return done


def _put_off(pk: int, error: Exception, *, final: bool) -> None:
    logger.warning("event delivery %s failed%s: %s", pk, ", parked" if final else "", trail(error))
    reason = f"{type(error).__name__}: {error}"[:500]
    EventDelivery.objects.filter(pk=pk).update(due_at=clock.now() + RETRY_AFTER, last_error=reason, parked=final)


def hurry_along() -> int:
    """What is due later than its consumer's longest wait from now was written by a clock that is ahead of ours, or ours was put back."""
    now, count = clock.now(), 0
    for spec in _consumers.values():
        wait = spec.longest() if spec.longest else timedelta(0)
        fresh = Q(attempts=0, due_at__gt=now + wait + clock.MOST_SKEW)
        again = Q(attempts__gt=0, due_at__gt=now + max(wait, RETRY_AFTER) + clock.MOST_SKEW)
        for lane in lanes_of(spec.name):
            ahead = EventDelivery.objects.filter(fresh | again, consumer=lane, parked=False)
            if ahead.exists() and (moved := ahead.update(due_at=now + wait)):
                count += moved
                jobs.wake(f"events:{lane}")
    return count


def replay_parked(name: str) -> int:
    """Give parked events of a consumer another three attempts."""
    lanes = lanes_of(name)
    count = EventDelivery.objects.filter(consumer__in=lanes, parked=True).update(parked=False, attempts=0, due_at=clock.now())
    for lane in lanes:
        jobs.wake(f"events:{lane}")
    return count
