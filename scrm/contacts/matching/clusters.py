"""From pairs to groups that are one person each. Pure.

Agglomerative from the surest pair down: two groups join when a pair between them is likely enough, what is known of all pairs between
them does not on the whole speak against it, and no pair between them contradicts, be it that a person kept two apart or that strong
evidence speaks against them. So one doubtful pair never chains two people together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

LARGEST = 40
# A pair that was not found likely counts this, in log odds; one that was, at most that.
_UNKNOWN, _MOST = -2.0, 5.0
# Groups join while the mean over the pairs between them is not below.
_LEAST = -0.75


def clusters(
    pairs: Iterable[tuple[float, int, int]], forbidden: Callable[[int, int], bool], *, chained: bool = False
) -> list[frozenset[int]]:
    """`pairs`: (score, id, id) of those that may be one person. Groups of two and more, in order of their lowest id.

    `chained`: one pair between two groups is enough.
    """
    ordered = sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))
    odds = {_ordered(one, other): _log_odds(score) for score, one, other in ordered}
    group: dict[int, set[int]] = {}
    for _score, one, other in ordered:
        first, second = group.setdefault(one, {one}), group.setdefault(other, {other})
        if first is second or len(first) + len(second) > LARGEST:
            continue
        between = [_ordered(a, b) for a in first for b in second]
        if any(forbidden(*pair) for pair in between):
            continue
        if not chained and len(between) > 1 and sum(odds.get(pair, _UNKNOWN) for pair in between) < _LEAST * len(between):
            continue
        if len(first) < len(second):
            first, second = second, first
        first |= second
        for member in second:
            group[member] = first
    unique = {id(members): members for members in group.values() if len(members) > 1}
    return sorted(map(frozenset, unique.values()), key=min)


def _log_odds(score: float) -> float:
    return min(_MOST, math.log(score / (1 - score))) if 0 < score < 1 else _MOST if score else _UNKNOWN


def components(pairs: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """What hangs together at all."""
    return clusters(((0.0, *pair) for pair in pairs), lambda _a, _b: False, chained=True)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
