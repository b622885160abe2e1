"""Many new rows at once: COPY where the database has it, a few INSERTs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.models.base import ModelState

from scrm.core import beside, copying

M = TypeVar("M", bound=models.Model)

LEAST_FOR_COPY = 50
# Columns of some thousand rows that are written between two looks at what is on its way.
COLUMNS_EVERY = 3


def fresh(model: type[M], **values: Any) -> M:
    """As `model(**values)` with columns' names (`contact_id`, not `contact`), at a fraction of its cost: thousands of rows are made so.

    For models whose constructor does nothing of its own and has no signals.
    """
    plain, made = _blank(model)
    row = model.__new__(model)
    state = row.__dict__
    state.update(plain)
    for name, make in made:
        if name not in values:
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
    if rows[0].pk is None and not give_keys(model, rows):
        model._base_manager.bulk_create(rows)
        return
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql":
        model._base_manager.bulk_create(rows)
        return
    fields = list(model._meta.concrete_fields)
    states = [row.__dict__ for row in rows]
    columns = [list(map(itemgetter(field.attname), states)) for field in fields]
    documents = frozenset(place for place, field in enumerate(fields) if isinstance(field, models.JSONField))
    _send(connection, model, [str(field.column) for field in fields], columns, documents)
    alias = connection.alias
    for state in states:
        kept = state["_state"]
        kept.adding, kept.db = False, alias


def give_keys(model: type[models.Model], rows: Sequence[models.Model]) -> bool:
    """Give new rows the keys under which `add_many` will write them. False where it writes them without: few rows, or no COPY."""
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql" or len(rows) < LEAST_FOR_COPY:
        return False
    attname = str(model._meta.pk.attname)
    for row, key in zip(rows, _new_keys(model, len(rows), connection), strict=True):
        row.__dict__[attname] = key
    return True


def add_columns(model: type[models.Model], columns: Mapping[str, Sequence[Any]]) -> bool:
    """Rows of which nobody needs the objects, {field: one value a row} without the key. False where there is no COPY: nothing is done."""
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql":
        return False
    names = [str(model._meta.get_field(name).column) for name in columns]  # type: ignore[union-attr]
    _send(connection, model, names, list(columns.values()))
    return True


def _send(
    connection: Any,
    model: type[models.Model],
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
    documents: frozenset[int] = frozenset(),
) -> None:
    table, into = connection.ops.quote_name(model._meta.db_table), ", ".join(map(connection.ops.quote_name, names))
    statement = f"COPY {table} ({into}) FROM STDIN"
    text = copying.block(beside.along(columns, every=COLUMNS_EVERY), documents=documents)
    if text is not None:
        send(connection, statement, text.encode())
        return
    with connection.cursor() as cursor, _copy(connection, cursor, statement) as copy:
        for values in zip(*columns, strict=True):
            copy.write_row([copying.document(value) if place in documents else value for place, value in enumerate(values)])


def send(connection: Any, statement: str, data: bytes) -> None:
    """A COPY of these bytes, now or in its turn."""
    line = beside.current(connection)
    if line is not None:
        line.put(statement, data)
        return
    with connection.cursor() as cursor, _copy(connection, cursor, statement) as copy:
        copy.write(data)


@contextmanager
def _copy(connection: Any, cursor: Any, statement: str) -> Iterator[Any]:
    if (line := beside.current(connection)) is not None:
        line.wait()
    # The framework does not look at what the driver raises at the end of a COPY.
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        yield copy


def _new_keys(model: type[models.Model], count: int, connection: Any) -> list[int]:
    table, column = connection.ops.quote_name(model._meta.db_table), model._meta.pk.column
    sql = "SELECT nextval((SELECT pg_get_serial_sequence(%s, %s))::regclass) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [table, column, count])
        return [key for (key,) in cursor.fetchall()]
