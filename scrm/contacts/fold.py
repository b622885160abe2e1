"""What a survivor shows of a field that it and its duplicates have. Pure.

Every record keeps its own value with the time it was said. The survivor shows the latest of its own and of what its duplicates show,
one merge after the other; what a person chose when merging counts as said at that moment. Nothing is overwritten, so without a merge
the same rule gives what would have been shown without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scrm.contacts.fields_rules import PERSON, Entry, Standing, Value

# Nobody said anything: every word outweighs it.
SILENT = -1


@dataclass(frozen=True, slots=True)
class Pick:
    """A value in the running. `weight`: when it was said or chosen, in ms; `record`: whose value it is."""

    value: Value
    entry: Entry | None
    weight: int
    record: int


@dataclass(frozen=True, slots=True)
class Joined:
    """One merge as seen from its survivor: when (ms), by whom, what was chosen, and what the duplicate shows."""

    at: int
    by: str
    choices: Mapping[str, Mapping[str, Any]]
    shown: Mapping[str, Pick]


def own_pick(standing: Standing, record: int) -> Pick:
    return Pick(standing.value, standing.entry, SILENT if standing.empty else standing.at, record)


def fold(name: str, own: Pick, merges: Sequence[Joined]) -> Pick:
    """The value shown of the field `name`; `merges` in the order in which they were made."""
    shown = own
    for merge in merges:
        shown = _step(name, shown, merge, own.record)
    return shown


def _step(name: str, kept: Pick, merge: Joined, record: int) -> Pick:
    choice = merge.choices.get(name) or {}
    given = merge.shown.get(name)
    chosen = choice.get("from")
    if chosen == "survivor":
        kept = replace(kept, weight=max(kept.weight, merge.at))
    if chosen == "duplicate" and given is not None:
        given = replace(given, weight=max(given.weight, merge.at))
    best = given if given is not None and given.weight > kept.weight else kept
    if chosen == "typed" and merge.at >= best.weight:
        best = Pick(choice.get("value"), Entry(PERSON, merge.at, merge.by), merge.at, record)
    return best
