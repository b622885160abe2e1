"""The highest keys that tables ever gave out: a restored database must not give the key of a removed row to a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

Models = Iterable[type[models.Model]]


def given_out(tables: Models, connection: Any) -> dict[str, int]:
    """{label: highest key}"""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, seq FROM sqlite_sequence")
            known = dict(cursor.fetchall())
            return {model._meta.label_lower: int(known[model._meta.db_table]) for model in tables if model._meta.db_table in known}
        return {model._meta.label_lower: _last_of(model, cursor, connection) for model in _counted(tables)}


def go_on_after(tables: Models, given: Mapping[str, int], connection: Any) -> None:
    """New rows get keys above those in the tables and those of `given`."""
    with connection.cursor() as cursor:
        for model in _counted(tables):
            last = given.get(model._meta.label_lower, 0)
            if connection.vendor == "sqlite":
                _raise_on_sqlite(model._meta.db_table, last, cursor)
            else:
                _raise_on_postgresql(model, last, cursor, connection)


def _counted(tables: Models) -> list[type[models.Model]]:
    return [model for model in tables if isinstance(model._meta.pk, models.AutoField | models.BigAutoField)]


def _last_of(model: type[models.Model], cursor: Any, connection: Any) -> int:
    cursor.execute("SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(%s, %s)::regclass), 0)", _sequence(model, connection))
    return int(cursor.fetchone()[0])


def _sequence(model: type[models.Model], connection: Any) -> list[str]:
    return [connection.ops.quote_name(model._meta.db_table), str(model._meta.pk.column)]  # type: ignore[union-attr]


def _raise_on_sqlite(table: str, last: int, cursor: Any) -> None:
    """SQLite itself counts what is inserted."""
    cursor.execute("UPDATE sqlite_sequence SET seq = MAX(seq, %s) WHERE name = %s", [last, table])
    if not cursor.rowcount and last:
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])


def _raise_on_postgresql(model: type[models.Model], last: int, cursor: Any, connection: Any) -> None:
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(model._meta.pk.column)  # type: ignore[union-attr]
    cursor.execute(f"SELECT COALESCE(MAX({column}), 0) FROM {table}")  # noqa: S608 - names of the model
    highest = max(int(cursor.fetchone()[0]), last)
    if highest:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s)::regclass, %s)", [*_sequence(model, connection), highest])
