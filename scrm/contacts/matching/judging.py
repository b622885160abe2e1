"""How likely two contacts are one person, all evidence together: many are judged, and most of them are nobody's. Pure.

What is quickly told and tells much comes first, and as soon as a pair cannot reach what is asked, whatever else it may have in common, it
is let go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scrm.contacts.matching import evidence, profile, rarity
from scrm.contacts.matching.evidence import IN_COMMON, NAME_CODES, Item, log_odds, logistic
from scrm.contacts.matching.name_levels import Level, level
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.rarity import HEARD, PARTLY, RAREST, SPELLED, UNCOUNTED, WRITTEN, Frequencies
from scrm.contacts.matching.rules import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the other contacts say about what two have in common. `crowded`: addresses that people with different names have.

    `name_block`: how many contacts have the same whole name. `known`: how common parts of names and purchases are.
    """

    crowded: frozenset[str] = frozenset()
    name_block: int = 2
    known: Frequencies = UNCOUNTED


ALONE = Surroundings()
_NOBODY: tuple[float, list[Item]] = (0.0, [])
_NOTHING: dict[str, int] = {}
# By these somebody may be known beyond doubt.
_ACCOUNTS = profile.EMAIL | profile.ID | profile.ACCOUNT
_PURCHASES = profile.PURCHASES
_FACTS = profile.BIRTHDAY | profile.COMPANY | profile.ADDRESS | profile.POSTAL_CODE | profile.CITY | profile.GENDER


class Judge:
    """All pairs of one comparison are judged by the same: worked out once. `least`: the probability that a pair has to reach."""

    __slots__ = (
        "_bias", "_crowd", "_known", "_least", "_least_alike", "_mail", "_named", "_named_most", "_settings", "_wanted", "_weights",
    )  # fmt: skip

    def __init__(self, settings: Settings, weights: Mapping[str, float], known: Frequencies = UNCOUNTED, *, least: float = 0.0) -> None:
        self._settings, self._weights, self._known = settings, weights, known
        self._least_alike = settings.name_similarity / 100
        self._least, self._wanted = least, log_odds(least) if least else -math.inf
        self._bias = weights.get("bias", 0.0)
        self._crowd: Item = ("crowd", rarity.crowd(known), {"contacts": known.people})
        self._mail = _best(weights, "email_says_name")
        # By level: the most that the names can add, their rarity included; and with any.
        self._named = [weights.get(code, 0.0) + _most_by_chance(alike, weights) for code, alike in zip(NAME_CODES, Level, strict=True)]
        self._named_most = max(self._named)

    def __call__(self, a: Profile, b: Profile, crowded: frozenset[str] = frozenset(), name_block: int = 2) -> tuple[float, list[Item]]:
        """The probability that both are one person, and the evidence; 0 and nothing of a pair that does not reach the least.

        `crowded`, `name_block`: see `Surroundings`.
        """
        found: list[Item] = []
        known, both = self._known, a.fields & b.fields
        evidence.phones(found, a, b, crowded)
        shared = bool(found) and found[0][0] in IN_COMMON
        close = evidence.purchases(found, a, b, self._settings.sku_days) if both & _PURCHASES else _NOTHING
        evidence.countries(found, a, b, known)
        if both & _FACTS:
            evidence.facts(found, a, b)
        strangers = not (shared or both & _ACCOUNTS)
        total, wanted = 0.0, self._wanted
        if strangers:
            self._by_chance_too(found, close)
            total = self._sum(found)
            if a.emails or b.emails:
                wanted -= self._mail
            if not close and total + self._named_most < wanted:
                return _NOBODY
        alike = level(a.name, b.name, least=self._least_alike)
        named = len(found)
        found.append((NAME_CODES[alike], 1.0, {}))
        if close and alike >= Level.NEAR:
            found.append(("name_and_purchase", 1.0, {}))
            total += self._weights.get("name_and_purchase", 0.0)
        if strangers and total + self._named[alike] < wanted:
            return _NOBODY
        if a.emails or b.emails or both & _ACCOUNTS:
            evidence.emails(found, a, b, alike, crowded)
            evidence.accounts(found, a, b)
            shared = shared or _in_common(found, named)
        if shared:
            evidence.names_on_addresses(found, alike)
            total = self._sum(found)
        else:
            if not strangers:
                self._by_chance_too(found, close)
            total = self._sum(found)
            # How rare the names are takes long to tell, and few who share no address come so far that it matters.
            if total + self._named[alike] - self._weights.get(NAME_CODES[alike], 0.0) < self._wanted:
                return _NOBODY
            chance = rarity.namesakes(a.name, b.name, alike, known, name_block)
            if chance is not None:
                found.append((chance[0], chance[1], {"contacts": round(chance[2])}))
                total += self._weights.get(chance[0], 0.0) * chance[1]
        score = logistic(total)
        return (score, found) if score >= self._least else _NOBODY

    def _by_chance_too(self, found: list[Item], close: Mapping[str, int]) -> None:
        """What strangers have in common as well."""
        if close:
            evidence.by_others(found, close, self._known)
        elif self._crowd[1]:
            found.append(self._crowd)

    def _sum(self, items: list[Item]) -> float:
        total, weights = self._bias, self._weights
        for code, amount, _ in items:
            if code in weights:
                total += weights[code] * amount
        return total


def _in_common(found: list[Item], since: int) -> bool:
    """Whether an address in common is among what was found from there on."""
    for place in range(since, len(found)):  # noqa: SIM110 - no generator for each pair
        if found[place][0] in IN_COMMON:
            return True
    return False


def judged(
    a: Profile, b: Profile, settings: Settings, weights: Mapping[str, float], around: Surroundings = ALONE, least: float = 0.0
) -> tuple[float, list[Item]]:
    """One pair by itself."""
    return Judge(settings, weights, around.known, least=least)(a, b, around.crowded, around.name_block)


def told(a: Profile, b: Profile, settings: Settings, around: Surroundings = ALONE) -> list[Item]:
    """The evidence alone."""
    return judged(a, b, settings, {}, around)[1]


def _best(weights: Mapping[str, float], *codes: str) -> float:
    """The most that one of these can add; a weight that was learned may have changed its sign."""
    return max(0.0, *[weights.get(code, 0.0) for code in codes])


_KINDS = {Level.SAME: (WRITTEN, SPELLED, PARTLY), Level.SOUND: (HEARD, PARTLY)}
# Names are rarest at `RAREST`; there is no name that more than all people have, in doublings.
_COMMONEST = 40.0


def _most_by_chance(alike: Level, weights: Mapping[str, float]) -> float:
    """The most that the rarity of the names can add, in log odds."""
    kinds = _KINDS.get(alike, (PARTLY,))
    return max(0.0, *[weights.get(kind, 0.0) * amount for kind in kinds for amount in (RAREST[kind], _COMMONEST)])
