"""What a report is.

A new one is a file with a subclass of `Report` and a line in `registry.py`; its page, its rows and its CSV need no further work.
"""

from __future__ import annotations

import zoneinfo
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import Model, QuerySet

Text = Any  # str, or a lazily translated one
Unit = Literal["text", "count", "seconds", "share", "time"]

PERIODS: dict[str, int] = {"today": 1, "7d": 7, "30d": 30}
TOTAL = "all"


@dataclass(frozen=True, slots=True)
class Column:
    """`unit` decides how a value is shown: seconds as m:ss, a share 0..1 as per cent, a time in the viewer's zone."""

    name: str
    title: Text
    unit: Unit = "text"
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a report is asked for. `until` is fixed when a page is made, so that a figure and its rows see the same time span."""

    until: datetime
    period: str = "7d"
    zone: str = "UTC"
    connection: int | None = None
    team: int | None = None
    # Whose reach the rows are narrowed to; None: the product itself asks.
    viewer: Any = field(default=None, compare=False)

    @property
    def since(self) -> datetime:
        """Midnight, in the viewer's zone, of the first of the period's days; today is the last of them."""
        local = self.until.astimezone(zoneinfo.ZoneInfo(self.zone))
        first = local.date() - timedelta(days=PERIODS[self.period] - 1)
        return datetime(first.year, first.month, first.day, tzinfo=local.tzinfo).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of a report. `key` names the rows behind it; `values` by column name; `marked` columns ask for attention."""

    key: str
    label: Text
    values: dict[str, Any]
    marked: frozenset[str] = frozenset()


class Report(ABC):
    """Subclasses declare what they show and give two answers that must agree: the figures, and the rows behind each."""

    slug: str
    title: Text
    version: int
    definition: Text
    permission: str
    subject: Text
    columns: Sequence[Column]
    row_columns: Sequence[Column]
    benchmarks: Sequence[tuple[Text, float, Unit]] = ()

    @abstractmethod
    def figures(self, filters: Filters) -> list[Figures]:
        """The report's lines, the total first, key `TOTAL`."""

    @abstractmethod
    def rows(self, filters: Filters, key: str) -> QuerySet[Any]:
        """The rows that one line adds up, newest first. LookupError for a key that no line can have."""

    def summary(self, filters: Filters, key: str) -> Figures | None:
        """The line that the rows of `key` add up to; None when there are no rows."""
        return next((line for line in self.figures(filters) if line.key == key), None)

    @abstractmethod
    def row_values(self, row: Model) -> dict[str, Any]:
        """One row's values by name of `row_columns`."""

    def row_link(self, row: Model) -> str:
        """Where the row is looked at in the console, or ''."""
        return ""
