"""Between the web server and the application: bodies are read whole before anybody works on them.

The server gives each request a thread at its first byte. A client that sends its body a byte a minute would hold that thread, and a
hundred such clients would hold all of them. So the server gets many threads that only read, cheap because they touch neither
database nor settings, and the work is done by the few that WEB_THREADS names, in a pool of its own. When too many bodies are on
their way at once, further ones are asked to come again; requests without a body are answered all the while.

What is answered in a millisecond and asked all the time has a thread of its own, so that it never stands behind pages that take a hundred.

Bodies in chunks arrive with their length, which WSGI itself does not know.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import SimpleQueue
from typing import Any, BinaryIO, Generic, TypeVar

from django.db import connections
from django.http.response import HttpResponseBase

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Bodies on their way at once, for each web process.
MOST_READERS = 128
# What the server needs so that readers never take the last thread.
READER_THREADS = MOST_READERS + 32
LARGEST = 256 * 2**20
IN_MEMORY = 4 * 2**20
PIECE = 64 * 2**10


Given = TypeVar("Given")
Found = TypeVar("Found")


class Turned(Exception):
    """The request is answered here, with this status."""


class Entrance:
    """A WSGI application around another. `threads` work at once; `limits` are the most bytes of a body by the beginning of its path.

    `is_quick` picks the requests that are answered by a thread beside these.
    """

    def __init__(
        self,
        application: Wsgi,
        *,
        threads: int,
        limits: Mapping[str, int],
        is_quick: Callable[[Mapping[str, Any]], bool] | None = None,
        readers: int = MOST_READERS,
    ) -> None:
        self.application = application
        self.limits = limits
        self.is_quick = is_quick
        self.crew = Crew(self._answer, threads)
        self.quick = Crew(self._answer, 1)
        self.readers = threading.BoundedSemaphore(readers)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            self._read(environ)
        except Turned as turned:
            (status,) = turned.args
            start_response(status, [("Content-Type", "text/plain"), ("Retry-After", "1"), ("Connection", "close")])
            return [status[4:].encode()]
        started, content = self._crew_for(environ).work_on(environ)
        start_response(*started)
        return content

    def _crew_for(self, environ: dict[str, Any]) -> Crew[dict[str, Any], tuple[list[Any], Iterable[bytes]]]:
        return self.quick if self.is_quick is not None and self.is_quick(environ) else self.crew

    def _read(self, environ: dict[str, Any]) -> None:
        """Replace the stream by one that holds all of the body. Raises `Turned`."""
        length = _length(environ)
        if length == 0:
            environ["CONTENT_LENGTH"] = ""
            return
        path = environ.get("PATH_INFO", "")
        largest = next((limit for beginning, limit in self.limits.items() if path.startswith(beginning)), LARGEST)
        if length is not None and length > largest:
            raise Turned("413 Content Too Large")
        if not self.readers.acquire(blocking=False):
            raise Turned("503 Service Unavailable")
        try:
            body, size = _whole(environ["wsgi.input"], length, largest)
        finally:
            self.readers.release()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = body, str(size)

    def _answer(self, environ: dict[str, Any]) -> tuple[list[Any], Iterable[bytes]]:
        """In a thread of the pool: all of the application's work except for what it streams."""
        started: list[Any] = []
        content = self.application(environ, lambda *arguments: started.extend(arguments[:2]))
        if isinstance(content, list):
            return started, content
        if isinstance(content, HttpResponseBase) and not content.streaming:
            whole = list(content)
            content.close()
            return started, whole
        return started, _streamed(content)


class Task(Generic[Given, Found]):
    __slots__ = ("done", "error", "found", "given")

    def __init__(self, given: Given) -> None:
        self.given = given
        self.found: Found | None = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Crew(Generic[Given, Found]):
    """Threads that do one kind of work for others, who wait for it. A pool of the standard library takes two to three times as long to
    hand something over and back, because it can be waited for in more ways.
    """

    def __init__(self, work: Callable[[Given], Found], threads: int) -> None:
        self._work, self._threads = work, threads
        self._asked: SimpleQueue[Task[Given, Found]] = SimpleQueue()
        self._starting = threading.Lock()

    def work_on(self, given: Given) -> Found:
        """What the work returns. Raises what it raises."""
        if self._threads:
            self._start()
        task: Task[Given, Found] = Task(given)
        self._asked.put(task)
        task.done.acquire()
        if task.error is not None:
            raise task.error
        return task.found  # type: ignore[return-value]  # set before the lock is given free

    def _start(self) -> None:
        """At the first piece of work, so that a process that never serves has no threads."""
        with self._starting:
            while self._threads:
                threading.Thread(target=self._serve, name=f"web-{self._threads}", daemon=True).start()
                self._threads -= 1

    def _serve(self) -> None:
        while True:
            task = self._asked.get()
            try:
                task.found = self._work(task.given)
            except BaseException as error:
                task.error = error
            task.done.release()
            del task


def _streamed(content: Iterable[bytes]) -> Iterator[bytes]:
    """Sent piece by piece by the server's own thread, which keeps no database connection afterwards."""
    try:
        yield from content
    finally:
        if close := getattr(content, "close", None):
            close()
        connections.close_all()


def _length(environ: dict[str, Any]) -> int | None:
    """Bytes to come; None: unknown, in chunks. Raises `Turned` for nonsense."""
    given = environ.get("CONTENT_LENGTH") or ""
    if given:
        if not (given.isascii() and given.isdigit() and len(given) < 16):
            raise Turned("400 Bad Request")
        return int(given)
    return None if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() else 0


def _whole(stream: Any, length: int | None, largest: int) -> tuple[BinaryIO, int]:
    """The body and its size: in memory as long as it is small. Raises `Turned` when it ends early or never."""
    if length is not None and length <= IN_MEMORY and len(piece := stream.read(length)) == length:
        return io.BytesIO(piece), length
    body: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the request, by its last reference
    size = body.write(piece) if length is not None and length <= IN_MEMORY else 0
    while length is None or size < length:
        piece = stream.read(PIECE if length is None else min(PIECE, length - size))
        if not piece:
            break
        size += body.write(piece)
        if size > largest:
            raise Turned("413 Content Too Large")
    if length is not None and size < length:
        raise Turned("400 Bad Request")  # the client went away
    body.seek(0)
    return body, size
