"""From pairs to groups that are one person each. Pure.

Agglomerative from the surest pair down: two groups join when a pair between them is likely enough and no pair between them contradicts,
be it that a person kept two apart or that strong evidence speaks against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

LARGEST = 40


def clusters(pairs: Iterable[tuple[float, int, int]], forbidden: Callable[[int, int], bool]) -> list[frozenset[int]]:
    """`pairs`: (score, id, id) of those that may be one person. Groups of two and more, in order of their lowest id."""
    group: dict[int, set[int]] = {}
    for _score, one, other in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        first, second = group.setdefault(one, {one}), group.setdefault(other, {other})
        if first is second or len(first) + len(second) > LARGEST:
            continue
        if any(forbidden(*_ordered(a, b)) for a in first for b in second):
            continue
        if len(first) < len(second):
            first, second = second, first
        first |= second
        for member in second:
            group[member] = first
    unique = {id(members): members for members in group.values() if len(members) > 1}
    return sorted(map(frozenset, unique.values()), key=min)


def components(pairs: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """What hangs together at all."""
    return clusters(((0.0, *pair) for pair in pairs), lambda _a, _b: False)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
