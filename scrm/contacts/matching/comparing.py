"""One contact compared with all that share a key with it: bounded work, whatever the number of contacts. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from scrm.contacts.matching import blocks, evidence, keys, store
from scrm.contacts.matching.evidence import Item, Surroundings
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.publishing import Rules

# So many are compared with one contact at most; those with the fewest sharers of a key first.
MOST_PARTNERS = 150


@dataclass(frozen=True, slots=True)
class Likeness:
    """A pair that may be one person; `first` is the lower id. `proposed`: likely enough, and nothing speaks against merging."""

    first: int
    second: int
    score: float
    items: tuple[Item, ...]
    proposed: bool


def judge(one: Profile, other: Profile, rules: Rules, around: Surroundings = evidence.ALONE) -> Likeness:
    if one.pk > other.pk:
        one, other = other, one
    items = evidence.evidence(one, other, rules.settings, around)
    score = evidence.score(items, rules.weights)
    proposed = score * 100 >= rules.settings.merge_from and evidence.may_propose([code for code, _, _ in items])
    return Likeness(one.pk, other.pk, score, tuple(items), proposed)


def likenesses(profiles: Mapping[int, Profile], rules: Rules, *, held: Mapping[int, list[int]] | None = None) -> list[Likeness]:
    """The pairs of these contacts with anybody that reach the probability from which people are asked."""
    mine = {pk: keys.keys(profile) for pk, profile in profiles.items()}
    members = held if held is not None else store.members({key for each in mine.values() for key in each})
    asked: dict[int, dict[int, tuple[int, int]]] = {pk: chosen(pk, each, members) for pk, each in mine.items()}
    wanted = {partner for partners in asked.values() for partner in partners} - profiles.keys()
    known = {**store.load(wanted), **profiles}
    least = rules.settings.review_from / 100
    found: dict[tuple[int, int], Likeness] = {}
    for pk, partners in asked.items():
        present = [known[partner] for partner in partners if partner in known]
        crowded = crowd(known[pk], present)
        for other in present:
            pair = (pk, other.pk) if pk < other.pk else (other.pk, pk)
            if pair not in found:
                likeness = judge(known[pk], other, rules, blocks.surroundings(crowded, partners[other.pk]))
                if likeness.score >= least:
                    found[pair] = likeness
    return list(found.values())


def chosen(pk: int, mine: Iterable[int], members: Mapping[int, list[int]]) -> dict[int, tuple[int, int]]:
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


def crowd(profile: Profile, partners: Collection[Profile]) -> frozenset[str]:
    """Which of a contact's addresses people with different names have."""
    holders: dict[str, list[Profile]] = {}
    for address in (*profile.phones, *profile.maybe, *profile.emails):
        having = [each for each in partners if address in each.phones or address in each.emails or address in each.maybe]
        if having:
            holders[address] = sorted([profile, *having], key=lambda each: each.pk)
    return blocks.crowded_addresses(holders)
