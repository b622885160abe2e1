"""The median, in the database where it can and in Python where it cannot. Both interpolate between the two middle values."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable
from typing import Any

from django.db import connections
from django.db.models import Aggregate, FloatField, QuerySet


class Median(Aggregate):
    """percentile_cont(0.5): PostgreSQL alone."""

    function = "PERCENTILE_CONT"
    name = "Median"
    output_field = FloatField()
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


def medians(rows: QuerySet[Any], value: str, by: str) -> dict[Hashable, float]:
    """The median of field `value` for each value of field `by`."""
    rows = rows.order_by()
    if connections[rows.db].vendor == "postgresql":
        return database_medians(rows, value, by)
    return python_medians(rows, value, by)


def database_medians(rows: QuerySet[Any], value: str, by: str) -> dict[Hashable, float]:
    return dict(rows.order_by().values_list(by).annotate(middle=Median(value)))


def python_medians(rows: QuerySet[Any], value: str, by: str) -> dict[Hashable, float]:
    groups: defaultdict[Hashable, list[float]] = defaultdict(list)
    for key, number in rows.order_by().values_list(by, value).iterator():
        groups[key].append(number)
    return {key: float(statistics.median(numbers)) for key, numbers in groups.items()}


def median(rows: QuerySet[Any], value: str) -> float | None:
    """The median over all rows, None without rows."""
    rows = rows.order_by()
    if connections[rows.db].vendor == "postgresql":
        middle: float | None = rows.aggregate(middle=Median(value))["middle"]
        return middle
    numbers = list(rows.values_list(value, flat=True))
    return float(statistics.median(numbers)) if numbers else None
