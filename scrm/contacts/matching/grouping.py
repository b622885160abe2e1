"""Which pairs make one case, and what that case says. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from scrm.contacts.matching import evidence
from scrm.contacts.matching.clusters import clusters


class Edge(NamedTuple):
    """An open pair of two survivors. `place`: of the pair, among those of whoever asks."""

    first: int
    second: int
    score: float
    contradicts: bool
    may_propose: bool
    place: int


class Case(NamedTuple):
    score: float
    size: int
    proposal: str
    edges: list[Edge]


def against(edge: Edge) -> bool:
    return edge.contradicts and edge.score < evidence.ALL_THE_SAME


def grouped(
    edges: Sequence[Edge], apart: Collection[tuple[int, int]], speak_against: Collection[tuple[int, int]], merge_from: float
) -> list[Case]:
    """`apart`, `speak_against`: who is never put in one cluster, the lower id first. `merge_from`: a probability."""
    open_edges = [edge for edge in edges if (edge.first, edge.second) not in apart]

    def forbidden(a: int, b: int) -> bool:
        return (a, b) in apart or (a, b) in speak_against

    sure = [(edge.score, edge.first, edge.second) for edge in open_edges if (edge.first, edge.second) not in speak_against]
    groups = clusters(sure, forbidden)
    inside = {pk: place for place, members in enumerate(groups) for pk in members}
    # A pair that contradicts itself and was found rather likely all the same is shown alone, never as part of a greater cluster.
    found: list[list[Edge]] = [[] for _ in groups]
    for edge in open_edges:
        place = inside.get(edge.first)
        if place is not None and place == inside.get(edge.second):
            found[place].append(edge)
        else:
            found.append([edge])
    return [_case(group, merge_from) for group in found if group]


def _case(group: list[Edge], merge_from: float) -> Case:
    people = {pk for edge in group for pk in (edge.first, edge.second)}
    proposal = "merge" if _proposed(group, people, merge_from) else "review"
    return Case(max(edge.score for edge in group), min(len(people), 32_000), proposal, group)


def _proposed(group: Sequence[Edge], people: set[int], merge_from: float) -> bool:
    """Every contact hangs on the others by pairs that may be proposed, and no pair inside speaks against it."""
    if not all(edge.may_propose for edge in group):
        return False
    likely = [(edge.score, edge.first, edge.second) for edge in group if edge.score >= merge_from]
    joined = clusters(likely, lambda _a, _b: False, chained=True)
    return len(joined) == 1 and joined[0] == people
