"""Our side of the records of one kind, as a pull needs it: what we hold, when it changed, and how to take over what the CRM says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from scrm.sync.inlet import Inlet, Unit
from scrm.sync.mapping import to_ours
from scrm.sync.models import Push
from scrm.sync.resolution import Winner


@dataclass(slots=True)
class Saying:
    """What one record says of one of our fields. `contest`: ours changed too; `winner` of that, '' for nobody.

    `before`: their values as last agreed. `result` says in the end what became of it: in, out (ours stays and goes there), held (a person
    decides) or unfit with `words`. `record`: its id there.
    """

    key: str
    unit: Unit
    theirs: tuple[Any, ...]
    at: datetime
    contest: bool = False
    winner: Winner = "theirs"
    met: bool = False
    before: tuple[Any, ...] | None = None
    result: str = "in"
    words: str = ""
    record: str = ""

    @property
    def contact_id(self) -> int:
        """Of what is said of people."""
        return int(self.key)


class Ours(Protocol):
    """What some records of theirs are about, by our keys."""

    def has(self, key: str) -> bool: ...

    def values(self, key: str) -> Mapping[str, Any]:
        """By our field names, in our words."""

    def changed_at(self, key: str, unit: Unit) -> int | None:
        """When our value was said, in ms; None for what keeps no time."""

    def value_of(self, saying: Saying) -> Any:
        """Their values in our words. Raises `Unmappable`."""

    def write(self, sayings: Sequence[Saying]) -> None:
        """Take over what the records say; each saying learns its result."""


def said(saying: Saying) -> Any:
    """Their value of a field that one of theirs holds alone, in our words. Raises `Unmappable`."""
    (spec,), (value,) = saying.unit.specs, saying.theirs
    return to_ours(value, spec)


def settle_contest(saying: Saying) -> bool:
    """Whether a value that both sides changed is to be taken over: theirs when it is later, nobody's when none is."""
    if saying.contest and saying.winner != "theirs":
        saying.result = "out" if saying.winner == "ours" else "held"
        return False
    return True


def waiting_since(inlet: Inlet, keys: Sequence[str]) -> dict[str, datetime]:
    """When each object of ours changed that is still to be written: what keeps no times of its own has changed then, or not at all."""
    rows = Push.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=keys, state=Push.State.DUE)
    return dict(rows.values_list("key", "asked_at"))
