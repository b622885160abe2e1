"""What people will be asked about, gathered until all is judged, then written whole clusters at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scrm.contacts.matching import finding, foreseen, stepping, ties, together
from scrm.contacts.matching.foreseen import NewCase, NewPair
from scrm.contacts.matching.publishing import Rules
from scrm.contacts.matching.shelf import File


@dataclass(frozen=True, slots=True)
class Chunk:
    """Contacts that hang together with nobody outside of it, by their places; `last`: the contact that is done when this is written."""

    places: Sequence[int]
    edges: Sequence[tuple[Any, ...]]
    last: int


class Outcome:
    """`ids`: all contacts, ascending. Evidence waits in a file without a name, some 500 bytes a pair."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids
        self._found = stepping.Judged()
        self._text, self._ends, self._at = File(), array("Q"), 0
        # Of each place a lower one that it hangs together with, in the end the lowest; its own: none.
        self._lower = array("I", range(len(ids)))

    def add(self, found: stepping.Judged) -> None:
        held = self._found
        held.firsts += found.firsts
        held.seconds += found.seconds
        held.scores += found.scores
        held.contradict += found.contradict
        held.may_propose += found.may_propose
        for lines in found.lines:
            self._at += len(lines)
            self._ends.append(self._at)
        self._text.write(b"".join(found.lines))
        for first, second in zip(found.firsts, found.seconds, strict=True):
            one, other = self._lowest(first), self._lowest(second)
            if one != other:
                self._lower[max(one, other)] = min(one, other)

    def _lowest(self, place: int) -> int:
        lower = self._lower
        while lower[place] != place:
            lower[place] = lower[lower[place]]
            place = lower[place]
        return place

    def chunks(self, start: int, step: int) -> Iterator[Chunk]:
        """Everybody whose lowest connected contact is at `start` or after it; so many of the lowest at a time."""
        self._text.written()
        lowest = array("I", map(self._lowest, self._found.firsts))
        pairs = sorted(range(len(lowest)), key=lowest.__getitem__)
        at = 0
        for low in range(start, len(self._ids), step):
            high, begin = min(low + step, len(self._ids)), at
            while at < len(pairs) and lowest[pairs[at]] < high:
                at += 1
            edges = [self._edge(pair) for pair in pairs[begin:at]]
            alone = {place for place in range(low, high) if self._lowest(place) == place}
            places = alone.union(*(self._places(pair) for pair in pairs[begin:at]))
            yield Chunk(sorted(places), edges, self._ids[high - 1])

    def _places(self, pair: int) -> tuple[int, int]:
        return self._found.firsts[pair], self._found.seconds[pair]

    def _edge(self, pair: int) -> tuple[Any, ...]:
        first, second = self._places(pair)
        held = self._found
        contradicts, may_propose = bool(held.contradict[pair]), bool(held.may_propose[pair])
        return self._ids[first], self._ids[second], held.scores[pair], contradicts, may_propose, pair

    def _pair(self, pair: int) -> NewPair:
        first, second = self._places(pair)
        begin = self._ends[pair - 1] if pair else 0
        lines = bytes(self._text.whole()[begin : self._ends[pair]]).decode()
        return NewPair(self._ids[first], self._ids[second], self._found.scores[pair], lines)

    def write(self, chunk: Chunk, cases: Sequence[stepping.Grouped], rules: Rules) -> None:
        """The caller has the turn. Whoever something is stored of already is judged anew together with all that hang together with them,
        by what stands there now."""
        ids = self._ids
        stored = foreseen.unforeseen([ids[place] for place in chunk.places])
        aside = {self._lowest(place) for place in chunk.places if ids[place] in stored} if stored else set()
        new = [case for case in cases if self._lowest(self._found.firsts[case[3][0]]) not in aside]
        foreseen.write([NewCase(*case[:3], [self._pair(pair) for pair in case[3]]) for case in new], rules.version)
        again = [ids[place] for place in chunk.places if self._lowest(place) in aside] if aside else []
        if again:
            finding.record(together.judged(again, ties.around(again), rules, {}, lower_only=True), again, rules, lower_only=True)
