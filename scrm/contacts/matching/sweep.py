"""All contacts compared with one another, in steps that each stand by themselves: stopped at any moment, it goes on where it was.

Who shares a key with whom is read once, in one pass, and so is every prepared contact. First all are compared, a step at a time: the
contacts after the last one done, by id, with their partners of higher ids; their ties and the sweep's position are committed together.
Then, all ties being known, pairs are judged by them, which changes nothing in the database, and at last what people are asked about is
written, whole clusters at a time with the position reached. So nothing is lost and nothing is done twice, whatever kills the process.

Comparing, judging and grouping run in processes of their own beside the reading and writing of this one. New contacts are compared as
they come; those that changed after they were read are compared once more at the end.
"""

from __future__ import annotations

import gc
import multiprocessing
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef

from scrm.contacts.matching import casework, finding, frequencies, profile, stepping, store, ties
from scrm.contacts.matching.outcome import Outcome
from scrm.contacts.matching.pairing import Pairs
from scrm.contacts.matching.publishing import Rules, in_force
from scrm.contacts.matching.shelf import Shelf
from scrm.contacts.models import Contact, MatchProfile, MatchSweep
from scrm.core import clock

STEP = 2_000
# So many steps are on their way for each process that compares.
_AHEAD = 3
# Contacts that changed meanwhile are compared so many at a time.
_CHANGED = 200

Stop = Callable[[], bool]
# A piece of work done with what it is given, here or in another process.
Submit = Callable[[Callable[[stepping.Common, Any], Any], Any], "Future[Any]"]
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Progress:
    """`total`: contacts to compare; `found`: pairs that may be one person. `again`: all are compared, and judged once more. `written`: all
    are judged, and the cases of the first ones stored."""

    sweep: int
    done: int
    total: int
    found: int
    again: bool = False
    written: bool = False


def unfinished() -> MatchSweep | None:
    return MatchSweep.objects.filter(state=MatchSweep.State.RUNNING).order_by("-pk").first()


def begin(rules: Rules | None = None) -> MatchSweep:
    now = clock.now()
    version = (rules or in_force()).version
    return MatchSweep.objects.create(rules_version=version, started_at=now, updated_at=now)


def run(sweep: MatchSweep, *, step: int = STEP, processes: int = 1, stop: Stop = lambda: False) -> Iterator[Progress]:
    """Go on with a sweep; yields after each step that is stored. `processes`: so many compare while this one reads and writes."""
    rules = in_force()
    ids = array("q", Contact.objects.filter(merged_into=None).order_by("pk").values_list("pk", flat=True).iterator(chunk_size=50_000))
    shelf = Shelf(ids)
    bodies = shelf.put_bodies(store.every_body())
    if sweep.position == 0:
        counted = frequencies.recount(bodies, len(ids))
    else:
        deque(bodies, maxlen=0)
        counted = frequencies.every()
    # What is written already was judged by all that it needs.
    pairs = Pairs(ids, bisect_right(ids, sweep.judged), step).gather()
    with _workers(stepping.Common(rules.settings, dict(rules.weights), counted, shelf), processes) as submit:
        yield from _compare(sweep, ids, pairs, submit, ahead=_AHEAD * processes, stop=stop)
        if not stop():
            shelf.put_ties(ties.every())
            yield from _judge(sweep, ids, pairs, submit, rules, ahead=_AHEAD * processes, stop=stop)
    _compare_changed(shelf)
    if stop():
        return
    sweep.state, sweep.finished_at = MatchSweep.State.DONE, clock.now()
    sweep.save(update_fields=["state", "finished_at"])


def _compare(sweep: MatchSweep, ids: Sequence[int], pairs: Pairs, submit: Submit, *, ahead: int, stop: Stop) -> Iterator[Progress]:
    steps = _steps(pairs, bisect_right(ids, sweep.position))
    for part, found in _in_order(submit, stepping.compare, steps, ahead, stop):
        with transaction.atomic():
            casework.take_turn()
            ties.replace(ids[part.low : part.high], list(zip(found.firsts, found.seconds, found.odds, map(bool, found.sure), strict=True)))
            sweep.position, sweep.compared = ids[part.high - 1], part.high
            sweep.found += found.asked
            sweep.updated_at = clock.now()
            sweep.save(update_fields=["position", "compared", "found", "updated_at"])
        yield Progress(sweep.pk, part.high, len(ids), sweep.found)


def _judge(
    sweep: MatchSweep, ids: Sequence[int], pairs: Pairs, submit: Submit, rules: Rules, *, ahead: int, stop: Stop
) -> Iterator[Progress]:
    start = bisect_right(ids, sweep.judged)
    outcome = Outcome(ids)
    for part, found in _in_order(submit, stepping.judge, _steps(pairs, start), ahead, stop):
        outcome.add(found)
        yield Progress(sweep.pk, part.high, len(ids), sweep.found, again=True)
    if stop():
        return
    chunks = outcome.chunks(start, pairs.step)
    for chunk, grouped in _in_order(submit, stepping.group, chunks, ahead, stop, given=lambda chunk: chunk.edges):
        with transaction.atomic():
            casework.take_turn()
            outcome.write(chunk, grouped, rules)
            sweep.judged, sweep.updated_at = chunk.last, clock.now()
            sweep.save(update_fields=["judged", "updated_at"])
        yield Progress(sweep.pk, bisect_right(ids, sweep.judged), len(ids), sweep.found, written=True)


def _compare_changed(shelf: Shelf) -> None:
    """Who came or changed after the shelf was filled was compared by what was known before, and so was everybody with the same number."""
    changed = sorted(shelf.changed(store.every_body()))
    for start in range(0, len(changed), _CHANGED):
        part = changed[start : start + _CHANGED]
        finding.match_contacts({*part, *finding.with_their_numbers(part)})


def _steps(pairs: Pairs, start: int) -> Iterator[stepping.Step]:
    while start < len(pairs.ids):
        end, packed = pairs.at(start)
        yield stepping.Step(start, end, packed)
        start = end


def _in_order(
    submit: Submit,
    work: Callable[[stepping.Common, Any], Made],
    pieces: Iterator[Given],
    ahead: int,
    stop: Stop,
    *,
    given: Callable[[Given], Any] = lambda each: each,
) -> Iterator[tuple[Given, Made]]:
    """Every piece with what the work made of it, in their order; so many are on their way at once."""
    waiting: deque[tuple[Given, Future[Made]]] = deque()
    while not stop():
        while len(waiting) < ahead and (piece := next(pieces, None)) is not None:
            waiting.append((piece, submit(work, given(piece))))
        if not waiting:
            return
        piece, result = waiting.popleft()
        yield piece, result.result()


@contextmanager
def _workers(common: stepping.Common, processes: int) -> Iterator[Submit]:
    """Where work is done: in this process, or in others that are started anew and know no database."""
    if processes < 2:
        yield partial(_here, common)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=stepping.begin, initargs=(common,)) as pool:
        try:
            yield lambda work, given: pool.submit(stepping.do, work, given)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _here(common: stepping.Common, work: Callable[[stepping.Common, Any], Any], given: Any) -> Future[Any]:
    future: Future[Any] = Future()
    collects = gc.isenabled()
    gc.disable()
    try:
        future.set_result(work(common, given))
    finally:
        if collects:
            gc.enable()
    return future


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
