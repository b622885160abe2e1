"""Is what caused a message still wanted? A rule that was switched off must not speak through what it left in the outbox.

Apps above this one register a check for their kind of cause ("rule:12:v3" is of kind "rule"); it is asked in the transaction that sends.
What no longer stands is withdrawn for good; what is paused waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cause stands that is not simply wanted, and why, in words."""

    state: Literal["withdrawn", "paused"]
    reason: str


# Of these causes, the ones that are not simply wanted.
Check = Callable[[set[str]], dict[str, Standing]]
_checks: dict[str, Check] = {}


def register(kind: str, check: Check) -> None:
    _checks[kind] = check


def standing(causes: Iterable[str]) -> dict[str, Standing]:
    """The causes that no longer stand or are paused, and why; one query for each kind that is among them."""
    by_kind: dict[str, set[str]] = {}
    for cause in causes:
        kind = cause.partition(":")[0]
        if kind in _checks:
            by_kind.setdefault(kind, set()).add(cause)
    found: dict[str, Standing] = {}
    for kind, asked in by_kind.items():
        found |= _checks[kind](asked)
    return found
