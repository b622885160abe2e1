"""What the other records of a person say about a pair. Pure.

A record that is surely one person with another is its twin. Who is like the one should be like the other: of the twins of both sides, the
one that agrees most speaks for a pair, the one that agrees least against it. So a chat that has nothing but a pet name and a number finds,
by way of the number, the order that has the whole name and an e-mail address. Resolving records by the links between them is known as
collective entity resolution (Bhattacharya and Getoor, 2007).

Everything is read off ties: pairs that were compared, with the log odds of what they themselves say. A pair without a tie was compared and
has next to nothing in common, or shares no key.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from scrm.contacts.matching import evidence
from scrm.contacts.matching.evidence import Item

# From this probability on a pair is a tie: below it, it says no more than no tie at all.
FAINT = 0.01
# Below it no other record makes a pair one person.
HOPELESS = FAINT / 10
AGREES, DIFFERS = "another_record_agrees", "another_record_differs"
CODES = frozenset({AGREES, DIFFERS})

# A twin that is so unlike leaves merging to people, whatever else speaks for it.
FOREIGN = 4.0

# Log odds, and whether merging could be proposed by them alone.
Tie = tuple[float, bool]
Pair = tuple[int, int]
# Of each contact its ties, each seen from both sides.
Ties = Mapping[int, Mapping[int, Tie]]

# A twin that agrees beyond this says no more.
_MOST = 6.0
# Two that people kept apart, whatever they have in common.
KEPT_APART: Tie = (-_MOST, False)
_UNTIED: Tie = (math.log(FAINT / (1 - FAINT)), False)
_NEITHER: Tie = (0.0, False)
_ALONE: Mapping[int, Tie] = {}


def items(one: int, other: int, ties: Ties, own: float) -> list[Item]:
    """Evidence by code, in log odds, with the record that says so. Needs the ties of both; nothing where neither has a twin.

    `own`: what the two themselves say, in log odds. A twin that agrees repeats much of it, being like either of them, so what counts is
    how much more it says.
    """
    mine, theirs = ties.get(one, _ALONE), ties.get(other, _ALONE)
    most, friend, least, foe = -math.inf, 0, math.inf, 0
    for ours, others, partner in ((mine, theirs, other), (theirs, mine, one)):
        for twin, (_, sure) in ours.items():
            if sure and twin != partner:
                view = others.get(twin, _UNTIED)[0]
                # Of two that agree as much the higher id, of two that differ as much the lower: the same from either side.
                if view > most or (view == most and twin > friend):
                    most, friend = view, twin
                if view < least or (view == least and twin < foe):
                    least, foe = view, twin
    if most < least:
        return []
    found: list[Item] = []
    more = min(most, _MOST) - own
    if most > 0 and more > 0:
        found.append((AGREES, more, {"contact": friend}))
    if least < 0:
        found.append((DIFFERS, min(-least, _MOST), {"contact": foe}))
    return found


def leaves_to_people(amounts: Mapping[str, float]) -> bool:
    """Whether a twin speaks so much against a pair that merging it is not proposed."""
    return amounts.get(DIFFERS, 0.0) >= FOREIGN


def pairs_of(contacts: Iterable[int], ties: Ties) -> set[Pair]:
    """What is to be judged of these contacts, the lower id first: their ties, and what a twin of either side is rather likely to be.

    Needs the ties of those whom they are tied to as well.
    """
    found: set[Pair] = set()
    for contact in contacts:
        for partner, (odds, sure) in ties.get(contact, _ALONE).items():
            found.add(ordered(contact, partner))
            if odds < 0:
                continue
            for further, (odds_further, sure_further) in ties.get(partner, _ALONE).items():
                if further != contact and ((sure and odds_further >= 0) or sure_further):
                    found.add(ordered(contact, further))
    return found


def likely(
    contacts: Collection[int], ties: Ties, weights: Mapping[str, float], least: float, *, lower_only: bool = False
) -> tuple[set[Pair], set[Pair]]:
    """All that is to be judged of these contacts, and what of it reaches this probability.

    `lower_only`: only pairs whose lower id is among the contacts.
    """
    inside = set(contacts)
    found = {pair for pair in pairs_of(inside, ties) if not lower_only or pair[0] in inside}
    wanted = evidence.log_odds(least)
    return found, {pair for pair in found if _odds(pair, ties, weights) >= wanted}


def _odds(pair: Pair, ties: Ties, weights: Mapping[str, float]) -> float:
    """A pair without a tie counts as if the two themselves said neither yes nor no."""
    mine, theirs = ties.get(pair[0], _ALONE), ties.get(pair[1], _ALONE)
    odds, _ = mine.get(pair[1], _NEITHER)
    # Most have no tie but this one.
    if len(mine) < 2 and len(theirs) < 2 and pair[1] in mine:
        return odds
    return odds + _weighed(items(pair[0], pair[1], ties, odds), weights)


def amended(
    pair: Pair, score: float, lines: list[dict[str, Any]], ties: Ties, weights: Mapping[str, float]
) -> tuple[float, list[dict[str, Any]], list[Item]]:
    """The probability of a pair and its evidence as candidates store it, with what other records say; and that by itself."""
    own = evidence.log_odds(score)
    said = items(*pair, ties, own)
    if not said:
        return score, lines, said
    total = own + _weighed(said, weights)
    return evidence.logistic(total), evidence.in_order([*lines, *evidence.as_json(said, weights)]), said


def _weighed(said: list[Item], weights: Mapping[str, float]) -> float:
    total = 0.0
    for code, amount, _ in said:
        total += weights.get(code, 0.0) * amount
    return total


def ordered(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)
