"""The newest rows of each of several lists, in one statement: every list is read from its own place in the index and no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import models


def together(slices: Sequence[models.QuerySet[Any]]) -> list[Any]:
    """The rows of all `slices`, which are ordered and limited querysets of one model with the same columns. In no order.

    `IN (several parents) ORDER BY … LIMIT` makes databases read all rows of all parents and sort them. Django's `union` takes no slices on
    SQLite. Related objects are not joined: fetch them apart.
    """
    parts: list[str] = []
    values: list[Any] = []
    for rows in slices:
        try:
            sql, params = rows.query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT * FROM ({sql}) AS s{len(parts)}")  # noqa: S608 - built by the ORM
        values += params
    if not parts:
        return []
    return list(slices[0].model._default_manager.raw(" UNION ALL ".join(parts), values))
