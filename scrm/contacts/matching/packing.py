"""Pairs of contacts packed into numbers: the place of one, that of the other, and how many contacts have the same whole name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_SIZE_BITS = 6
_PLACE_BITS = 26
_SIZE, _PLACE = (1 << _SIZE_BITS) - 1, (1 << _PLACE_BITS) - 1


def packed(place: int, other: int, size: int) -> int:
    """`size`: 0 where the names differ."""
    return (place << _PLACE_BITS | other) << _SIZE_BITS | size


def unpacked(pairs: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Each pair once, in order; of several names that both have, the one that the fewest have counts."""
    last, size = -1, 0
    for each in sorted(pairs):
        pair, held = each >> _SIZE_BITS, each & _SIZE
        if pair != last:
            if last >= 0:
                yield last >> _PLACE_BITS, last & _PLACE, size
            last, size = pair, held
        elif not size:
            # In order, so that a 0 comes first and then the smallest name.
            size = held
    if last >= 0:
        yield last >> _PLACE_BITS, last & _PLACE, size
