"""Sets of rows written, and hot rows read, with one statement each: the pipeline's speed rests on these functions.

Both databases speak the statements used (PostgreSQL 13+, SQLite 3.35+).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.models.expressions import Col, RawSQL

from scrm.core import arrays

M = TypeVar("M", bound=models.Model)
R = TypeVar("R")

# The limit is 32,766 from version 3.32 on; the framework counts with that of earlier ones.
SQLITE_PARAMETERS = 30_000


def _fields(model: type[models.Model], names: Sequence[str]) -> list[models.Field[Any, Any]]:
    return [model._meta.get_field(name) for name in names]  # type: ignore[misc]


def _name(connection: Any, field: models.Field[Any, Any]) -> str:
    """The quoted column of a concrete field."""
    return str(connection.ops.quote_name(str(field.column)))


def _column(model: type[models.Model], name: str) -> str:
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return _name(connections[router.db_for_write(model)], field)  # type: ignore[arg-type]


def insert_new(model: type[models.Model], rows: Sequence[models.Model], *, key: str) -> set[Any]:
    """Insert the rows whose unique key is not there yet; return the values of `key` that were inserted.

    A concurrent insert of the same key is waited for: exactly one caller gets it.
    """
    if not rows:
        return set()
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or rows[0].pk is not None]
    columns = [_values(field, rows) for field in fields]
    return {value for (value,) in _insert(model, fields, columns, f"ON CONFLICT DO NOTHING RETURNING {_column(model, key)}")}


def insert_returning(model: type[models.Model], rows: Sequence[models.Model], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """As `insert_new`: of each row that was inserted the columns of these fields."""
    if not rows:
        return []
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = [_values(field, rows) for field in fields]
    return _insert(model, fields, columns, f"ON CONFLICT DO NOTHING RETURNING {', '.join(_column(model, name) for name in names)}")


def insert_all(model: type[M], rows: Sequence[M]) -> Sequence[M]:
    """As the manager's `bulk_create`: write new rows and give each its key."""
    connection = connections[router.db_for_write(model)]
    if not rows or connection.vendor == "sqlite":
        return model._default_manager.bulk_create(rows)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = [_values(field, rows) for field in fields]
    made = _insert(model, fields, columns, f"RETURNING {_column(model, 'pk')}")
    for row, (pk,) in zip(rows, made, strict=True):
        row.pk = pk
        row._state.adding, row._state.db = False, connection.alias
    return rows


