"""What a set of contacts that share keys says about its pairs: who is compared with whom, and which addresses are crowded. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from scrm.contacts.matching.keys import LARGEST, Kind, kind_of
from scrm.contacts.matching.name_levels import CONTRADICTIONS, level
from scrm.contacts.matching.profile import Profile

# Of an address with many holders, so many are compared to see whether their names differ.
_LOOKED_AT = 8
_NONE: frozenset[str] = frozenset()


def partners(mine: Iterable[int], blocks: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Everybody to compare with, and how many contacts have the same whole name, the fewest counting; 0: the names differ.

    `blocks`: the contacts of each key, one more than its largest when there are more. Keys with more contacts than that are left out.
    """
    found: dict[int, int] = {}
    for key in mine:
        members = blocks.get(key, ())
        size = len(members)
        if size < 2:
            continue
        kind = kind_of(key)
        if size > LARGEST[kind]:
            continue
        if kind is not Kind.NAME:
            for member in members:
                found.setdefault(member, 0)
            continue
        for member in members:
            name = found.get(member, 0)
            if not name or size < name:
                found[member] = size
    return found


def crowded_of(profile: Profile, partners: Collection[Profile]) -> frozenset[str]:
    """Which of a contact's addresses people with different names have."""
    addresses = (*profile.phones, *profile.maybe, *profile.emails)
    if not addresses:
        return _NONE
    holders: dict[str, list[Profile]] = {}
    wanted = frozenset(addresses)
    for each in partners:
        if wanted.isdisjoint(each.phones) and wanted.isdisjoint(each.emails) and wanted.isdisjoint(each.maybe):
            continue
        for address in addresses:
            if address in each.phones or address in each.emails or address in each.maybe:
                holders.setdefault(address, [profile]).append(each)
    if not holders:
        return _NONE
    return crowded_addresses({address: sorted(having, key=_pk) for address, having in holders.items()})


def _pk(profile: Profile) -> int:
    return profile.pk


def crowded_addresses(holders: Mapping[str, Sequence[Profile]]) -> frozenset[str]:
    """The numbers and e-mails that people with different names have."""
    return frozenset(address for address, profiles in holders.items() if _names_differ(profiles))


def _names_differ(profiles: Sequence[Profile]) -> bool:
    names = [profile.name for profile in profiles[:_LOOKED_AT] if not profile.name.empty]
    return any(level(one, other) in CONTRADICTIONS for place, one in enumerate(names) for other in names[:place])
