"""What is asked within a bound of time, such as how many rows there are: a page must not wait for a number that nobody needs exactly."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet

# SQLite asks whether it is to go on after so many of its steps, some tenths of a millisecond.
STEPS = 5_000


def count_within(rows: QuerySet[Any], most: int, milliseconds: int) -> int | None:
    """How many `rows` there are, up to `most`; None when the database was not through with them in this time.

    One statement outside of a transaction. Rows are looked at in the order of the queryset, if it has one.
    """
    try:
        sql, params = rows.values("pk")[:most].query.get_compiler(using=rows.db).as_sql()
    except EmptyResultSet:
        return 0
    counted = f"SELECT COUNT(*) FROM ({sql}) counted"  # noqa: S608 - built by the ORM
    found = rows_within(rows.db, counted, params, milliseconds)
    return None if found is None else int(found[0][0])


def rows_within(alias: str, sql: str, params: Any, milliseconds: int) -> list[Any] | None:
    """What a statement gives; None when the database was not through with it in this time."""
    return (_postgresql if connections[alias].vendor == "postgresql" else _sqlite)(alias, sql, params, milliseconds)


def _postgresql(alias: str, sql: str, params: Any, milliseconds: int) -> list[Any] | None:
    # Statements of one message are one transaction, so that the bound goes with it; in one that was begun before, it is taken back.
    bounded = f"SET LOCAL statement_timeout = {milliseconds:d}; {sql}; SET LOCAL statement_timeout TO DEFAULT"
    try:
        with (
            transaction.atomic(using=alias) if connections[alias].in_atomic_block else nullcontext(),
            connections[alias].cursor() as cursor,
        ):
            cursor.execute(bounded, params)
            cursor.nextset()
            return list(cursor.fetchall())
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":  # query_canceled
            raise
    return None


def _sqlite(alias: str, sql: str, params: Any, milliseconds: int) -> list[Any] | None:
    deadline = time.monotonic() + milliseconds / 1000
    with connections[alias].cursor() as cursor:
        driver: Any = connections[alias].connection
        driver.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
        try:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
        except OperationalError as error:
            if str(error) != "interrupted":
                raise
        finally:
            driver.set_progress_handler(None, 0)
    return None
