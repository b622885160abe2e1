"""Rows of any table as lines of JSON, and back: the same text on either database, so that one may be restored into the other.

Values are what the model's fields give, except that secrets stay encrypted as they lie in their column.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models, router
from django.db.models.expressions import Col

from scrm.core.fields import EncryptedJSONField

RANGE = 5000
# What machinery keeps for itself: who is at work, log-ins, the queue that only wakes workers; and the backups' own rows.
LEFT_OUT = frozenset({"core.heartbeat", "core.drainslot", "core.timetable", "core.backuprun", "sessions.session"})
LEFT_OUT_APPS = frozenset({"django_q", "sandbox"})
# Filled by `migrate` itself; a restore replaces them.
MADE_BY_MIGRATE = frozenset({"contenttypes.contenttype", "auth.permission"})


@dataclass(frozen=True, slots=True)
class Range:
    """Rows with first <= key < last; both None: the whole table, whose key is no number."""

    first: int | None
    last: int | None


def tables() -> list[type[models.Model]]:
    """Every table of the product in the main database, by label."""
    found = [model for model in apps.get_models(include_auto_created=True) if _belongs(model)]
    return sorted(found, key=lambda model: model._meta.label_lower)


def _belongs(model: type[models.Model]) -> bool:
    meta = model._meta
    if not meta.managed or meta.proxy or meta.swapped or meta.label_lower in LEFT_OUT or meta.app_label in LEFT_OUT_APPS:
        return False
    return router.db_for_read(model) == "default"


def fields_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return list(model._meta.concrete_fields)


def ranges(model: type[models.Model], connection: Any) -> Iterator[Range]:
    """The ranges that hold rows: of fixed numbers, so that what is added to the end moves nothing."""
    pk = model._meta.pk
    if pk is None or not isinstance(pk, models.AutoField | models.IntegerField | models.ForeignKey) or not _is_number(pk):
        yield Range(None, None)
        return
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(pk.column)
    reached: int | None = None
    with connection.cursor() as cursor:
        while True:
            where, values = ("", []) if reached is None else (f" WHERE {column} >= %s", [reached])
            cursor.execute(f"SELECT MIN({column}) FROM {table}{where}", values)  # noqa: S608 - names of the model
            (lowest,) = cursor.fetchone()
            if lowest is None:
                return
            first = lowest // RANGE * RANGE
            reached = first + RANGE
            yield Range(first, reached)


def _is_number(field: models.Field[Any, Any]) -> bool:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return isinstance(field, models.IntegerField)


def lines(model: type[models.Model], part: Range, connection: Any) -> tuple[bytes, int]:
    """The rows of a range, by key, one JSON list a line; and their number."""
    fields = fields_of(model)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    pk = quote(model._meta.pk.column)  # type: ignore[union-attr]
    where, values = ("", []) if part.first is None else (f" WHERE {pk} >= %s AND {pk} < %s", [part.first, part.last])
    readers = [_readers(field, connection) for field in fields]
    told: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote(model._meta.db_table)}{where} ORDER BY {pk}", values)  # noqa: S608
        while rows := cursor.fetchmany(1000):
            told += [_line([_read(value, each) for value, each in zip(row, readers, strict=True)]) for row in rows]
    return "".join(told).encode(), len(told)


Readers = Sequence[tuple[Any, Any, Any]]


def _readers(field: models.Field[Any, Any], connection: Any) -> Readers:
    if isinstance(field, EncryptedJSONField):
        return []
    expression = Col(field.model._meta.db_table, field)
    found = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]
    return [(convert, expression, connection) for convert in found]


def _read(value: Any, readers: Readers) -> Any:
    for convert, expression, connection in readers:
        value = convert(value, expression, connection)
    return value


def _line(values: list[Any]) -> str:
    # Keys sorted: PostgreSQL keeps the keys of a JSON value in an order of its own.
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, Decimal | UUID):
        return str(value)
    return str(value)


def parse(plain: bytes, fields: Sequence[models.Field[Any, Any]], connection: Any) -> list[list[Any]]:
    """Rows as the database takes them."""
    rows = [json.loads(line) for line in plain.split(b"\n") if line]
    return [[_prepared(field, value, connection) for field, value in zip(fields, row, strict=True)] for row in rows]


def _prepared(field: models.Field[Any, Any], value: Any, connection: Any) -> Any:
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


def insert(model: type[models.Model], rows: Sequence[Sequence[Any]], connection: Any) -> None:
    if not rows:
        return
    quote = connection.ops.quote_name
    fields = fields_of(model)
    columns, marks = ", ".join(quote(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})", rows)  # noqa: S608
