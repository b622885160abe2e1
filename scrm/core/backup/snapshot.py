"""One moment of the main database, read over a connection of its own while everybody else goes on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections


@contextmanager
def snapshot() -> Iterator[Any]:
    """A connection on which every read sees the database as it is now."""
    connection = connections.create_connection("default")
    try:
        connection.connect()
        if connection.vendor == "postgresql":
            connection.set_autocommit(False)
        with connection.cursor() as cursor:
            # SQLite, deferred: reads of the one moment of its first read, and hinders no writer in WAL mode.
            begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else "BEGIN DEFERRED"
            cursor.execute(begin)
            cursor.execute("SELECT COUNT(*) FROM django_migrations")
        yield connection
    finally:
        connection.close()
