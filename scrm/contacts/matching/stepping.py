"""A step of the comparison of all contacts, as a process of its own does it: bodies and pairs in, likenesses out. Pure, no database.

Started anew by `spawn`, so nothing of the parent's connections is there; what all steps need comes once, by `begin`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scrm.contacts.matching import blocks, evidence
from scrm.contacts.matching.collective import FAINT
from scrm.contacts.matching.evidence import Surroundings
from scrm.contacts.matching.profile import Profile, load
from scrm.contacts.matching.rarity import Frequencies
from scrm.contacts.matching.rules import Settings


@dataclass(frozen=True, slots=True)
class Common:
    """What every step needs."""

    settings: Settings
    weights: Mapping[str, float]
    known: Frequencies


@dataclass(frozen=True, slots=True)
class Step:
    """`bodies`: the prepared contacts of this step and of their partners. `pairs`: (id, partner, contacts with the same whole name).

    Of a pair the lower id stands first; where both share an address, it is there the other way round as well, because who else has the
    address is seen from each of them.
    """

    ids: Sequence[int]
    bodies: Sequence[tuple[int, str]]
    pairs: Sequence[tuple[int, int, int]]


# first, second, probability, whether merging may be proposed, evidence as candidates store it: left out of what people are not asked.
Found = tuple[int, int, float, bool, list[dict[str, Any]]]
_common: list[Common] = []


def begin(common: Common) -> None:
    _common[:] = [common]


def compare(step: Step) -> list[Found]:
    return compare_with(_common[0], step)


def compare_with(common: Common, step: Step) -> list[Found]:
    known = {pk: load(pk, body) for pk, body in step.bodies}
    partners: dict[int, list[tuple[int, int]]] = {}
    for pk, partner, size in step.pairs:
        if pk in known and partner in known:
            partners.setdefault(pk, []).append((partner, size))
    found: list[Found] = []
    for pk, others in partners.items():
        found += _of_one(common, known, pk, others)
    return found


def _of_one(common: Common, known: Mapping[int, Profile], pk: int, others: Sequence[tuple[int, int]]) -> list[Found]:
    mine = known[pk]
    crowded = blocks.crowded_of(mine, [known[partner] for partner, _ in others])
    settings, weights = common.settings, common.weights
    asked = settings.review_from / 100
    least = min(asked, FAINT)
    found: list[Found] = []
    for partner, size in others:
        if partner < pk:
            continue
        around = Surroundings(crowded, max(size, 2), common.known)
        score, items = evidence.judged(mine, known[partner], settings, weights, around, least)
        if score >= least:
            proposed = score * 100 >= settings.merge_from and evidence.may_propose([code for code, _, _ in items])
            found.append((pk, partner, score, proposed, evidence.as_json(items, weights) if score >= asked else []))
    return found