def insert_or(model: type[models.Model], rows: Sequence[models.Model], conflict: str) -> None:
    """Insert rows in their order; what becomes of those whose key is there, `conflict` says: ON CONFLICT ... DO UPDATE ..."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    _insert(model, fields, [_values(field, rows) for field in fields], conflict, returns=False)


def insert_columns(model: type[models.Model], columns: Mapping[str, Sequence[Any]]) -> None:
    """Write new rows of which nobody needs the objects: {field: one value a row}, with all fields but the key."""
    _insert(model, _fields(model, list(columns)), list(columns.values()), "", returns=False)


def _values(field: models.Field[Any, Any], rows: Sequence[models.Model]) -> list[Any]:
    """What the rows hold for a field. Of a related row that was saved meanwhile, its key."""
    if type(field).pre_save is not models.Field.pre_save:
        return [field.pre_save(row, add=True) for row in rows]
    values = [row.__dict__[field.attname] for row in rows]
    if field.remote_field is not None and None in values:
        for place, row in enumerate(rows):
            if values[place] is None and field.is_cached(row) and (related := field.get_cached_value(row)) is not None:  # type: ignore[attr-defined]
                values[place] = related.pk
    return values


def _insert(
    model: type[models.Model],
    fields: Sequence[models.Field[Any, Any]],
    columns: Sequence[Sequence[Any]],
    ending: str,
    *,
    returns: bool = True,
) -> list[tuple[Any, ...]]:
    """One INSERT of columns of values; what `ending` returns."""
    if not columns or not columns[0]:
        return []
    connection = connections[router.db_for_write(model)]
    into = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({', '.join(_name(connection, field) for field in fields)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Without a length: the column itself refuses what is too long, a cast would cut it.
            types = [_array_type(field, connection).replace("varchar", "text").partition("(")[0] for field in fields]
            given = [arrays.literal(field, values, connection) for field, values in zip(fields, columns, strict=True)]
            unnested = ", ".join(f"%s::{type_}[]" for type_ in types)
            cursor.execute(f"{into} SELECT * FROM UNNEST({unnested}) {ending}", given)  # noqa: S608 - names and types of the model
            return list(cursor.fetchall()) if returns else []
        rows = [
            [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
            for row in zip(*columns, strict=True)
        ]
        found: list[tuple[Any, ...]] = []
        for part in _parts(rows, len(fields)):
            marks = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(part))
            cursor.execute(f"{into} VALUES {marks} {ending}", [value for row in part for value in row])
            found += cursor.fetchall() if returns else []
        return found


def _parts(rows: Sequence[R], width: int) -> Iterator[Sequence[R]]:
    """As many rows at a time as SQLite takes parameters."""
    step = max(1, SQLITE_PARAMETERS // width)
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _array_type(field: models.Field[Any, Any], connection: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def among(model: type[models.Model], name: str, values: Iterable[Any]) -> RawSQL:
    """A condition for `filter`: the field is one of these numbers or texts. One parameter, however many: the framework's `__in` handles
    each value by itself, which for thousands takes longer than finding them."""
    connection = connections[router.db_for_read(model)]
    field = model._meta.get_field(name)
    column = f"{connection.ops.quote_name(model._meta.db_table)}.{_name(connection, field)}"  # type: ignore[arg-type]
    given = list(values)
    if connection.vendor == "postgresql":
        type_ = _array_type(field, connection).replace("varchar", "text").partition("(")[0]  # type: ignore[arg-type]
        write = arrays.texts if type_ == "text" else arrays.numbers
        return RawSQL(f"{column} = ANY(%s::{type_}[])", [write(given)], output_field=models.BooleanField())  # noqa: S611 - names of the model
    sql = f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - names of the model
    return RawSQL(sql, [json.dumps(given)], output_field=models.BooleanField())  # noqa: S611


def update_many(
    model: type[models.Model], rows: Iterable[models.Model], fields: Sequence[str], *, adding: Collection[str] = frozenset()
) -> int:
    """Write `fields` of all rows with one UPDATE ... FROM. Several times faster than bulk_update's CASE.

    Those in `adding` are added to what is stored; where that is NULL, it stays so.
    """
    rows = list(rows)
    if not rows:
        return 0
    connection = connections[router.db_for_write(model)]
    pk = model._meta.pk
    columns = _fields(model, fields)
    everything = [pk, *columns]
    table = connection.ops.quote_name(model._meta.db_table)
    plus = {f: f"{table}.{_name(connection, f)} + " if f.name in adding else "" for f in columns}
    assignments = ", ".join(f"{_name(connection, f)} = {plus[f]}v.column{n}" for n, f in enumerate(columns, start=2))
    update = f"UPDATE {table} SET {assignments} FROM %s WHERE {table}.{_name(connection, pk)} = v.column1"  # noqa: S608 - names of the model
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            unnested = ", ".join(f"%s::{_array_type(field, connection)}[]" for field in everything)
            names = ", ".join(f"column{n}" for n in range(1, len(everything) + 1))
            given = [arrays.literal(f, [getattr(row, f.attname) for row in rows], connection) for f in everything]
            cursor.execute(update % f"UNNEST({unnested}) AS v ({names})", given)
            return int(cursor.rowcount)
        changed = 0
        for part in _parts(rows, len(everything)):
            marks = ", ".join([f"({', '.join(['%s'] * len(everything))})"] * len(part))
            values = [f.get_db_prep_save(getattr(row, f.attname), connection) for row in part for f in everything]
            cursor.execute(update % f"(VALUES {marks}) AS v", values)
            changed += cursor.rowcount
        return changed


def select(sql: str, parameters: Sequence[Any], fields: Sequence[models.Field[Any, Any]]) -> list[list[Any]]:
    """Rows of a statement that is written out, each value as its field would give it.

    For reads that happen at every decision: building the same statement anew costs the framework ten times what running it does.
    A parameter that is a list stands for `IN %s`; an empty one matches nothing.
    """
    connection = connections[router.db_for_read(fields[0].model)]
    flat: list[Any] = []
    for value in parameters:
        if isinstance(value, list):
            sql = sql.replace("IN %s", f"IN ({', '.join(['%%s'] * len(value)) or 'NULL'})", 1)
            flat += value
        else:
            flat.append(connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value)
    converters = _converters(connection, tuple(fields))
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%%s", "%s"), flat)
        rows = [list(row) for row in cursor.fetchall()]
    for place, convert, expression in converters:
        for row in rows:
            if row[place] is not None:
                row[place] = convert(row[place], expression, connection)
    return rows


_known_converters: dict[tuple[Any, ...], list[tuple[int, Any, Any]]] = {}


def _converters(connection: Any, fields: tuple[models.Field[Any, Any], ...]) -> list[tuple[int, Any, Any]]:
    """What this database needs to make values of these fields; mostly nothing on PostgreSQL."""
    key = (connection.alias, fields)
    if key not in _known_converters:
        found = []
        for place, field in enumerate(fields):
            expression = Col(field.model._meta.db_table, field)
            wanted = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]
            found += [(place, convert, expression) for convert in wanted]
        _known_converters[key] = found
    return _known_converters[key]
