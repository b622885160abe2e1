"""The only door to django-q2.

The database is the truth and the queue only wakes workers, so a lost, late or doubled wake-up changes nothing but latency:

* A **drain** is a function that takes what is due in small batches and says how many it did. `wake("name")` after a commit asks
  for it; the job goes on until nothing is left and then lingers for a second, so that a burst needs few wake-ups. Nobody is asked
  again while a wake-up waits in the queue or enough slots of the drain are held: whoever gives a slot back looks once more after that.
* A **periodic** job runs every so many seconds on whichever host moves its row in `Timetable` first.
* The supervisor asks for a `tick` every few seconds; the tick wakes every drain and starts what is due. When a cluster stops
  beating although ticks are asked for, when ticks no longer get their turn, or when jobs are done but not acknowledged, the supervisor
  kills and restarts it (django-q2 can wedge silently, as a whole or in part, when one of its idle processes dies).

Attempts are counted in the rows of the work itself, before the work, never by the queue.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from scrm.core import clock, giving_way, stopping
from scrm.core.beating import Beater
from scrm.core.leases import lease_now
from scrm.core.logs import trail
from scrm.core.models import DrainSlot, Heartbeat, Timetable

logger = logging.getLogger(__name__)

TICK, DRAIN, PERIODIC = "scrm.core.jobs.tick", "scrm.core.jobs.run_drain", "scrm.core.jobs.run_periodic"
WAKE_GAP_SECONDS = 0.25
LINGER_SECONDS = 1.0
# Between looks at an empty queue, longer each time: four workers that look every 30 ms cost a third of a core.
LINGER_PAUSE_SECONDS = 0.03
LONGEST_PAUSE_SECONDS = 0.15
# What trickles in is done in groups: a step costs as much as a dozen rows. Urgent drains do not wait.
GROUP_SECONDS = 0.35
LONGEST_DRAIN_SECONDS = 20.0
# Below the time at which the queue kills a job. Whoever leaves an urgent drain stands in line before somebody is at it again.
LONGEST_URGENT_SECONDS = 45.0
TURN_SECONDS = 0.5
SLOT_LEASE = timedelta(seconds=45)
BEAT_GAP_SECONDS = 2.0
WORKERS_TO_SPARE_ONE = 3
ACKNOWLEDGED_WITHIN_SECONDS = 30


@dataclass(frozen=True)
class Drain:
    name: str
    step: Callable[[], int]
    slots: int
    urgent: bool = False
    soon: Callable[[timedelta], bool] | None = None
    full: int = 0
    group: float | None = None
    watched: bool = False


@dataclass(frozen=True)
class Periodic:
    name: str
    run: Callable[[], None]
    every: int


_drains: dict[str, Drain] = {}
_periodics: dict[str, Periodic] = {}
_last_wake: dict[str, float] = {}
_last_beat = 0.0


def drain(
    name: str,
    *,
    slots: int = 1,
    urgent: bool = False,
    soon: Callable[[timedelta], bool] | None = None,
    full: int = 0,
    group: float | None = None,
    watched: bool = False,
) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Register a step that does one small batch and returns how many rows it finished; at most `slots` run at once.

    On SQLite there is one writer, so one slot is as fast as many. Of an urgent drain, one worker stays at it while there is work,
    however long others wait: what customers write must not stand in line behind what is to be done about it.
    `soon` says whether something falls due within a time: it was asked for when it was written, and is waited for.
    `full` is how many rows a step returns when there is likely more: then the next one begins at once, and only then are the slots after
    the first one used, because two that share a trickle pay for twice as many steps. `group` is how many seconds lie between the
    beginnings of two steps that found something, unless it is `GROUP_SECONDS`. `watched`: somebody sits before a screen until it is
    done; all that is neither that nor urgent gives way.
    """

    def register(step: Callable[[], int]) -> Callable[[], int]:
        _drains[name] = Drain(name, step, slots, urgent, soon, full, group, watched)
        return step

    return register


