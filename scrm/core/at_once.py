"""Several short lists of different models, read in one statement: for a page that shows a little of everything.

Each list is its own sub-select, so that it is read along its own index; the database hands over each as one JSON array. Both databases
speak it (PostgreSQL 13+, SQLite 3.35+).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet
from django.db.models.query import get_related_populators

# SQLite's functions take 127 arguments.
WIDTH = 100
# What PostgreSQL's driver gives for a column, made of what stands for it in JSON. SQLite has no such types.
_MADE: dict[str, Callable[[Any], Any]] = {
    "DateTimeField": datetime.fromisoformat,
    "DateField": date.fromisoformat,
    "TimeField": time.fromisoformat,
    "DecimalField": Decimal,
    "FloatField": float,
    "UUIDField": UUID,
    "JSONField": lambda value: json.dumps(value, default=float),
}


def lists_of(lists: Sequence[QuerySet[Any]]) -> list[list[Any]]:
    """The rows of each of `lists`, which are querysets of model rows, ordered and limited, in the same place. One statement, or none.

    Related rows come by `select_related`; what is to be prefetched is asked for by itself. No binary columns: JSON has none. SQLite writes
    fifteen digits of a number, which is what its decimals hold.
    """
    found: list[list[Any]] = [[] for _ in lists]
    asked: list[tuple[int, Any]] = []
    parts: list[str] = []
    values: list[Any] = []
    for place, rows in enumerate(lists):
        compiler = rows.query.get_compiler(using=rows.db)
        try:
            sql, params = compiler.as_sql(with_col_aliases=True)
        except EmptyResultSet:
            continue
        asked.append((place, compiler))
        parts.append(_array(compiler, sql, place))
        values += params
    if not parts:
        return found
    with connections[lists[0].db].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        answer = cursor.fetchone() or ()
    for (place, compiler), told in zip(asked, answer, strict=True):
        found[place] = list(_rows(compiler, told))
    return found


def _array(compiler: Any, sql: str, place: int) -> str:
    """A scalar: the rows of `sql` as a JSON array, in their order, which holds in a sub-select because it is limited."""
    name = f"list_{place}"
    if compiler.connection.vendor == "postgresql":
        return f"(SELECT json_agg({name})::text FROM ({sql}) {name})"  # noqa: S608 - built by the ORM
    quote = compiler.connection.ops.quote_name
    columns = [f"{name}.{quote(alias)}" for _expression, _sql, alias in compiler.select]
    packs = (f"json_array({', '.join(columns[first : first + WIDTH])})" for first in range(0, len(columns), WIDTH))
    return f"(SELECT json_group_array(json_array({', '.join(packs)})) FROM ({sql}) {name})"  # noqa: S608 - built by the ORM


def _columns(compiler: Any, told: str | None) -> Iterator[list[Any]]:
    """Each row as the database's driver would have given it."""
    rows = json.loads(told or "[]", parse_float=Decimal)
    if compiler.connection.vendor != "postgresql":
        for row in rows:
            yield [float(value) if isinstance(value, Decimal) else value for pack in row for value in pack]
        return
    makers = [_MADE.get(expression.output_field.get_internal_type()) for expression, _sql, _alias in compiler.select]
    for row in rows:
        yield [value if maker is None or value is None else maker(value) for maker, value in zip(makers, row.values(), strict=True)]


def _rows(compiler: Any, told: str | None) -> Iterator[Any]:
    """The model's rows, as the queryset itself would have made them."""
    info, select, alias = compiler.klass_info, compiler.select, compiler.using
    fields = info["select_fields"]
    first, last = fields[0], fields[-1] + 1
    names = [column.target.attname for column, _sql, _alias in select[first:last]]
    related = get_related_populators(info, select, alias)  # type: ignore[call-arg] # the stubs are of a later Django
    for values in compiler.results_iter([list(_columns(compiler, told))]):
        row = info["model"].from_db(alias, names, values[first:last])
        for each in related:
            each.populate(values, row)
        for name, place in compiler.annotation_col_map.items():
            setattr(row, name, values[place])
        yield row
