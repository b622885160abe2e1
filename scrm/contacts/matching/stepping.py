"""What processes of their own do of the comparison of all contacts: numbers in, columns out. Pure, no database.

Started anew by `spawn`, so nothing of the parent's connections is there; what all steps need comes once, by `begin`. Contacts are named
by their places on the shelf.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeVar

from scrm.contacts.matching import blocks, collective, evidence, grouping
from scrm.contacts.matching.collective import FAINT, HOPELESS
from scrm.contacts.matching.grouping import Edge
from scrm.contacts.matching.judging import Judge
from scrm.contacts.matching.packing import unpacked
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.rarity import Frequencies
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.shelf import Shelf, Ties
from scrm.core import fastjson

_written = fastjson.writer()
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Common:
    """What every step needs."""

    settings: Settings
    weights: Mapping[str, float]
    known: Frequencies
    shelf: Shelf


@dataclass(frozen=True, slots=True)
class Step:
    """The contacts at these places, `high` not among them, and their pairs: see `packing`."""

    low: int
    high: int
    pairs: array[int]


@dataclass(slots=True)
class Compared:
    """Ties, as columns of ids, log odds and truths. `asked`: pairs that are likely enough by what they themselves say."""

    firsts: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[int] = field(default_factory=lambda: array("q"))
    odds: array[float] = field(default_factory=lambda: array("d"))
    sure: bytearray = field(default_factory=bytearray)
    asked: int = 0


@dataclass(slots=True)
class Judged:
    """Pairs that people are asked about, as columns, the lower place first. `lines`: evidence as JSON."""

    firsts: array[int] = field(default_factory=lambda: array("I"))
    seconds: array[int] = field(default_factory=lambda: array("I"))
    scores: array[float] = field(default_factory=lambda: array("d"))
    contradict: bytearray = field(default_factory=bytearray)
    may_propose: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list)


# A case: score, contacts, proposal, and its pairs as whoever asked calls them.
Grouped = tuple[float, int, str, list[int]]
_common: list[Common] = []


def begin(common: Common) -> None:
    """In a process that was started for this."""
    _common[:] = [common]
    # A step makes some hundred thousand objects, none of which refers back to another: looking for cycles took most of its time.
    gc.disable()
    # Ctrl-C goes to all at once; the one that stores ends the others when its step is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess | None) -> None:
    """Whoever waits for work would wait for ever when the one that gives it is killed."""
    if parent is not None:
        parent.join()
        os._exit(1)


def do(work: Callable[[Common, Given], Made], given: Given) -> Made:
    """One piece of work, in a process that was begun."""
    return work(_common[0], given)


def compare(common: Common, step: Step) -> Compared:
    """Each contact with its partners of higher places."""
    shelf, settings = common.shelf, common.settings
    asked = settings.review_from / 100
    least = min(asked, FAINT)
    judged = Judge(settings, common.weights, common.known, least=least)
    known: dict[int, Profile | None] = {}
    found = Compared()
    for place, others in _partners(step).items():
        mine = _profile(shelf, place, known)
        if mine is None:
            continue
        present = [(other, each, size) for other, size in others if (each := _profile(shelf, other, known)) is not None]
        crowded = blocks.crowded_of(mine, [each for _, each, _ in present])
        for other, each, size in present:
            if other < place:
                continue
            score, items = judged(mine, each, crowded, max(size, 2))
            if score >= least:
                found.firsts.append(mine.pk)
                found.seconds.append(each.pk)
                found.odds.append(evidence.log_odds(score))
                found.sure.append(score * 100 >= settings.merge_from and evidence.surely_one([code for code, _, _ in items]))
                found.asked += score >= asked
    return found


def judge(common: Common, step: Step) -> Judged:
    """What people are asked about of the pairs whose lower contact is at one of these places, all ties being on the shelf."""
    shelf, settings, weights = common.shelf, common.settings, common.weights
    asked = settings.review_from / 100
    ids = shelf.ids()
    ties = Ties(shelf)
    judged = Judge(settings, weights, common.known, least=HOPELESS)
    _, likely = collective.likely(ids[step.low : step.high], ties, weights, asked, lower_only=True)
    partners = _partners(step)
    wanted: dict[int, list[int]] = {}
    for first, second in sorted(likely):
        wanted.setdefault(first, []).append(second)
    known: dict[int, Profile | None] = {}
    found = Judged()
    for first, others in wanted.items():
        place = shelf.place_of(first)
        mine = None if place is None else _profile(shelf, place, known)
        if place is None or mine is None:
            continue
        sizes = dict(partners.get(place, ()))
        crowded = blocks.crowded_of(mine, _sharers(shelf, mine, sizes, known))
        for second in others:
            other = shelf.place_of(second)
            theirs = None if other is None else _profile(shelf, other, known)
            if other is None or theirs is None:
                continue
            score, items = judged(mine, theirs, crowded, max(sizes.get(other, 0), 2))
            if score < HOPELESS:
                continue
            score, lines, _ = collective.amended((first, second), score, evidence.as_json(items, weights), ties, weights)
            if score >= asked:
                codes = [str(line["code"]) for line in lines]
                found.firsts.append(place)
                found.seconds.append(other)
                found.scores.append(score)
                found.contradict.append(evidence.contradicts(codes))
                found.may_propose.append(evidence.may_propose(codes))
                found.lines.append(_written(lines).encode())
    return found


def group(common: Common, edges: Sequence[tuple[Any, ...]]) -> list[Grouped]:
    """Cases of open pairs that nobody decided anything about: score, contacts, proposal, and the places of their pairs."""
    made = [Edge(*each) for each in edges]
    speak_against = {(edge.first, edge.second) for edge in made if grouping.against(edge)}
    cases = grouping.grouped(made, (), speak_against, common.settings.merge_from / 100)
    return [(case.score, case.size, case.proposal, [edge.place for edge in case.edges]) for case in cases]


def _partners(step: Step) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for place, other, size in unpacked(step.pairs):
        if step.low <= place < step.high:
            found.setdefault(place, []).append((other, size))
    return found


def _profile(shelf: Shelf, place: int, known: dict[int, Profile | None]) -> Profile | None:
    if place not in known:
        known[place] = shelf.profile(place)
    return known[place]


def _sharers(shelf: Shelf, mine: Profile, partners: Iterable[int], known: dict[int, Profile | None]) -> Collection[Profile]:
    """Of a contact's partners at least those who have one of its addresses; seen by their bodies, which is quicker than reading them."""
    addresses = [_written(each)[1:-1].encode() for each in (*mine.phones, *mine.maybe, *mine.emails)]
    if not addresses:
        return ()
    found = []
    for place in partners:
        body = shelf.body(place)
        if any(address in body for address in addresses) and (each := _profile(shelf, place, known)) is not None:
            found.append(each)
    return found
