"""One piece of work in several processes that share what was there before: what is in memory needs no handing over.

The processes are forked, so they see everything that this one has made so far and nothing of what it makes afterwards; what they hand back
is numbers, text, and lists, tuples and dicts of them. For work without a database: whatever connection is open belongs to the first alone.
Where processes cannot be forked, one is possible.
"""

from __future__ import annotations

import gc
import marshal
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Made = TypeVar("Made")
# Gives everybody what each of them has, by number.
Exchange = Callable[[Any], list[Any]]


class Failed(Exception):
    """One of the processes did not come to its end; what it said."""


def possible(processes: int) -> int:
    """How many of them there can be here."""
    return max(1, processes) if "fork" in multiprocessing.get_all_start_methods() else 1


def spread(processes: int, work: Callable[[int, Exchange], Made]) -> list[Made]:
    """Do the work with each number from 0 on, the first here; what came of it by number. An error of one is everybody's.

    `processes`: as many as are `possible`.
    """
    if processes < 2:
        return [work(0, lambda mine: [mine])]
    context = multiprocessing.get_context("fork")
    ends: list[Connection] = []
    children = []
    try:
        for number in range(1, processes):
            here, there = context.Pipe()
            child = context.Process(target=_child, args=(number, work, there, [*ends, here]), daemon=True)
            child.start()
            there.close()
            ends.append(here)
            children.append(child)

        def exchange(mine: Any) -> list[Any]:
            everybody = [mine, *map(_received, ends)]
            for number, end in enumerate(ends, 1):
                _send(end, [each for place, each in enumerate(everybody) if place != number])
            return everybody

        return [work(0, exchange), *map(_received, ends)]
    except BaseException:
        # What the others are at is of no use any more, whatever it was.
        for child in children:
            child.kill()
        raise
    finally:
        for end in ends:
            end.close()
        for child in children:
            child.join()


def _child(number: int, work: Callable[[int, Exchange], Any], end: Connection, others: list[Connection]) -> None:
    # Ctrl-C goes to all at once; the first decides, and the rest end with their pipes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for each in others:
        each.close()

    def exchange(mine: Any) -> list[Any]:
        _send(end, mine)
        rest = _received(end)
        return [*rest[:number], mine, *rest[number:]]

    with suppress(BrokenPipeError, EOFError, Failed):
        try:
            _send(end, work(number, exchange))
        except (BrokenPipeError, EOFError, Failed):
            raise
        except BaseException:
            end.send_bytes(b"!" + traceback.format_exc().encode())
    # Nothing of what this process was copied from is to be closed by it.
    os._exit(0)


# Without looking for what was written before: quicker, and larger.
_PLAIN = 2


def _send(end: Connection, value: Any) -> None:
    end.send_bytes(b"=" + marshal.dumps(value, _PLAIN))


def _received(end: Connection) -> Any:
    try:
        data = end.recv_bytes()
    except EOFError:
        raise Failed("a process ended before its work was done") from None
    if data[:1] == b"!":
        raise Failed(data[1:].decode())
    return marshal.loads(memoryview(data)[1:])  # noqa: S302 - written by a process of our own


@contextmanager
def undisturbed() -> Any:
    """Millions of objects that do not refer back to one another: looking for cycles takes longer than making them."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
