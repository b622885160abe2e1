"""Is what caused a message still wanted? A rule that was switched off must not speak through what it left in the outbox.

Apps above this one register a check for their kind of cause ("rule:12:v3" is of kind "rule"); it is asked in the transaction that sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

# Of these causes, the ones that no longer stand, with the reason in words.
Check = Callable[[set[str]], dict[str, str]]
_checks: dict[str, Check] = {}


def register(kind: str, check: Check) -> None:
    _checks[kind] = check


def withdrawn(causes: Iterable[str]) -> dict[str, str]:
    """The causes that no longer stand and why; one query for each kind that is among them."""
    by_kind: dict[str, set[str]] = {}
    for cause in causes:
        kind = cause.partition(":")[0]
        if kind in _checks:
            by_kind.setdefault(kind, set()).add(cause)
    found: dict[str, str] = {}
    for kind, asked in by_kind.items():
        found |= _checks[kind](asked)
    return found
