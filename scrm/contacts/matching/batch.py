"""All contacts of a list compared with one another in memory, as `sweep` does it with those of the database. Pure, no database.

The processes share the work: each prepares its part of the contacts, gathers the pairs of its part of the keys, compares its contacts with
those that come after them, and judges these pairs once everybody's ties are known. Nothing is hashed for storing, so a key is made in a
fifth of the time.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scrm.contacts.matching import collective, evidence, keys, profile, rarity
from scrm.contacts.matching.blocks import crowded_addresses
from scrm.contacts.matching.clusters import clusters
from scrm.contacts.matching.collective import FAINT, HOPELESS, Pair, Tie
from scrm.contacts.matching.evidence import Item
from scrm.contacts.matching.judging import Judge
from scrm.contacts.matching.keys import LARGEST, Kind
from scrm.contacts.matching.profile import Facts, Profile
from scrm.contacts.matching.rarity import Frequencies
from scrm.contacts.matching.rules import Settings
from scrm.core.spreading import Exchange, possible, spread, undisturbed

# A pair as one number: the places of both, the lower in front.
_PLACE_BITS = 26
_PLACE = (1 << _PLACE_BITS) - 1
# How many contacts there may be.
MOST = 1 << _PLACE_BITS
_NAME = Kind.NAME.value
_LARGEST = {kind.value: largest for kind, largest in LARGEST.items()}


@dataclass(slots=True)
class Likely:
    """`proposed`: likely enough, and nothing speaks against merging. `apart`: only a person may bring these two together."""

    score: float
    proposed: bool
    apart: bool
    written: bytes

    @property
    def items(self) -> list[Item]:
        """The evidence; kept written, because of most of a million pairs nobody reads it."""
        found: list[Item] = marshal.loads(self.written)  # noqa: S302 - written here
        return found


# A pair as processes hand it over: the ids, and what makes a `Likely`.
_Row = tuple[int, int, float, bool, bool, bytes]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one process compares: of all contacts, the pairs whose lower one is its own, and how many have the same whole name; 0: the names
    differ. The contacts at the places `number`, `number` + `processes` and so on are its own."""

    profiles: Sequence[Profile]
    known: Frequencies
    crowded: frozenset[str]
    pairs: Mapping[int, int]
    number: int = 0
    processes: int = 1


def find(facts: Sequence[Facts], settings: Settings, weights: Mapping[str, float], processes: int = 1) -> dict[Pair, Likely]:
    """The pairs that people are to be asked about, by `pk`, the lower first. `facts`: of at most `MOST` contacts, by ascending `pk`."""
    if len(facts) > MOST:
        raise ValueError(f"{len(facts)} contacts are more than {MOST}: compare those of the database by a sweep")
    processes = possible(processes)
    kept: list[Prepared] = []

    def work(number: int, exchange: Exchange) -> list[_Row]:
        prepared = _prepare(facts, number, processes, exchange)
        if number:
            # Gone with its process, and sooner than by giving back a million things one by one.
            kept.append(prepared)
        return _compare(prepared, settings, weights, exchange)

    with undisturbed():
        return _likely(spread(processes, work))


def prepare(facts: Sequence[Facts]) -> Prepared:
    """Here, to be compared by several weights."""
    with undisturbed():
        return _prepare(facts, 0, 1, _alone)


def compare(prepared: Prepared, settings: Settings, weights: Mapping[str, float]) -> dict[Pair, Likely]:
    with undisturbed():
        return _likely([_compare(prepared, settings, weights, _alone)])


def _alone(mine: Any) -> list[Any]:
    return [mine]


def _likely(found: Iterable[Iterable[_Row]]) -> dict[Pair, Likely]:
    return {
        (first, second): Likely(score, proposed, apart, written)
        for each in found
        for first, second, score, proposed, apart, written in each
    }


def _prepare(facts: Sequence[Facts], number: int, processes: int, exchange: Exchange) -> Prepared:
    mine = [profile.prepare(each) for each in facts[number::processes]]
    held = [array("Q") for _ in range(processes)]
    owners = [array("I") for _ in range(processes)]
    for place, each in enumerate(mine):
        for key in keys.here(each):
            share = key % processes
            held[share].append(key)
            owners[share].append(number + place * processes)
    packed = list(map(profile.packed, mine)) if processes > 1 else []
    profiles: list[Profile] = [profile.NOBODY] * len(facts)
    counts: dict[str, int] = {}
    shares = [(each.tobytes(), of.tobytes()) for each, of in zip(held, owners, strict=True)]
    members = _Members(processes)
    for other, (theirs, their_shares, their_counts) in enumerate(exchange((packed, shares, rarity.counted(mine)[1]))):
        profiles[other::processes] = mine if other == number else map(profile.unpacked, theirs)
        for part, count in their_counts.items():
            counts[part] = counts.get(part, 0) + count
        their_keys, their_owners = their_shares[number]
        members.add(array("Q", their_keys), array("I", their_owners))
    known = Frequencies(len(facts), {part: count for part, count in counts.items() if count > 1}, len(facts))
    return Prepared(profiles, known, _crowded(profiles), _together(members.pairs(), number, exchange), number, processes)


