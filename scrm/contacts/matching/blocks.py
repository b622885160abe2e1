"""What a set of contacts that share keys says about its pairs: who is compared with whom, and which addresses are crowded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from scrm.contacts.matching.evidence import Surroundings
from scrm.contacts.matching.keys import LARGEST, Kind, kind_of
from scrm.contacts.matching.name_levels import CONTRADICTIONS, level
from scrm.contacts.matching.profile import Profile

# Of an address with many holders, so many are compared to see whether their names differ.
_LOOKED_AT = 8


def partners(mine: Iterable[int], blocks: Mapping[int, Sequence[int]]) -> dict[int, tuple[int, int]]:
    """Everybody to compare with: (contacts with the same whole name, with the same purchase and part of a name), the fewest counting.

    `blocks`: the contacts of each key, one more than its largest when there are more. Keys with more contacts than that are left out.
    """
    found: dict[int, tuple[int, int]] = {}
    for key in mine:
        members = blocks.get(key, ())
        size = len(members)
        kind = kind_of(key)
        if size < 2 or size > LARGEST[kind]:
            continue
        for member in members:
            name, purchase = found.get(member, (0, 0))
            if kind is Kind.NAME and (not name or size < name):
                name = size
            elif kind is Kind.PURCHASE and (not purchase or size < purchase):
                purchase = size
            found[member] = (name, purchase)
    return found


def crowded_addresses(holders: Mapping[str, Sequence[Profile]]) -> frozenset[str]:
    """The numbers and e-mails that people with different names have."""
    return frozenset(address for address, profiles in holders.items() if _names_differ(profiles))


def _names_differ(profiles: Sequence[Profile]) -> bool:
    names = [profile.name for profile in profiles[:_LOOKED_AT] if not profile.name.empty]
    return any(level(one, other) in CONTRADICTIONS for place, one in enumerate(names) for other in names[:place])


def surroundings(crowded: frozenset[str], sizes: tuple[int, int]) -> Surroundings:
    return Surroundings(crowded, max(sizes[0], 2), sizes[1])


Load = Callable[[int], Profile]
