"""How many strangers would have as much in common by chance: a rare name on two records says more than a common one. Pure.

`Frequencies` holds how many contacts have each part of a name and each purchase, counted when all contacts are compared. Where nothing
was counted yet, shares as they are usual stand in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scrm.contacts.matching.name_levels import Level
from scrm.contacts.matching.names import Name
from scrm.contacts.matching.profile import Profile

# The share of people who have a part, where nothing is counted: one of the fifty commonest surnames, one of thousands of given names.
_USUAL = {"F": 0.02, "f": 0.02, "G": 0.001, "g": 0.001, "e": 0.01, "s": 0.005}
_USUAL_CONTACTS = 10_000
_SOME = 10_000
# Below a hundredth of a stranger, other causes of the same name (a namesake in the family, a copied record) weigh more than chance.
_LEAST = 0.01
# Whole names alike in the same characters, in the same letters, by their sound alone; and what is alike in part.
WRITTEN, SPELLED, HEARD, PARTLY = "namesakes_written", "namesakes_spelled", "namesakes_heard", "name_common"
# So many strangers that a likeness of this kind proves as much as it mostly does.
_USUALLY = {WRITTEN: 1.28, SPELLED: 1.0, HEARD: 0.052, PARTLY: 1.0}
RAREST = {kind: math.log2(_LEAST / usual) for kind, usual in _USUALLY.items()}
# A part that no other contact has may yet be one that so many have of those who were not counted, for each that was.
_UNSEEN = 0.3


@dataclass(frozen=True, slots=True)
class Frequencies:
    """`contacts`: how many were counted, of `people`; 0: none yet. `counts`: contacts by part, see `parts`; without those of one only."""

    contacts: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    people: int = _USUAL_CONTACTS
    _halvings: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)
    _buyers: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Frequencies, (self.contacts, dict(self.counts), self.people)

    def share(self, part: str) -> float:
        """The share of contacts with this part; the one who asks has it too and is not counted."""
        if not self.contacts:
            return _USUAL[part[0]]
        return max(self.counts.get(part, 1) - 1, 0.5) / self.contacts

    def others(self, part: str, block: int) -> float:
        """How many contacts have this part besides the `block` that have the same whole name."""
        if not self.contacts:
            return _USUAL[part[0]] * self.people
        each = self.people / self.contacts
        return max(self.counts.get(part, 1) * each - block, _UNSEEN * each)

    def halvings(self, country: str) -> float:
        """How often all contacts are to be halved until as many are left as are of this country."""
        found = self._halvings.get(country)
        if found is None:
            found = self._halvings[country] = -math.log2(min(1.0, self.share(country_part(country))))
        return found

    def buyers(self, sku: str) -> float:
        """log2 of how many others bought this."""
        found = self._buyers.get(sku)
        if found is None:
            found = self._buyers[sku] = math.log2(max(1.0, self.share(purchase_part(sku)) * self.people))
        return found


UNCOUNTED = Frequencies()


def _name_parts(name: Name) -> set[str]:
    """F, G: family and given name in characters; f, g: by sound; e: English given names."""
    found = {f"e{lead}" for lead in name.english} if name.english else set()
    if name.han:
        if name.cut:
            found.add("F" + name.han[: name.cut])
        if len(name.han) > name.cut:
            found.add("G" + name.han[name.cut :])
    for families, givens in name.readings:
        for family in families:
            found.add("f" + family)
        for given in givens:
            found.add("g" + given)
    return found


def purchase_part(sku: str) -> str:
    return f"s{sku}"


def country_part(code: str) -> str:
    return f"c{code}"


def parts(profile: Profile) -> set[str]:
    found = _name_parts(profile.name)
    for sku in profile.skus:
        found.add(purchase_part(sku))
    for code in profile.countries:
        found.add(country_part(code))
    return found


def count(profiles: Iterable[Profile], people: int | None = None) -> Frequencies:
    """`people`: how many contacts there are, when the profiles are a sample of them."""
    contacts, counts = counted(profiles)
    return Frequencies(contacts, {part: held for part, held in counts.items() if held > 1}, contacts if people is None else people)


def counted(profiles: Iterable[Profile]) -> tuple[int, dict[str, int]]:
    """How many there are, and how many have each part."""
    counts: dict[str, int] = {}
    contacts = 0
    for each in profiles:
        contacts += 1
        for part in parts(each):
            counts[part] = counts.get(part, 0) + 1
    return contacts, counts


def namesakes(one: Name, other: Name, alike: Level, known: Frequencies, block: int) -> tuple[str, float, float] | None:
    """Which kind of likeness it is, how much commoner than usual it is (in doublings), and how many strangers are expected whose names
    are as much alike; None when that is no question.

    `block`: contacts that have the same whole name, both included. They may all be one person: how common a whole name is is judged by
    those who have its given name beside another family name.
    """
    if alike == Level.UNKNOWN or alike == Level.DIFFERENT:
        return None
    whole = _whole(one, other, known, block) if alike >= Level.SOUND else None
    if whole is None:
        kind, expected = PARTLY, _share(one, other, alike, known) * known.people
    else:
        written, expected = whole
        kind = WRITTEN if written else SPELLED if alike is Level.SAME else HEARD
    return kind, math.log2(max(expected, _LEAST) / _USUALLY[kind]), expected


def _whole(one: Name, other: Name, known: Frequencies, block: int) -> tuple[bool, float] | None:
    """Whether it is the same in characters, and how many have the name by chance; None where a part of it is not known."""
    if one.han and one.han == other.han and 0 < one.cut < len(one.han):
        return True, known.share("F" + one.han[: one.cut]) * known.others("G" + one.han[one.cut :], block)
    fewest: float | None = None
    for families, givens in one.readings:
        for other_families, other_givens in other.readings:
            family = _rarest(known, "f", families, other_families)
            if not family:
                continue
            others = 0.0
            for each in givens:
                if each in other_givens:
                    some = known.others("g" + each, block)
                    if not others or some < others:
                        others = some
            if others and (fewest is None or family * others < fewest):
                fewest = family * others
    return None if fewest is None else (False, fewest)


def _rarest(known: Frequencies, kind: str, mine: Sequence[str], theirs: Sequence[str]) -> float:
    """The share of those with the rarest of what both have; 0: nothing."""
    least = 0.0
    for each in mine:
        if each in theirs:
            share = known.share(kind + each)
            if not least or share < least:
                least = share
    return least


def buyers(skus: Iterable[str], known: Frequencies) -> float:
    """log2 of how many others bought the rarest of these."""
    return min(map(known.buyers, skus))


def crowd(known: Frequencies) -> float:
    """How many contacts there are, in doublings of some thousands: the more, the more of them are alike by chance."""
    return max(0.0, math.log2(max(known.people, 1) / _SOME))


def countrymen(codes: Iterable[str], known: Frequencies) -> float:
    """How many halvings of all contacts those of the rarest of these countries are; 0 where nothing was counted."""
    if not known.contacts:
        return 0.0
    return max(map(known.halvings, codes))


def _share(one: Name, other: Name, alike: Level, known: Frequencies) -> float:
    both, family, given = _matched(one, other, known)
    english = _rarest(known, "e", one.english, other.english)
    if alike == Level.NEAR or alike >= Level.SOUND:
        if both is not None:
            return both
        return (family or _USUAL["f"]) * (given or english or 0.003)
    if alike is Level.ENGLISH:
        return (family or _USUAL["f"]) * (english or _USUAL["e"])
    if alike == Level.FAMILY or alike == Level.GIVEN_DIFFERS:
        return family or _USUAL["f"]
    return given or english or 0.003


def _matched(one: Name, other: Name, known: Frequencies) -> tuple[float | None, float | None, float | None]:
    """The shares of those with the same family and given name, family name, given name; of several readings the commonest."""
    both = family = given = None
    if one.han and other.han:
        mine, theirs = one.han[: one.cut], other.han[: other.cut]
        if mine and mine == theirs:
            family = known.share("F" + mine)
        if one.han[one.cut :] and one.han[one.cut :] == other.han[other.cut :]:
            given = known.share("G" + one.han[one.cut :])
        if family and given:
            return family * given, family, given
    for families, givens in one.readings:
        for other_families, other_givens in other.readings:
            f, g = _rarest(known, "f", families, other_families), _rarest(known, "g", givens, other_givens)
            if f and g:
                both = max(both or 0.0, f * g)
            if f:
                family = max(family or 0.0, f)
            if g:
                given = max(given or 0.0, g)
    return both, family, given