def periodic(name: str, *, every: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that runs every `every` seconds, on one host at a time. It must be safe to run twice."""

    def register(run: Callable[[], None]) -> Callable[[], None]:
        _periodics[name] = Periodic(name, run, every)
        return run

    return register


def drains() -> dict[str, Drain]:
    return dict(_drains)


def periodics() -> dict[str, Periodic]:
    return dict(_periodics)


def wake_on_commit(name: str) -> None:
    """Ask for a drain once the current transaction is safe. Free to call for every row."""
    transaction.on_commit(lambda: wake(name))


def wake(name: str, *, help_wanted: bool = False) -> None:
    """Ask for a drain now. Never raises: the sweep finds what a lost wake-up leaves.

    Within `WAKE_GAP_SECONDS` one wake-up a process is enough: the drain it starts lingers longer than that.
    """
    mono = time.monotonic()
    if not settings.JOBS_ENABLED or mono - _last_wake.get(name, -1.0) < WAKE_GAP_SECONDS:
        return
    _last_wake[name] = mono
    try:
        if not _enough_held(name, _held_slots(name), help_wanted):
            _ask_for([(DRAIN, name)])
    except DatabaseError as error:
        logger.warning("wake-up for %s lost; the next sweep takes it: %s", name, trail(error))


def _ask_for(jobs: Iterable[tuple[str, ...]]) -> None:
    """Put jobs, each a path and its arguments, into the queue unless they wait there already.

    A waiting job has not looked at the database yet, so it will see whatever was committed before we saw it wait.
    """
    waiting = _waiting()
    if waiting is None:
        return
    for path, *args in jobs:
        if (path, *args) not in waiting:
            _enqueue(path, *args)


def _waiting() -> set[tuple[str, ...]] | None:
    """The jobs that nobody has fetched, as (path, arguments).

    None when there are more than can be of ours: nobody works, and the watchdog will empty the queue.
    """
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    payloads = list(OrmQ.objects.filter(lock__lte=clock.now()).values_list("payload", flat=True)[: settings.TICK_BACKLOG])
    if len(payloads) >= settings.TICK_BACKLOG:
        return None
    found: set[tuple[str, ...]] = set()
    for payload in payloads:
        # What cannot be read, such as a job signed with an older key, is none of ours; a worker throws it away.
        with suppress(Exception):
            job = SignedPackage.loads(payload)
            found.add((job["func"], *job["args"]))
    return found


def _enqueue(path: str, *args: str) -> None:
    from django_q.tasks import async_task

    try:
        with transaction.atomic():
            async_task(path, *args, save=False)
    except Exception as error:
        logger.warning("wake-up for %s lost; the next sweep takes it: %s", args or path, trail(error))


def cluster_name() -> str:
    return os.environ.get("SCRM_CLUSTER") or f"{socket.gethostname()}:{os.getpid()}"


def beat(job: str, *, force: bool = False) -> None:
    """Tell the watchdog that this cluster works. At most one write every two seconds a process."""
    global _last_beat
    mono = time.monotonic()
    if not force and mono - _last_beat < BEAT_GAP_SECONDS:
        return
    _last_beat = mono
    Heartbeat.objects.update_or_create(cluster=cluster_name(), defaults={"beaten_at": clock.now(), "last_job": job})


_beater = Beater(beat)
_not_given_back: list[DrainSlot] = []


@contextmanager
def _at_work(job: str) -> Iterator[None]:
    close_old_connections()
    while _not_given_back:
        _give_back(_not_given_back.pop())
    beat(job)
    _beater.start(job)
    try:
        yield
    finally:
        _beater.stop()


def _slots_of(spec: Drain) -> int:
    """On SQLite there is one writer: one slot is as fast as many."""
    return 1 if connection.vendor == "sqlite" else spec.slots


def _held_slots(name: str | None = None) -> Counter[str]:
    """How many slots of each drain, or of one, are in the hands of somebody at work."""
    rows = DrainSlot.objects.filter(lease_until__gt=clock.now())
    if name is not None:
        rows = rows.filter(name=name)
    return Counter(drain for drain, holder in rows.values_list("name", "holder") if not _holder_is_gone(holder))


def _all_held(name: str, held: Mapping[str, int]) -> bool:
    """Whether nobody need be asked: each of those at work looks once more after giving its slot back."""
    spec = _drains.get(name)
    return spec is not None and held.get(name, 0) >= _slots_of(spec)


def _enough_held(name: str, held: Mapping[str, int], help_wanted: bool) -> bool:
    """As `_all_held`; one who is at it is enough while no step comes back full."""
    spec = _drains.get(name)
    alone = spec is not None and bool(spec.full) and not help_wanted
    return held.get(name, 0) >= 1 if alone else _all_held(name, held)


def _take_slot(spec: Drain) -> DrainSlot | None:
    """A free slot of this drain, or one whose holder is late or dead, taken by a conditional update; None when all are at work."""
    now = clock.now()
    rows = {row.slot: row for row in DrainSlot.objects.filter(name=spec.name)}
    for number in range(_slots_of(spec)):
        row = rows.get(number) or _new_slot(spec, number, now)
        if row.lease_until > now and not _holder_is_gone(row.holder):
            continue
        taken = DrainSlot.objects.filter(pk=row.pk, lease_until=row.lease_until)
        until = now + SLOT_LEASE
        if taken.update(lease_until=until, holder=f"{cluster_name()}/{os.getpid()}"):
            row.lease_until = until
            return row
    return None


def _new_slot(spec: Drain, number: int, now: datetime) -> DrainSlot:
    return DrainSlot.objects.get_or_create(name=spec.name, slot=number, defaults={"lease_until": now - SLOT_LEASE})[0]


def _give_back(slot: DrainSlot) -> None:
    """Free the slot, or, when the database went away under the job, at this process's next one: it lives, so nobody else would take it."""
    try:
        DrainSlot.objects.filter(pk=slot.pk, lease_until=slot.lease_until).update(lease_until=clock.now())
    except DatabaseError:
        _not_given_back.append(slot)
        raise


def _holder_is_gone(holder: str) -> bool:
    """True when the process that held the slot ran on this host and is no more; nobody need wait for its lease."""
    cluster, _, pid = holder.rpartition("/")
    if cluster != cluster_name() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def run_drain(name: str) -> None:
    """The job behind `wake`: drain until nothing is left, linger, give the slot back, look once more.

    While the slot was held nobody was asked. What was committed then, too late for the last step, is found by the look after the slot is
    free; for what comes later others are asked again.
    """
    spec = _drains[name]
    giving_way.give_way(not (spec.urgent or spec.watched))
    with _at_work(name):
        while (slot := _take_slot(spec)) is not None:
            try:
                idle = drain_until_idle(spec, slot)
            finally:
                _give_back(slot)
            if not idle:
                _last_wake.pop(name, None)
                wake(name)
                return
            if not spec.step() and not _soon(spec):
                return
            if spec.full and _held_slots(name)[name]:
                return  # whoever is still at it looks once more as well


def drain_until_idle(spec: Drain, slot: DrainSlot | None = None) -> bool:
    """Step until idle, until others have waited for a worker for a moment, or until the cluster has to end; False: something may be left.

    Only a job that found something lingers: most wake-ups are the sweep's, and a lingering job holds a worker.
    """
    started = idle_since = looked = time.monotonic()
    renewed, linger, pause = started, 0.0, LINGER_PAUSE_SECONDS
    longest = LONGEST_URGENT_SECONDS if spec.urgent else LONGEST_DRAIN_SECONDS
    while not stopping.out_of_time() and (mono := time.monotonic()) - started < longest:
        if done := spec.step():
            idle_since, linger, pause = time.monotonic(), LINGER_SECONDS, LINGER_PAUSE_SECONDS
            full = bool(spec.full) and done >= spec.full
            if full:
                wake(spec.name, help_wanted=True)
            elif spec.full and slot is not None and slot.slot:
                return True
            # A step that took all it may has nothing to wait for.
            if not spec.urgent and not full:
                time.sleep(max(0.0, mono + _group_of(spec) - idle_since))
        elif stopping.told():
            return False
        elif mono - idle_since > linger:
            if not _soon(spec):
                return True
            idle_since, linger = mono, LINGER_SECONDS
        else:
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        beat(spec.name)
        if mono - looked > TURN_SECONDS and not _stays(spec, slot):
            looked = mono
            if _others_wait():
                # Who woke us within the gap has asked for nothing since, so that long the look goes on.
                return mono - idle_since > 2 * WAKE_GAP_SECONDS and not _soon(spec)
        if slot is not None and mono - renewed > 10:
            renewed = mono
            until = clock.now() + SLOT_LEASE
            if not DrainSlot.objects.filter(pk=slot.pk, lease_until=slot.lease_until).update(lease_until=until):
                return True
            slot.lease_until = until
    return False


def _group_of(spec: Drain) -> float:
    return GROUP_SECONDS if spec.group is None else spec.group


def _soon(spec: Drain) -> bool:
    """Something falls due while a job would linger; nobody else would come for it before the sweep."""
    return spec.soon is not None and spec.soon(timedelta(seconds=LINGER_SECONDS))


def _stays(spec: Drain, slot: DrainSlot | None) -> bool:
    return spec.urgent and slot is not None and slot.slot == 0 and bool(settings.WORKERS >= WORKERS_TO_SPARE_ONE)


def _others_wait() -> bool:
    """More jobs are asked for than this host's workers can have in hand."""
    from django_q.models import OrmQ

    return OrmQ.objects.count() > settings.WORKERS


def ask_for_tick() -> None:
    """Called by the supervisor. One tick waits at a time, however long the workers are away."""
    _ask_for([(TICK,)])


def forget_unacknowledged() -> int:
    """Remove jobs that were fetched so long ago that they have ended or were killed, and that nobody acknowledged. Returns how many.

    They were held by a cluster that died, or by one whose acknowledging process is stuck. Left alone they would come back when their
    lock runs out, again and again, until they are all that the workers do. Nothing is lost: the rows of the work know what is due.
    """
    from django_q.models import OrmQ

    cluster: dict[str, Any] = settings.Q_CLUSTER
    longest = timedelta(seconds=cluster["timeout"] + ACKNOWLEDGED_WITHIN_SECONDS)
    fetched_before = clock.now() - longest + timedelta(seconds=cluster["retry"])
    return int(OrmQ.objects.filter(lock__gt=clock.now(), lock__lt=fetched_before).delete()[0])


def forget_naming(wanted: re.Pattern[str] | None) -> int:
    """Remove jobs and results of jobs whose arguments or results name a person who is erased. Ours name nobody; a partner's may."""
    from django_q.models import OrmQ, Task
    from django_q.signing import SignedPackage

    if wanted is None:
        return 0
    named: list[int] = []
    for row in OrmQ.objects.only("pk", "payload").iterator(chunk_size=500):
        with suppress(Exception):
            if wanted.search(str(SignedPackage.loads(row.payload))):
                named.append(row.pk)
    tasks = Task.objects.only("pk", "name", "args", "kwargs", "result").iterator(chunk_size=500)
    done = [task.pk for task in tasks if wanted.search(f"{task.name} {task.args} {task.kwargs} {task.result}")]
    return int(OrmQ.objects.filter(pk__in=named).delete()[0]) + int(Task.objects.filter(pk__in=done).delete()[0])


def forget_all_asked() -> None:
    """Empty the queue. Whatever is due is asked for again by the next tick."""
    from django_q.models import OrmQ

    OrmQ.objects.all().delete()


def tick_age() -> float | None:
    """Seconds since a tick last ran anywhere, or None when none ever did."""
    started = Timetable.objects.filter(pk="tick").values_list("started_at", flat=True).first()
    return None if started is None else (clock.now() - started).total_seconds()


def tick() -> None:
    """Beat, start the periodic jobs that are due, wake every drain that nobody is at."""
    close_old_connections()
    beat("tick", force=True)
    Timetable.objects.update_or_create(name="tick", defaults={"started_at": clock.now(), "finished_at": clock.now()})
    # Not through `wake`: its pause after each call counts on a job that found something and lingers.
    held = _held_slots()
    due = [(PERIODIC, spec.name) for spec in _periodics.values() if _due(spec)]
    _ask_for([*due, *((DRAIN, name) for name in _drains if not _all_held(name, held))])


def _due(spec: Periodic) -> bool:
    """By the clock on which all hosts agree. A slot that lies ahead of it was taken before the clock was put back, and holds nobody up."""
    rows = Timetable.objects.filter(pk=spec.name).annotate(now=lease_now()).values_list("last_slot", "now")
    found = rows.first()
    if found is None:
        Timetable.objects.get_or_create(name=spec.name)
        found = rows.get()
    last_slot, now = found
    slot = int(now.timestamp()) // spec.every
    # The next one: somebody else read the clock a moment later.
    if last_slot in {slot, slot + 1}:
        return False
    mine = Timetable.objects.filter(pk=spec.name, last_slot=last_slot)
    return bool(mine.update(last_slot=slot, started_at=clock.now()))


def run_periodic(name: str) -> None:
    error = ""
    giving_way.give_way(True)
    with _at_work(name):
        try:
            _periodics[name].run()
        except Exception as problem:
            logger.error("periodic job %s failed; it runs again at its next time: %s", name, trail(problem))
            error = f"{type(problem).__name__}: {problem}"[:500]
    Timetable.objects.filter(pk=name).update(finished_at=clock.now(), last_error=error)


def oldest_beat_age(cluster: str) -> float | None:
    """Seconds since this cluster last worked, or None when it never did."""
    beaten = Heartbeat.objects.filter(pk=cluster).values_list("beaten_at", flat=True).first()
    return None if beaten is None else (clock.now() - beaten).total_seconds()


def run_everything_due(*, rounds: int = 50) -> int:
    """Drain all kinds of work in this process until nothing is left: for tests, commands and a machine without workers."""
    total = 0
    for _ in range(rounds):
        done = sum(spec.step() for spec in list(_drains.values()))
        total += done
        if not done:
            break
    return total
