"""Plain reads, inserts and updates for the paths that run a hundred times a second, where building each query costs more than running it.

Values still pass through each field's own conversion, so a row looks the same whichever way it was written.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model

from scrm.sandbox.router import ALIAS

Row = TypeVar("Row", bound=Model)


@functools.cache
def _statement(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', fields  # noqa: S608 - names come from the models


def insert(rows: Sequence[Model]) -> None:
    """Insert unsaved rows of one model; their keys stay unset."""
    if not rows:
        return
    connection = connections[ALIAS]
    statement, fields = _statement(type(rows[0]))
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def execute(statement: str, parameters: Sequence[Any]) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, parameters)


def one(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def first(model: type[Row], **equal: Any) -> Row | None:
    """The row whose columns have these values, or None. The names are columns, so that a foreign key is `number_id`."""
    tests = " AND ".join(f'"{column}" = %s' for column in equal)
    statement = f'SELECT * FROM "{model._meta.db_table}" WHERE {tests} LIMIT 1'  # noqa: S608 - names come from the models
    return next(iter(model._base_manager.using(ALIAS).raw(statement, list(equal.values()))), None)
