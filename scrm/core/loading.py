"""Many new rows at once: COPY where the database has it, a few INSERTs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)

LEAST_FOR_COPY = 50
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


def fresh(model: type[M], **values: Any) -> M:
    """As `model(**values)` with columns' names (`contact_id`, not `contact`), at a fraction of its cost: thousands of rows are made so.

    For models whose constructor does nothing of its own and has no signals.
    """
    plain, made = _blank(model)
    row = model.__new__(model)
    state = row.__dict__
    state.update(plain)
    for name, make in made:
        state[name] = make()
    state.update(values)
    state["_state"] = ModelState()
    return row


@lru_cache(maxsize=50)
def _blank(model: type[models.Model]) -> tuple[Mapping[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What a new row holds, and the columns whose default is made anew for each."""
    made = [(field.attname, field.default) for field in model._meta.concrete_fields if field.has_default() and callable(field.default)]
    dynamic = {name for name, _ in made}
    return {name: value for name, value in model().__dict__.items() if name != "_state" and name not in dynamic}, made


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
            attname = str(model._meta.pk.attname)
            for row, pk in zip(rows, _new_keys(model, len(rows), cursor, connection), strict=True):
                row.__dict__[attname] = pk
        names = ", ".join(quote(str(field.column)) for field in fields)
        read = itemgetter(*(field.attname for field in fields))
        documents = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
        with cursor.copy(f"COPY {quote(model._meta.db_table)} ({names}) FROM STDIN") as copy:
            write = copy.write_row
            for row in rows:
                values = list(read(row.__dict__))
                for place in documents:
                    if values[place] is not None:
                        values[place] = _encode(values[place]) if values[place] != {} else "{}"
                write(values)
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


def add_columns(model: type[models.Model], columns: Mapping[str, Sequence[Any]]) -> bool:
    """Rows of which nobody needs the objects, {field: one value a row} without the key. False where there is no COPY: nothing is done."""
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql":
        return False
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(model._meta.get_field(name).column)) for name in columns)  # type: ignore[union-attr]
    with connection.cursor() as cursor, cursor.copy(f"COPY {quote(model._meta.db_table)} ({names}) FROM STDIN") as copy:
        for values in zip(*columns.values(), strict=True):
            copy.write_row(values)
    return True


def _new_keys(model: type[models.Model], count: int, cursor: Any, connection: Any) -> list[int]:
    pk = model._meta.pk
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connection.ops.quote_name(model._meta.db_table), pk.column])
    (sequence,) = cursor.fetchone()
    cursor.execute("SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, count])
    return [row[0] for row in cursor.fetchall()]
