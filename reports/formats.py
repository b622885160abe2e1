"""How figures are shown to people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import formats, timezone

from reports.base import Column, Unit

DASH = "–"


def shown(value: Any, unit: Unit) -> str:
    if value is None:
        return DASH
    if unit == "seconds":
        return duration(value)
    if unit == "share":
        return f"{formats.number_format(value * 100, 1)} %"
    if unit == "count":
        return formats.number_format(value, force_grouping=True)
    if isinstance(value, datetime):
        return moment(value)
    return str(value)


def moment(at: datetime) -> str:
    """Date as the language writes it, time with 24 hours, in the viewer's zone."""
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M}"


def duration(seconds: float) -> str:
    """4:15, or 1:02:03 from an hour on; halves of a second are rounded up."""
    whole = int(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def is_number(column: Column) -> bool:
    return column.unit in {"count", "seconds", "share"}
