"""Work done in processes that die: forked from the test, so that a real kill -9 costs milliseconds. The platform keeps its own record."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from connectors.contracts import OutboundMessage, Receipt

LONGEST_SECONDS = 300.0


class RecordingPlatform:
    """Accepts whatever arrives and writes the reference into a file that outlives the process that sent it."""

    def __init__(self, file: Path, real: Callable[..., Any]) -> None:
        self.file = file
        self.real = real
        file.touch()

    def __call__(self, connection: Any) -> Any:
        return _Channel(self.file, self.real(connection))

    @property
    def accepted(self) -> Counter[str]:
        return Counter(self.file.read_text().split())


class _Channel:
    def __init__(self, file: Path, real: Any) -> None:
        self._file, self._real = file, real

    def send(self, message: OutboundMessage) -> Receipt:
        with self._file.open("a") as file:
            file.write(f"{message.client_ref}\n")
        return Receipt(f"wamid.{message.client_ref}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def in_a_fork(work: Callable[[], object], *, crash_at: str = "", after: float | None = None) -> int:
    """Run `work` in a forked process with its own database connections, dying at a named point; the signal or code it ended with.

    `after`: killed from outside after so many seconds, wherever it is then.
    """
    from django.db import connections

    connections.close_all()
    _let_requests_end()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            from scrm.core import crashpoints

            crashpoints._WANTED = crash_at
            work()
            connections.close_all()
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    return _end_of(pid)


def _let_requests_end() -> None:
    """Whoever of a stand-in's server is closing its database holds SQLite's own lock, and a fork would inherit it held for ever.

    A thread that waits for the next request of a connection that is kept open holds nothing; one whose caller has just died is given a
    moment to notice.
    """
    time.sleep(0.05)
    patience = time.monotonic() + 5.0
    while _answering() and time.monotonic() < patience:
        time.sleep(0.01)


def _answering() -> bool:
    at_work = sys._current_frames()
    requests = [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]
    frames = [at_work[thread.ident] for thread in requests if thread.ident in at_work]
    return any(frame.f_code.co_name != "readinto" for frame in frames)


def _end_of(pid: int) -> int:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise TimeoutError(f"the forked process did not end within {LONGEST_SECONDS:.0f} s")


KILLED = -signal.SIGKILL


def let_leases_run_out() -> None:
    """As if a minute and a half had passed: what dead processes held is free again."""
    from scrm.conversations.models import Message
    from scrm.core import clock
    from scrm.intake.models import InboundEvent

    past = clock.now() - timedelta(seconds=1)
    InboundEvent.objects.filter(state="claimed").update(lease_until=past)
    Message.objects.filter(state__in=["claimed", "sending"]).update(lease_until=past)


def everything() -> None:
    """What the workers of a restarted system do: expire, receive, tell, decide, send."""
    from scrm.conversations import outbox
    from scrm.core import jobs

    outbox.expire_leases()
    jobs.run_everything_due()
