"""Many new rows at once: COPY where the database has it, a few INSERTs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connections, models, router

LEAST_FOR_COPY = 50


def add_many(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert rows that are new; each has its key afterwards. Raises IntegrityError as an INSERT would, and then nothing is in."""
    if not rows:
        return
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql" or len(rows) < LEAST_FOR_COPY:
        model._base_manager.bulk_create(rows)
        return
    _copy(model, rows, connection)


def _copy(model: type[models.Model], rows: Sequence[models.Model], connection: Any) -> None:
    quote = connection.ops.quote_name
    fields = list(model._meta.concrete_fields)
    with connection.cursor() as cursor:
        if rows[0].pk is None:
            for row, pk in zip(rows, _new_keys(model, len(rows), cursor, connection), strict=True):
                row.pk = pk
        names = ", ".join(quote(str(field.column)) for field in fields)
        readers = [(field.attname, isinstance(field, models.JSONField)) for field in fields]
        with cursor.copy(f"COPY {quote(model._meta.db_table)} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([_value(getattr(row, name), is_json) for name, is_json in readers])
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


def _value(value: Any, is_json: bool) -> Any:
    return json.dumps(value, ensure_ascii=False) if is_json and value is not None else value


def _new_keys(model: type[models.Model], count: int, cursor: Any, connection: Any) -> list[int]:
    pk = model._meta.pk
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connection.ops.quote_name(model._meta.db_table), pk.column])
    (sequence,) = cursor.fetchone()
    cursor.execute("SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, count])
    return [row[0] for row in cursor.fetchall()]
