"""Rows on their way into PostgreSQL while this process prepares the next ones.

What is handed over needs no answer: it is sent by a second thread, over the same connection and so in the same transaction. The driver
lets one of the two speak at a time. From `start` on this thread should ask the database nothing until the block ends: it would wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

_current: ContextVar[Line | None] = ContextVar("rows on their way", default=None)


class Line:
    """COPY statements in the order in which they were given, none of them sent before `start`. One that fails ends it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._items: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._given_up = False

    def put(self, statement: str, data: bytes) -> None:
        self._items.put((statement, data))

    def start(self) -> None:
        if self._thread is None:
            self.connection.ensure_connection()
            raw = self.connection.connection
            self._thread = threading.Thread(target=self._send, args=(raw,), name="rows on their way")
            self._thread.start()

    def wait(self) -> None:
        """Until all is in. Raises what the database refused."""
        self.start()
        self._end()
        if self._error is not None:
            with self.connection.wrap_database_errors:
                raise self._error

    def give_up(self) -> None:
        """Nothing more is sent; what is being sent ends first, so that the transaction can be taken back."""
        self._given_up = True
        if self._thread is not None:
            self._end()

    @property
    def failed(self) -> bool:
        return self._error is not None

    def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._items.put(None)
            thread.join()

    def _send(self, raw: Any) -> None:
        with raw.cursor() as cursor:
            while (item := self._items.get()) is not None:
                if self._error is None and not self._given_up:
                    try:
                        with cursor.copy(item[0]) as copy:
                            copy.write(item[1])
                    except Exception as error:
                        self._error = error


def current(connection: Any) -> Line | None:
    line = _current.get()
    return line if line is not None and line.connection is connection else None


@contextmanager
def beside(connection: Any) -> Iterator[Line | None]:
    """Until the end of the block `loading` hands rows over. None, and no difference, on a database that knows no COPY."""
    if connection.vendor != "postgresql":
        yield None
        return
    line = Line(connection)
    token = _current.set(line)
    try:
        yield line
    except BaseException:
        line.give_up()
        if line.failed:
            # This thread only saw that the transaction was broken.
            line.wait()
        raise
    else:
        line.wait()
    finally:
        _current.reset(token)
