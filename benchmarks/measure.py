"""Rounds, ratios and the table that every benchmark prints."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Row:
    """One promise: `values` are the rounds. `least` or `most` is the target of the median; neither: for information."""

    name: str
    values: Sequence[float]
    unit: str
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values) if self.values else float("nan")

    @property
    def verdict(self) -> str:
        if self.least is None and self.most is None:
            return ""
        held = bool(self.values) and (self.least is None or self.median >= self.least) and (self.most is None or self.median <= self.most)
        return "held" if held else "MISSED"

    @property
    def target(self) -> str:
        if self.least is not None:
            return f">= {number(self.least)}"
        return f"<= {number(self.most)}" if self.most is not None else ""


@dataclass
class Result:
    benchmark: str
    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Result:
        return cls(value["benchmark"], value["title"], [Row(**row) for row in value["rows"]], value["notes"])


def number(value: float | None) -> str:
    if value is None or value != value:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(len(ordered) * share + 0.999999) - 1))] if ordered else float("nan")


def ratios(ours: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Round by round, because neighbours on the machine disturb both of a round alike; in per cent."""
    return [100 * a / b for a, b in zip(ours, peer, strict=True) if b]


def table(results: Sequence[Result]) -> str:
    lines = ["| what | median | min | max | unit | target | |", "|---|---:|---:|---:|---|---|---|"]
    for result in results:
        lines.append(f"| **{result.title}** | | | | | | |")
        for row in result.rows:
            values = row.values or [float("nan")]
            cells = [row.name, number(row.median), number(min(values)), number(max(values)), row.unit, row.target, row.verdict]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
