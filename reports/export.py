"""Reports as CSV that Excel opens safely: UTF-8 with a byte order mark, and no cell that begins a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from reports.base import Column
from scrm.core.spreadsheets import BOM, neutralised


def csv_lines(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Durations in seconds, shares as 0..1, times in the viewer's zone with its offset: made for calculating with."""
    yield BOM + _line([str(column.title) + _unit(column) for column in columns])
    for row in rows:
        yield _line([_value(row[column.name]) for column in columns])


def _unit(column: Column) -> str:
    return " (s)" if column.unit == "seconds" else ""


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")
    return round(value, 4) if isinstance(value, float) else value


def _line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([neutralised(cell) for cell in cells])
    return out.getvalue()
