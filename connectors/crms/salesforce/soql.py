"""Queries in Salesforce's language. Every value that goes into one is made a literal here; nothing else is pasted into a query. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?", re.ASCII)


def text(value: str) -> str:
    """A text literal. NUL, which no text in Salesforce can hold, is left out."""
    return "'" + "".join(_ESCAPES.get(char, char) for char in value if char != "\0") + "'"


def texts(values: Iterable[str]) -> str:
    """A list for IN; never empty, because `IN ()` is no query."""
    return f"({', '.join(text(value) for value in values) or text('')})"


def moment(at: datetime) -> str:
    """A time literal, to the second that Salesforce compares by."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def name(value: str) -> str:
    """The name of a field or an object. Raises `ValueError` for anything else."""
    if not _NAME.fullmatch(value) or len(value) > 255:
        raise ValueError(f"{value[:50]!r} is no name of a field or an object")
    return value


def is_id(value: str) -> bool:
    """15 letters and digits, or 18 with the checksum."""
    return bool(_ID.fullmatch(value))


def select(fields: Iterable[str], of: str, where: Iterable[str] = (), *, order: Iterable[str] = (), limit: int = 0) -> str:
    """A whole query; `where` are conditions that must all hold."""
    query = f"SELECT {', '.join(name(each) for each in fields)} FROM {name(of)}"  # noqa: S608
    conditions = list(where)
    if conditions:
        query += " WHERE " + " AND ".join(conditions)
    sorting = [name(each) for each in order]
    if sorting:
        query += " ORDER BY " + ", ".join(sorting)
    return f"{query} LIMIT {limit}" if limit else query
