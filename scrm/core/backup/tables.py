"""Every table of the product, walked in ranges of keys that stay the same from night to night, as pieces of bounded size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models, router

from scrm.core.backup.values import line, readers, writer

RANGE = 5000
# Of the text of one piece; a single row may be larger.
PIECE_BYTES = 4 * 2**20
FETCHED = 500
# What machinery keeps for itself: who is at work, log-ins, the queue that only wakes workers; and the backups' own rows.
LEFT_OUT = frozenset({"core.heartbeat", "core.drainslot", "core.timetable", "core.backuprun", "sessions.session"})
LEFT_OUT_APPS = frozenset({"django_q", "sandbox", "sandbox_crm"})
# Filled by `migrate` itself; a restore replaces them.
MADE_BY_MIGRATE = ("auth.permission", "contenttypes.contenttype")


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


def by_dependence(given: Iterable[type[models.Model]]) -> list[type[models.Model]]:
    """A table comes after those that its foreign keys lead to; within a circle, in any order."""
    order: list[type[models.Model]] = []
    begun: set[type[models.Model]] = set()

    def visit(model: type[models.Model]) -> None:
        if model in begun:
            return
        begun.add(model)
        for each in sorted(leads_to(model), key=lambda other: other._meta.label_lower):
            visit(each)
        order.append(model)

    among = list(given)
    for model in among:
        visit(model)
    return [model for model in order if model in set(among)]


def leads_to(model: type[models.Model]) -> set[type[models.Model]]:
    """The tables, this one too, that its checked foreign keys lead to."""
    keys: list[Any] = [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]
    return {field.related_model._meta.concrete_model for field in keys if field.db_constraint}


def fields_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return list(model._meta.concrete_fields)


def walked_along(model: type[models.Model]) -> models.Field[Any, Any] | None:
    """The numeric key, or of a key of several columns the one that leads to another table; None: the table is read in one go."""
    pk: Any = model._meta.pk
    if isinstance(pk, models.CompositePrimaryKey):
        return next((field for field in pk.fields if isinstance(field, models.ForeignKey) and _is_number(field)), None)
    return pk if _is_number(pk) else None


def _key_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    pk: Any = model._meta.pk
    fields: list[Any] = list(pk.fields) if isinstance(pk, models.CompositePrimaryKey) else [pk]
    along = walked_along(model)
    return fields if along is None else [along, *(field for field in fields if field is not along)]


def _is_number(field: models.Field[Any, Any]) -> bool:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return isinstance(field, models.IntegerField)


def ranges(model: type[models.Model], connection: Any) -> Iterator[Range]:
    """The ranges that hold rows: of fixed numbers, so that what is added to the end moves nothing."""
    along = walked_along(model)
    if along is None:
        yield Range(None, None)
        return
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(along.column)
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


def pieces(model: type[models.Model], part: Range, connection: Any) -> Iterator[tuple[bytes, int]]:
    """The rows of a range, by key, one JSON list a line, and their number; cut at the same rows on either database."""
    told: list[bytes] = []
    size = 0
    for each in _rows(model, part, connection):
        told.append(each)
        size += len(each)
        if size >= PIECE_BYTES:
            yield b"".join(told), len(told)
            told, size = [], 0
    if told:
        yield b"".join(told), len(told)


def _rows(model: type[models.Model], part: Range, connection: Any) -> Iterator[bytes]:
    fields = fields_of(model)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    where, values = "", []
    along = walked_along(model)
    if along is not None:
        where, values = f" WHERE {quote(along.column)} >= %s AND {quote(along.column)} < %s", [part.first, part.last]
    order = ", ".join(_ordered(field, connection) for field in _key_fields(model))
    converting = [(place, found) for place, field in enumerate(fields) if (found := readers(field, connection))]
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote(model._meta.db_table)}{where} ORDER BY {order}", values)  # noqa: S608
        while rows := cursor.fetchmany(FETCHED):
            yield from (line(row, converting, connection) for row in rows)


def _ordered(field: models.Field[Any, Any], connection: Any) -> str:
    """Texts by their bytes, which both databases agree on."""
    column = str(connection.ops.quote_name(field.column))
    is_text = isinstance(field, models.CharField | models.TextField)
    return f'{column} COLLATE "C"' if is_text and connection.vendor == "postgresql" else column


def count(model: type[models.Model], connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608 - name of the model
        return int(cursor.fetchone()[0])


def parse(plain: bytes, fields: Sequence[models.Field[Any, Any]], connection: Any) -> list[list[Any]]:
    """Rows as the database takes them."""
    writers = [(place, write) for place, field in enumerate(fields) if (write := writer(field, connection)) is not None]
    rows: list[list[Any]] = [json.loads(each) for each in plain.split(b"\n") if each]
    for row in rows:
        for place, write in writers:
            row[place] = write(row[place])
    return rows


def insert(model: type[models.Model], rows: Sequence[Sequence[Any]], connection: Any) -> None:
    if not rows:
        return
    quote = connection.ops.quote_name
    fields = fields_of(model)
    table, columns = quote(model._meta.db_table), ", ".join(quote(field.column) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(fields))
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - names of the model
