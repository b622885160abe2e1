"""What becomes of a person's data: pure. An erase request wins over retention, a legal hold wins over both."""

from __future__ import annotations

from typing import Literal

Fate = Literal["keep", "expire", "erase", "held"]


def fate(*, age_days: float, retention_days: int | None, hold: bool, erase_asked: bool) -> Fate:
    """`retention_days` None: kept without end. "held": it would be erased or expire, but for the hold."""
    wanted: Fate = "keep"
    if erase_asked:
        wanted = "erase"
    elif retention_days is not None and age_days > retention_days:
        wanted = "expire"
    return "held" if hold and wanted != "keep" else wanted
