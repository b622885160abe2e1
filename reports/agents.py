"""What reports with a line for each agent have in common: the line of what is nobody's, its rows, and the way to a conversation."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.urls import reverse

from reports.base import TOTAL

NOBODY = "none"

Row = TypeVar("Row", bound=Model)


def line_key(agent_id: int | None) -> str:
    return NOBODY if agent_id is None else str(agent_id)


def rows_of_line(rows: QuerySet[Row], key: str) -> QuerySet[Row]:
    """Those of the rows that a line counts. Raises `LookupError` for a key that no line can have."""
    if key == TOTAL:
        return rows
    if key == NOBODY:
        return rows.filter(agent=None)
    if not (key.isascii() and key.isdigit() and len(key) <= 18):
        raise LookupError(key)
    return rows.filter(agent_id=int(key))


def conversation_link(pk: int) -> str:
    return reverse("console:conversation", args=[pk])
