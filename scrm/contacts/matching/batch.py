"""All contacts of a list compared with one another in memory, as `sweep` does it with those of the database. Pure, no database.

The processes share the work by contacts: each prepares its part, compares its contacts with those that come after them, and judges these
pairs once everybody's ties are known. Nothing is hashed for storing, so an address or a name is looked up as it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
from scrm.core.spreading import Exchange, spread, undisturbed

# A pair as one number: the places of both, the lower in front.
_PLACE_BITS = 26
_PLACE = (1 << _PLACE_BITS) - 1
MOST = 1 << _PLACE_BITS


class Likely(NamedTuple):
    """`proposed`: likely enough, and nothing speaks against merging."""

    score: float
    items: list[Item]
    proposed: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """`parts`: by process, the pairs whose lower contact is its own, and how many contacts have the same whole name; 0: they differ."""

    profiles: Sequence[Profile]
    known: Frequencies
    crowded: frozenset[str]
    parts: Sequence[Mapping[int, int]]

    @property
    def pairs(self) -> int:
        return sum(map(len, self.parts))


def prepare(facts: Sequence[Facts], processes: int = 1) -> Prepared:
    """`facts`: of up to `MOST` contacts, by ascending `pk`."""
    with undisturbed():
        made = spread(processes, lambda number, _: _prepare(facts[number::processes], handed_over=number > 0))
        profiles: list[Profile] = [profile.NOBODY] * len(facts)
        counts: dict[str, int] = {}
        found: list[tuple[Sequence[int], Sequence[int]]] = []
        for number, (each, held, sizes, theirs) in enumerate(made):
            profiles[number::processes] = each if number == 0 else map(profile.unpacked, each)
            for part, count in theirs.items():
                counts[part] = counts.get(part, 0) + count
            found.append((held, sizes) if number == 0 else (array("Q", held), array("B", sizes)))
        known = Frequencies(len(facts), {part: count for part, count in counts.items() if count > 1}, len(facts))
        return Prepared(profiles, known, _crowded(profiles), _pairs(found, processes))


def _prepare(facts: Sequence[Facts], *, handed_over: bool) -> tuple[Any, Any, Any, dict[str, int]]:
    """Profiles, the keys of all of them one after the other, how many each has, and how many contacts have each part of a name."""
    profiles = [profile.prepare(each) for each in facts]
    held, sizes = array("Q"), array("B")
    for each in profiles:
        mine = keys.here(each)
        held.extend(mine)
        sizes.append(len(mine))
    counts = rarity.counted(profiles)
    if handed_over:
        return list(map(profile.packed, profiles)), held.tobytes(), sizes.tobytes(), counts
    return profiles, held, sizes, counts


def _crowded(profiles: Iterable[Profile]) -> frozenset[str]:
    first: dict[str, Profile] = {}
    several: dict[str, list[Profile]] = {}
    for each in profiles:
        for address in (*each.phones, *each.maybe, *each.emails):
            before = first.setdefault(address, each)
            if before is not each:
                several.setdefault(address, [before]).append(each)
    return crowded_addresses(several)


def _pairs(found: Sequence[tuple[Sequence[int], Sequence[int]]], processes: int) -> list[dict[int, int]]:
    first: dict[int, int] = {}
    several: dict[int, list[int]] = {}
    for number, (held, sizes) in enumerate(found):
        at = 0
        for place, size in enumerate(sizes):
            mine = place * processes + number
            for key in held[at : at + size]:
                before = first.setdefault(key, mine)
                if before != mine:
                    members = several.get(key)
                    if members is None:
                        several[key] = [before, mine]
                    else:
                        members.append(mine)
            at += size
    parts: list[dict[int, int]] = [{} for _ in range(processes)]
    for key, members in several.items():
        kind, size = keys.kind_of(key), len(members)
        if size > LARGEST[kind]:
            continue
        members.sort()
        named = size if kind is Kind.NAME else 0
        for place, low in enumerate(members):
            part, above = parts[low % processes], low << _PLACE_BITS
            for high in members[place + 1 :]:
                known = part.setdefault(above | high, named)
                if named and (not known or named < known):
                    part[above | high] = named
    return parts


def compare(prepared: Prepared, settings: Settings, weights: Mapping[str, float]) -> dict[Pair, Likely]:
    """The pairs that people are to be asked about, by `pk`, the lower first."""
    with undisturbed():
        processes = len(prepared.parts)
        found = spread(processes, lambda number, exchange: _compare(prepared, settings, weights, number, exchange))
        return {(first, second): Likely(score, items, proposed) for each in found for first, second, score, items, proposed in each}


def _compare(
    prepared: Prepared, settings: Settings, weights: Mapping[str, float], number: int, exchange: Exchange
) -> list[tuple[int, int, float, list[Item], bool]]:
    profiles, crowded, sizes = prepared.profiles, prepared.crowded, prepared.parts[number]
    least = min(settings.review_from / 100, FAINT)
    judge = Judge(settings, weights, prepared.known, least=least)
    direct: dict[int, tuple[float, list[Item]]] = {}
    odds, sure = array("d"), bytearray()
    for pair, size in sizes.items():
        score, items = judge(profiles[pair >> _PLACE_BITS], profiles[pair & _PLACE], crowded, size if size > 2 else 2)
        if items:
            direct[pair] = score, items
            odds.append(evidence.log_odds(score))
            sure.append(score * 100 >= settings.merge_from and evidence.may_propose([code for code, _, _ in items]))
    ties = _ties(exchange((array("Q", direct).tobytes(), odds.tobytes(), bytes(sure))))
    asked = settings.review_from / 100
    again = Judge(settings, weights, prepared.known, least=HOPELESS)
    processes = len(prepared.parts)
    mine = [place for place in ties if place % processes == number]
    _, likely = collective.likely(mine, ties, weights, asked, lower_only=True)
    found = []
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
            found.append((a.pk, b.pk, score, items, proposed))
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
    against = {
        pair
        for pair, each in found.items()
        if each.score < evidence.ALL_THE_SAME and evidence.contradicts(code for code, _, _ in each.items)
    }
    likely = [(each.score, *pair) for pair, each in found.items() if pair not in against]
    return clusters(likely, lambda one, other: (one, other) in against)
