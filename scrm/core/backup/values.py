"""Values of any column as JSON, and back: the same text on either database, so that one may be restored into the other.

Values are what the model's fields give, except that secrets stay encrypted as they lie in their column.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.db.models.expressions import Col

from scrm.core.fields import EncryptedJSONField

Readers = Sequence[tuple[Any, Any]]


def readers(field: models.Field[Any, Any], connection: Any) -> Readers:
    """What turns the driver's value into the field's."""
    if isinstance(field, EncryptedJSONField):
        return []
    expression = Col(field.model._meta.db_table, field)
    found = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]
    return [(convert, expression) for convert in found]


def line(row: Sequence[Any], converting: Sequence[tuple[int, Readers]], connection: Any) -> bytes:
    values = list(row)
    for place, converts in converting:
        value = values[place]
        for convert, expression in converts:
            value = convert(value, expression, connection)
        values[place] = value
    # Keys sorted: PostgreSQL keeps the keys of a JSON value in an order of its own.
    return _encode(values).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    return str(value)


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain).encode


def writer(field: models.Field[Any, Any], connection: Any) -> Callable[[Any], Any] | None:
    """What makes the value as the database takes it; None: it is that already."""
    if isinstance(field, EncryptedJSONField):
        return None
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None and field.null else connection.ops.adapt_json_value(value, field.encoder)
    kind: models.Field[Any, Any] = field
    while isinstance(kind, models.ForeignKey):
        kind = kind.target_field
    if type(kind) in _AS_THEY_ARE:
        return None
    read = _from_json(kind)
    return lambda value: field.get_db_prep_save(value if value is None else read(value), connection)


def _from_json(kind: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """From the text of a value to what its field knows."""
    if isinstance(kind, models.BinaryField):
        return base64.b64decode
    if isinstance(kind, models.DateTimeField):
        return datetime.fromisoformat
    if isinstance(kind, models.DurationField):
        return lambda value: timedelta(microseconds=value)
    return lambda value: value


# Most columns: asking the framework for each of their values took longer than the database needs to store them.
_AS_THEY_ARE = frozenset({
    models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField, models.FileField, models.BooleanField,
    models.AutoField, models.BigAutoField, models.IntegerField, models.BigIntegerField, models.SmallIntegerField, models.FloatField,
    models.PositiveIntegerField, models.PositiveSmallIntegerField, models.PositiveBigIntegerField,
})  # fmt: skip
