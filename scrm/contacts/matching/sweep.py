"""All contacts compared with one another, in steps that each stand by themselves: stopped at any moment, it goes on where it was.

Who shares a key with whom is read once, in one pass. A step takes the contacts after the last one done, by id, compares them with the
partners that have higher ids, and commits pairs, cases and its own position together. So nothing is lost and nothing is done twice,
whatever kills the process. Comparing runs in processes of its own beside the reading and writing of this one. New contacts are compared
as they come.
"""

from __future__ import annotations

import multiprocessing
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef

from scrm.contacts.matching import casework, finding, frequencies, profile, stepping, store, ties, together
from scrm.contacts.matching.comparing import Likeness
from scrm.contacts.matching.pairing import Pairs
from scrm.contacts.matching.publishing import Rules, in_force
from scrm.contacts.models import Contact, MatchProfile, MatchSweep
from scrm.core import clock

STEP = 2_000


@dataclass(frozen=True, slots=True)
class Progress:
    """`total`: contacts to compare; `found`: pairs that may be one person. `again`: all are compared, and judged once more."""

    sweep: int
    done: int
    total: int
    found: int
    again: bool = False


def unfinished() -> MatchSweep | None:
    return MatchSweep.objects.filter(state=MatchSweep.State.RUNNING).order_by("-pk").first()


def begin(rules: Rules | None = None) -> MatchSweep:
    now = clock.now()
    version = (rules or in_force()).version
    return MatchSweep.objects.create(rules_version=version, started_at=now, updated_at=now)


def run(sweep: MatchSweep, *, step: int = STEP, processes: int = 1, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Go on with a sweep; yields after each step that is stored. `processes`: so many compare while this one reads and writes."""
    rules = in_force()
    counted = frequencies.recount() if sweep.position == 0 else frequencies.every()
    done = Contact.objects.filter(merged_into=None, pk__lte=sweep.position).count()
    ids = list(Contact.objects.filter(merged_into=None).order_by("pk").values_list("pk", flat=True).iterator(chunk_size=50_000))
    total = len(ids)
    pairs = Pairs(ids, done, step).gather()
    common = stepping.Common(rules.settings, dict(rules.weights), counted)
    with _comparers(common, processes) as submit:
        waiting: deque[tuple[Sequence[int], Future[list[stepping.Found]]]] = deque()
        numbers = iter(range(-(-(total - done) // step)))
        while True:
            while len(waiting) <= processes and not stop() and (number := next(numbers, None)) is not None:
                part = pairs.ids_of_step(number)
                waiting.append((part, submit(_bodies(part, pairs.of_step(number)))))
            if not waiting or stop():
                break
            part, result = waiting.popleft()
            found = [_likeness(each) for each in result.result()]
            with transaction.atomic():
                _store(sweep, part, found, rules)
            yield Progress(sweep.pk, min(bisect_right(ids, sweep.position), total), total, sweep.found)
    yield from _judge_again(sweep, ids, rules, step=step, stop=stop)
    if stop():
        return
    sweep.state, sweep.finished_at = MatchSweep.State.DONE, clock.now()
    sweep.save(update_fields=["state", "finished_at"])


def _bodies(ids: Sequence[int], pairs: Sequence[tuple[int, int, int]]) -> stepping.Step:
    concerned = {pk for one, other, _ in pairs for pk in (one, other)}
    return stepping.Step(ids, store.bodies(concerned), pairs)


def _judge_again(sweep: MatchSweep, ids: Sequence[int], rules: Rules, *, step: int, stop: Callable[[], bool]) -> Iterator[Progress]:
    """What was judged before the ties of its contacts' other records were known."""
    place = bisect_right(ids, sweep.judged)
    while place < len(ids) and not stop():
        part = ids[place : place + step]
        place += len(part)
        with transaction.atomic():
            casework.take_turn()
            finding.record(together.judged(part, ties.around(part), rules, {}, lower_only=True), part, rules, lower_only=True)
            sweep.judged, sweep.updated_at = part[-1], clock.now()
            sweep.save(update_fields=["judged", "updated_at"])
        yield Progress(sweep.pk, place, len(ids), sweep.found, again=True)


def _likeness(found: stepping.Found) -> Likeness:
    first, second, score, proposed, lines = found
    return Likeness(first, second, score, (), proposed, tuple(lines))


Submit = Callable[[stepping.Step], "Future[list[stepping.Found]]"]


@contextmanager
def _comparers(common: stepping.Common, processes: int) -> Iterator[Submit]:
    """Where steps are compared: in this process, or in others that are started anew and know no database."""
    if processes < 2:
        yield partial(_here, common)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=stepping.begin, initargs=(common,)) as pool:
        try:
            yield lambda step: pool.submit(stepping.compare, step)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _here(common: stepping.Common, step: stepping.Step) -> Future[list[stepping.Found]]:
    future: Future[list[stepping.Found]] = Future()
    future.set_result(stepping.compare_with(common, step))
    return future


def _store(sweep: MatchSweep, ids: Sequence[int], found: Sequence[Likeness], rules: Rules) -> None:
    casework.take_turn()
    ties.write((each.tie for each in found), ids, lower_only=True)
    direct = {(each.first, each.second): each for each in found if each.stored}
    judged = together.judged(ids, ties.around(ids), rules, direct, lower_only=True)
    finding.record(judged, ids, rules, lower_only=True)
    sweep.position = ids[-1]
    sweep.compared += len(ids)
    sweep.found += sum(likeness is not None for likeness in judged.values())
    sweep.updated_at = clock.now()
    sweep.save(update_fields=["position", "compared", "found", "updated_at"])


def prepare(*, step: int = 1_000, stop: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Store keys of the contacts that have none yet, or those of an earlier version; yields how many it stored so far."""
    stored, position = 0, 0
    while not stop():
        # Not by `exclude(pk__in=…)`: of a million ids PostgreSQL keeps no table in memory and goes through them for every contact.
        current = MatchProfile.objects.filter(contact=OuterRef("pk"), version=profile.VERSION)
        rows = Contact.objects.filter(~Exists(current), pk__gt=position, merged_into=None)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:step])
        if not ids:
            return
        store.refresh(ids)
        position = ids[-1]
        stored += len(ids)
        yield stored
