"""Whether a cluster of workers has been told to end, for every process of it.

Only its head gets the signal, and waits for what the workers have in hand. A drain that goes on while there is work would hold up the end
for as long as customers write, until the supervisor loses patience and kills whatever is at work. So it finishes what is there, in the few
seconds that it has for that.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Well below the supervisor's patience.
SECONDS_TO_FINISH = 5.0
# When it was told, by the clock that all processes of a host share; 0.0 before. This process shares it with all that it forks.
_told = mmap.mmap(-1, struct.calcsize("d"))


@contextmanager
def after_the_start() -> Iterator[None]:
    """In this block a cluster is started. Who tells it to end meanwhile is heard when all of it is there, and known to all of it."""
    os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS))
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
        hear()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def hear() -> None:
    """From now on the signals are noted, and then given to whoever listens to them already."""
    for number in SIGNALS:
        listener = signal.getsignal(number)

        def note(received: int, frame: FrameType | None, listener: object = listener) -> None:
            if not told():
                struct.pack_into("d", _told, 0, time.monotonic())
            if callable(listener):
                listener(received, frame)

        signal.signal(number, note)


def _told_at() -> float:
    (at,) = struct.unpack_from("d", _told)
    return float(at)


def told() -> bool:
    return _told_at() > 0.0


def out_of_time() -> bool:
    """Whether the seconds to finish are over too."""
    return told() and time.monotonic() - _told_at() > SECONDS_TO_FINISH
