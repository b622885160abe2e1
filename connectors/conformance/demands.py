"""How a broken rule is told."""

from __future__ import annotations


def demand(holds: bool, rule: str, sample: object = "") -> None:
    """Raise `AssertionError` with the rule and what broke it."""
    if not holds:
        raise AssertionError(f"{rule}: {sample!r}"[:2000])
