"""What every connection to PostgreSQL is told when it opens."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import Any

from psycopg import adapt, adapters, pq


def set_up(connection: Any) -> None:
    _without_jit(connection)
    if connection.timezone == UTC:
        connection.connection.adapters.register_loader("timestamptz", _loader_of_utc())


def _without_jit(connection: Any) -> None:
    """PostgreSQL compiles a statement that it takes for dear: half a second for lists of fifty rows, which then take a few milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")


@cache
def _loader_of_utc() -> type[adapt.Loader]:
    """The driver's own loader of moments, compiled where it is: the framework's gives the same values at eight times the cost.

    Both give aware values in UTC, for the connection speaks UTC; where somebody set another time zone, the framework's stays.
    """
    driver: Any = adapters.get_loader(adapters.types["timestamptz"].oid, pq.Format.TEXT)

    class UtcLoader(adapt.Loader):
        # The framework asks for it at every cursor.
        timezone = UTC

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            # The compiled class takes no heirs; its method in place of ours saves a call a value.
            setattr(self, "load", driver(oid, context).load)  # noqa: B010 - a method is replaced

        def load(self, data: Any) -> Any:
            return driver(0, None).load(data)

    return UtcLoader
