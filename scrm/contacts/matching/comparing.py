"""One contact compared with all that share a key with it: bounded work, whatever the number of contacts. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scrm.contacts.matching import blocks, evidence, frequencies, keys, store, ties
from scrm.contacts.matching.evidence import Item
from scrm.contacts.matching.judging import Judge
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.publishing import Rules
from scrm.contacts.matching.rarity import Frequencies

# So many are compared with one contact at most; those with the fewest sharers of a key first.
MOST_PARTNERS = 400


@dataclass(frozen=True, slots=True)
class Likeness:
    """A pair that may be one person; `first` is the lower id. `sure`: likely enough, and nothing speaks against it.

    `stored`: the evidence as candidates store it, where it was made already.
    """

    first: int
    second: int
    score: float
    items: tuple[Item, ...]
    sure: bool
    stored: tuple[dict[str, Any], ...] = ()

    def lines(self, rules: Rules) -> list[dict[str, Any]]:
        return list(self.stored) or evidence.as_json(self.items, rules.weights)

    @property
    def tie(self) -> ties.Row:
        return self.first, self.second, evidence.log_odds(self.score), self.sure

    @property
    def proposed(self) -> bool:
        """Whether merging is proposed."""
        codes = [str(line["code"]) for line in self.stored] or [code for code, _, _ in self.items]
        return self.sure and evidence.may_propose(codes)


def _likeness(one: Profile, other: Profile, rules: Rules, judge: Judge, crowded: frozenset[str], name_block: int) -> Likeness:
    if one.pk > other.pk:
        one, other = other, one
    score, items = judge(one, other, crowded, name_block)
    sure = score * 100 >= rules.settings.merge_from and evidence.surely_one([code for code, _, _ in items])
    return Likeness(one.pk, other.pk, score, tuple(items), sure)


def likenesses(
    profiles: Mapping[int, Profile],
    rules: Rules,
    *,
    least: float,
    also: Mapping[int, Collection[int]] | None = None,
    held: Mapping[int, list[int]] | None = None,
    counted: Frequencies | None = None,
) -> list[Likeness]:
    """The pairs of these contacts with anybody that reach this probability by what they themselves say.

    `also`: by contact, with whom it is compared beside those that share a key with it.
    """
    mine = {pk: keys.keys(profile) for pk, profile in profiles.items()}
    members = held if held is not None else store.members({key for each in mine.values() for key in each})
    asked: dict[int, dict[int, int]] = {pk: chosen(pk, each, members) for pk, each in mine.items()}
    for pk, further in (also or {}).items():
        for each in further:
            asked[pk].setdefault(each, 0)
    wanted = {partner for partners in asked.values() for partner in partners} - profiles.keys()
    known = {**store.load(wanted), **profiles}
    counted = frequencies.of(profiles.values()) if counted is None else counted
    judge = Judge(rules.settings, rules.weights, counted, least=least)
    found: dict[tuple[int, int], Likeness] = {}
    for pk, partners in asked.items():
        present = [known[partner] for partner in partners if partner in known]
        crowded = blocks.crowded_of(known[pk], present)
        for other in present:
            pair = (pk, other.pk) if pk < other.pk else (other.pk, pk)
            if pair not in found:
                likeness = _likeness(known[pk], other, rules, judge, crowded, max(partners[other.pk], 2))
                if likeness.score >= least:
                    found[pair] = likeness
    return list(found.values())


def chosen(pk: int, mine: Iterable[int], members: Mapping[int, list[int]]) -> dict[int, int]:
    partners = blocks.partners(mine, members)
    partners.pop(pk, None)
    if len(partners) <= MOST_PARTNERS:
        return partners
    sizes: dict[int, int] = {}
    for key in mine:
        held = members.get(key, ())
        for member in held:
            sizes[member] = min(len(held), sizes.get(member, len(held)))
    kept = sorted(partners, key=lambda each: (sizes[each], each))[:MOST_PARTNERS]
    return {each: partners[each] for each in kept}
