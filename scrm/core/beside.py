"""Rows on their way into PostgreSQL while this process prepares the next ones.

What is handed over needs no answer, so nobody waits for it: it goes over the same connection, in the same transaction, a piece further
whenever `along` comes by, and the server works while this process computes. No second thread: each time the server had answered, that one
waited for the interpreter, and nothing was saved. Whoever asks the database something within the block waits until all is in.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from typing import Any, TypeVar

import psycopg
from django.db import Error, connections
from psycopg import errors, pq

T = TypeVar("T")

# Rows between two looks at the connection: one or two milliseconds.
EVERY = 50
_current: ContextVar[Line | None] = ContextVar("rows on their way", default=None)


class Line:
    """COPY statements in the order in which they are given. One that fails ends it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._link: pq.abc.PGconn = connection.connection.pgconn
        self._waiting: deque[tuple[str, bytes]] = deque()
        # The statement that runs, and what it is sent when the server asks for it.
        self._runs = False
        self._data = b""
        self._error: Exception | None = None

    def put(self, statement: str, data: bytes) -> None:
        self._waiting.append((statement, data))
        self.go_on()

    def go_on(self) -> bool:
        """As far as it goes without waiting. Whether anything is left to do."""
        with self.connection.wrap_database_errors:
            while self._runs or self._waiting:
                if not self._runs:
                    statement, self._data = self._waiting.popleft()
                    self._link.send_query(statement.encode())
                    self._runs = True
                self._link.flush()
                self._link.consume_input()
                if self._link.is_busy():
                    return True
                self._hear(self._link.get_result())
        return False

    def _hear(self, answer: pq.abc.PGresult | None) -> None:
        """The server asks for the rows, has them or refuses them, or is ready for the next statement."""
        if answer is None:
            self._runs = False
        elif answer.status == pq.ExecStatus.COPY_IN:
            self._send(lambda: self._link.put_copy_data(self._data))
            self._send(self._link.put_copy_end)
        elif answer.status != pq.ExecStatus.COMMAND_OK:
            self._error = self._error or errors.error_from_result(answer)
            self._waiting.clear()

    def _send(self, give: Callable[[], int]) -> None:
        """Into the driver's own memory, which takes everything as long as there is any."""
        while not give():
            self._look()

    def _look(self) -> None:
        """Until the server says something, or takes more of what is to be sent."""
        looks = select.poll()
        looks.register(self._link.socket, select.POLLIN | (select.POLLOUT if self._link.flush() else 0))
        looks.poll()

    def wait(self) -> None:
        """Until all is in. Raises what the database refused."""
        while self.go_on():
            self._look()
        if self._error is not None:
            with self.connection.wrap_database_errors:
                raise self._error

    def first(self, execute: Callable[..., Any], *asked: Any) -> Any:
        """Around a statement whose answer is waited for."""
        self.wait()
        return execute(*asked)

    def give_up(self) -> None:
        """Nothing more is begun and what runs is broken off, so that the transaction can be taken back."""
        self._waiting.clear()
        if self._runs:
            self._link.get_cancel().cancel()
        while self.go_on():
            self._look()


def current(connection: Any) -> Line | None:
    line = _current.get()
    return line if line is not None and line.connection.alias == connection.alias else None


def along(rows: Iterable[T], *, every: int = EVERY) -> Iterator[T]:
    """These rows; what is on its way goes on after every so many."""
    line = _current.get()
    if line is None:
        yield from rows
        return
    rest = iter(rows)
    while part := list(islice(rest, every)):
        yield from part
        line.go_on()


@contextmanager
def beside(alias: str) -> Iterator[None]:
    """Until the end of the block `loading` hands rows over; then all are in, or what the database refused is raised.

    No difference on a database that knows no COPY. Call it in a transaction: what was sent before an error is taken back with that.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    line = Line(connection)
    token = _current.set(line)
    try:
        with connection.execute_wrapper(line.first):
            yield
        line.wait()
    except BaseException:
        # Whatever this meets is less than what led here; a connection that is gone is nobody's to tidy.
        with suppress(Error, psycopg.Error):
            line.give_up()
        raise
    finally:
        _current.reset(token)
