"""Columns of values as PostgreSQL array literals: one parameter a column instead of one a value.

psycopg looks for every parameter of a statement and adapts every value by itself, and the framework prepares each before that; for the
thousands of values of a batch this took longer than the database needed to store them. `SELECT * FROM UNNEST(...)` over these literals
gives the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models

# Classes whose values are stored as they are; a subclass may prepare them, and goes the general way.
_TEXTS = (models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField)
_NUMBERS = (
    models.AutoField, models.BigAutoField, models.SmallIntegerField, models.IntegerField, models.BigIntegerField,
    models.PositiveSmallIntegerField, models.PositiveIntegerField, models.PositiveBigIntegerField,
)  # fmt: skip


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def numbers(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    return "{" + ",".join(map(_quoted, values)) + "}"


def literal(field: models.Field[Any, Any], values: Sequence[Any], connection: Any) -> str:
    """The values of one field, as its rows hold them. Expressions cannot be given."""
    write = _writer(field)

    def one(value: Any) -> str:
        if value is None:
            return "NULL"
        return (write(value) if write is not None else None) or _general(field, value, connection)

    return "{" + ",".join(map(one, values)) + "}"


def _writer(field: models.Field[Any, Any]) -> Callable[[Any], str | None] | None:
    """The short way for values of the field's own Python type; it gives None for any other, and is None when there is no short way."""
    kind: type[Any] = type(field)
    if kind in (models.ForeignKey, models.OneToOneField):
        kind = type(field.target_field)  # type: ignore[attr-defined]
    if kind in _TEXTS:
        return lambda value: _quoted(value) if type(value) is str else None
    if kind in _NUMBERS:
        return lambda value: str(value) if type(value) is int else None
    if kind is models.DateTimeField:
        return lambda value: f'"{value.isoformat()}"' if type(value) is datetime and value.tzinfo is not None else None
    if kind is models.BooleanField:
        return lambda value: ("t" if value else "f") if type(value) is bool else None
    if kind is models.JSONField:
        encoder = field.encoder  # type: ignore[attr-defined]
        return lambda value: None if hasattr(value, "resolve_expression") else _quoted(json.dumps(value, cls=encoder))
    return None


def _general(field: models.Field[Any, Any], value: Any, connection: Any) -> str:
    if hasattr(value, "resolve_expression"):
        raise TypeError(f"{field.name}: an expression cannot be written with its batch")
    prepared = field.get_db_prep_save(value, connection)
    if prepared is None:
        return "NULL"
    if isinstance(prepared, bytes | bytearray | memoryview):
        return f'"\\\\x{bytes(prepared).hex()}"'
    return _quoted(str(prepared))