def _crowded(profiles: Iterable[Profile]) -> frozenset[str]:
    first: dict[str, Profile] = {}
    several: dict[str, list[Profile]] = {}
    for each in profiles:
        for address in (*each.phones, *each.maybe, *each.emails):
            before = first.setdefault(address, each)
            if before is not each:
                several.setdefault(address, [before]).append(each)
    return crowded_addresses(several)


class _Members:
    """The contacts of each key that falls to one process."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._first: dict[int, int] = {}
        self._several: dict[int, list[int]] = {}

    def add(self, held: Sequence[int], owners: Sequence[int]) -> None:
        """Keys, and the contact that has each."""
        first, several = self._first, self._several
        for key, place in zip(held, owners, strict=True):
            before = first.setdefault(key, place)
            if before != place:
                members = several.get(key)
                if members is None:
                    several[key] = [before, place]
                else:
                    members.append(place)

    def pairs(self) -> list[dict[int, int]]:
        """By process whose contact is the lower one."""
        processes = self._processes
        parts: list[dict[int, int]] = [{} for _ in range(processes)]
        for key, members in self._several.items():
            kind, size = key >> keys.BITS, len(members)
            if size > _LARGEST[kind]:
                continue
            members.sort()
            named = size if kind == _NAME else 0
            for place, low in enumerate(members):
                part, above = parts[low % processes], low << _PLACE_BITS
                for high in members[place + 1 :]:
                    pair = above | high
                    known = part.setdefault(pair, named)
                    if named and (not known or named < known):
                        part[pair] = named
        return parts


def _together(parts: Sequence[dict[int, int]], number: int, exchange: Exchange) -> dict[int, int]:
    """The pairs of one process, of those that everybody gathered."""
    found = parts[number]
    told = exchange([None if place == number else (array("Q", part).tobytes(), bytes(part.values())) for place, part in enumerate(parts)])
    for other, each in enumerate(told):
        if other != number:
            pairs, sizes = each[number]
            for pair, named in zip(array("Q", pairs), sizes, strict=True):
                known = found.setdefault(pair, named)
                if named and (not known or named < known):
                    found[pair] = named
    return found


def _compare(prepared: Prepared, settings: Settings, weights: Mapping[str, float], exchange: Exchange) -> list[_Row]:
    profiles, crowded, sizes = prepared.profiles, prepared.crowded, prepared.pairs
    asked = settings.review_from / 100
    judge = Judge(settings, weights, prepared.known, least=min(asked, FAINT))
    direct: dict[int, tuple[float, list[Item]]] = {}
    odds, sure = array("d"), bytearray()
    for pair, size in sizes.items():
        score, items = judge(profiles[pair >> _PLACE_BITS], profiles[pair & _PLACE], crowded, size if size > 2 else 2)
        if items:
            direct[pair] = score, items
            odds.append(evidence.log_odds(score))
            sure.append(score * 100 >= settings.merge_from and evidence.surely_one([code for code, _, _ in items]))
    ties = _ties(exchange((array("Q", direct).tobytes(), odds.tobytes(), bytes(sure))))
    again = Judge(settings, weights, prepared.known, least=HOPELESS)
    mine = [place for place in ties if place % prepared.processes == prepared.number]
    _, likely = collective.likely(mine, ties, weights, asked, lower_only=True)
    found: list[_Row] = []
    for low, high in likely:
        pair = low << _PLACE_BITS | high
        a, b = profiles[low], profiles[high]
        score, items = direct.get(pair) or again(a, b, crowded, max(sizes.get(pair, 0), 2))
        said = collective.items(low, high, ties, evidence.log_odds(score)) if items else []
        if said:
            # The other record, as whoever reads it calls it.
            items = [*items, *((code, amount, {"contact": profiles[told["contact"]].pk}) for code, amount, told in said)]
            score = evidence.logistic(evidence.log_odds(score) + sum(weights.get(code, 0.0) * amount for code, amount, _ in said))
        if items and score >= asked:
            proposed = score * 100 >= settings.merge_from and ties.get(low, {}).get(high, (0.0, False))[1]
            proposed = proposed and not collective.leaves_to_people({code: amount for code, amount, _ in said})
            codes = [code for code, _, _ in items]
            proposed = proposed and evidence.may_propose(codes)
            apart = score < evidence.ALL_THE_SAME and evidence.contradicts(codes)
            found.append((a.pk, b.pk, score, proposed, apart, marshal.dumps(items)))
    return found


def _ties(told: Iterable[tuple[bytes, bytes, bytes]]) -> dict[int, dict[int, Tie]]:
    """By place, each from both sides."""
    ties: dict[int, dict[int, Tie]] = {}
    for pairs, odds, sure in told:
        for pair, value, certain in zip(array("Q", pairs), array("d", odds), sure, strict=True):
            low, high = pair >> _PLACE_BITS, pair & _PLACE
            tie = (value, bool(certain))
            ties.setdefault(low, {})[high] = tie
            ties.setdefault(high, {})[low] = tie
    return ties


def groups(found: Mapping[Pair, Likely]) -> list[frozenset[int]]:
    """Those that are one person each, two and more."""
    with undisturbed():
        return _groups(found)


def _groups(found: Mapping[Pair, Likely]) -> list[frozenset[int]]:
    against = {pair for pair, each in found.items() if each.apart}
    likely = [(each.score, *pair) for pair, each in found.items() if pair not in against]
    return clusters(likely, lambda one, other: (one, other) in against)
