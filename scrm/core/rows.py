"""Sets of rows written with one statement each: the pipeline's speed rests on these three functions.

Both databases speak the statements used (PostgreSQL 13+, SQLite 3.35+).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections, models, router

M = TypeVar("M", bound=models.Model)


def _columns(model: type[models.Model], names: Sequence[str]) -> list[models.Field[Any, Any]]:
    return [model._meta.get_field(name) for name in names]  # type: ignore[misc]


def _name(connection: Any, field: models.Field[Any, Any]) -> str:
    """The quoted column of a concrete field."""
    return str(connection.ops.quote_name(str(field.column)))


def insert_new(model: type[models.Model], rows: Sequence[models.Model], *, key: str) -> set[Any]:
    """Insert the rows whose unique key is not there yet; return the values of `key` that were inserted.

    A concurrent insert of the same key is waited for: exactly one caller gets it.
    """
    if not rows:
        return set()
    alias = router.db_for_write(model)
    connection = connections[alias]
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or rows[0].pk is not None]
    quote = connection.ops.quote_name
    values = [[field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields] for row in rows]
    row_sql = "(" + ", ".join(["%s"] * len(fields)) + ")"
    column = _name(connection, _columns(model, [key])[0])
    found: set[Any] = set()
    step = max(1, (connection.features.max_query_params or 20000) // len(fields))
    with connection.cursor() as cursor:
        for start in range(0, len(values), step):
            part = values[start : start + step]
            cursor.execute(
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(_name(connection, f) for f in fields)}) "  # noqa: S608 - names come from the model
                f"VALUES {', '.join([row_sql] * len(part))} ON CONFLICT DO NOTHING RETURNING {column}",
                [value for row in part for value in row],
            )
            found.update(row[0] for row in cursor.fetchall())
    return found


def update_many(model: type[models.Model], rows: Iterable[models.Model], fields: Sequence[str]) -> int:
    """Write `fields` of all rows with one UPDATE ... FROM (VALUES ...). Several times faster than bulk_update's CASE."""
    rows = list(rows)
    if not rows:
        return 0
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    columns = _columns(model, fields)
    pk = model._meta.pk
    everything = [pk, *columns]
    casts = [
        "" if connection.vendor == "sqlite" else f"::{f.rel_db_type(connection) if f.primary_key else f.db_type(connection)}"
        for f in everything
    ]
    row_sql = "(" + ", ".join(f"%s{cast}" for cast in casts) + ")"
    assignments = ", ".join(f"{_name(connection, f)} = v.column{n}" for n, f in enumerate(columns, start=2))
    table = quote(model._meta.db_table)
    changed = 0
    step = max(1, (connection.features.max_query_params or 20000) // len(everything))
    with connection.cursor() as cursor:
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            cursor.execute(
                f"UPDATE {table} SET {assignments} FROM (VALUES {', '.join([row_sql] * len(part))}) AS v "  # noqa: S608 - names come from the model
                f"WHERE {table}.{_name(connection, pk)} = v.column1",
                [f.get_db_prep_save(getattr(row, f.attname), connection) for row in part for f in everything],
            )
            changed += cursor.rowcount
    return changed
