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
    return "{" + _texts(list(values)) + "}"


def literal(field: models.Field[Any, Any], values: Sequence[Any], connection: Any) -> str:
    """The values of one field, as its rows hold them. Expressions cannot be given."""
    kinds, write = _writer(field)
    types = set(map(type, values))
    if types <= kinds and (written := write(values)) is not None:
        return "{" + written + "}"

    def one(value: Any) -> str:
        if value is None:
            return "NULL"
        return (write([value]) if type(value) in kinds else None) or _general(field, value, connection)

    return "{" + ",".join(map(one, values)) + "}"


_JSON: frozenset[type] = frozenset({dict, list, str, int, float, bool})
_Writer = Callable[[Sequence[Any]], str | None]


def _writer(field: models.Field[Any, Any]) -> tuple[frozenset[type], _Writer]:
    """The short way for values of a field's own Python types, a column at a time, and which types these are.

    It gives None where a value among them must go the general way.
    """
    kind: type[Any] = type(field)
    if kind in (models.ForeignKey, models.OneToOneField):
        kind = type(field.target_field)  # type: ignore[attr-defined]
    if kind in _TEXTS:
        return frozenset({str}), _texts
    if kind in _NUMBERS:
        return frozenset({int}), lambda values: ",".join(map(str, values))
    if kind is models.DateTimeField:
        return frozenset({datetime}), _moments
    if kind is models.BooleanField:
        return frozenset({bool}), lambda values: ",".join(["t" if value else "f" for value in values])
    if kind is models.JSONField:
        encoder = field.encoder  # type: ignore[attr-defined]
        return _JSON, lambda values: ",".join([_quoted(json.dumps(value, cls=encoder)) for value in values])
    return frozenset(), lambda _: None


def _texts(values: Sequence[str]) -> str:
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return ",".join(map(_quoted, values))
    return f'"{joined}"'


def _moments(values: Sequence[datetime]) -> str | None:
    if any(value.tzinfo is None for value in values):
        return None
    return ",".join([f'"{value.isoformat()}"' for value in values])


def _general(field: models.Field[Any, Any], value: Any, connection: Any) -> str:
    if hasattr(value, "resolve_expression"):
        raise TypeError(f"{field.name}: an expression cannot be written with its batch")
    if type(field) is models.JSONField:
        return _quoted(json.dumps(value, cls=field.encoder))
    prepared = field.get_db_prep_save(value, connection)
    if prepared is None:
        return "NULL"
    if isinstance(prepared, bytes | bytearray | memoryview):
        return f'"\\\\x{bytes(prepared).hex()}"'
    return _quoted(str(prepared))
