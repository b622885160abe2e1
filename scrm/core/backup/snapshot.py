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
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            else:
                # Deferred: reads of the one moment of its first read, and hinders no writer in WAL mode.
                cursor.execute("BEGIN DEFERRED")
            cursor.execute("SELECT COUNT(*) FROM django_migrations")
        yield connection
    finally:
        connection.close()
