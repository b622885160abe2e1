"""Values of any column as JSON, and back: the same text on either database, so that one may be restored into the other.

Values are what the model's fields give, except that secrets stay encrypted as they lie in their column.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
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


def prepared(field: models.Field[Any, Any], value: Any, connection: Any) -> Any:
    """The value as the database takes it."""
    if isinstance(field, EncryptedJSONField):
        return value
    if isinstance(field, models.JSONField):
        return None if value is None and field.null else connection.ops.adapt_json_value(value, field.encoder)
    if value is not None:
        kind: models.Field[Any, Any] = field
        while isinstance(kind, models.ForeignKey):
            kind = kind.target_field
        if isinstance(kind, models.BinaryField):
            value = base64.b64decode(value)
        elif isinstance(kind, models.DateTimeField):
            value = datetime.fromisoformat(value)
        elif isinstance(kind, models.DurationField):
            value = timedelta(microseconds=value)
    return field.get_db_prep_save(value, connection)
