"""The process manager and watchdog behind `manage.py up`: starts everything, keeps it alive, ends it without leaving an orphan.

Children run in process groups of their own and are told by the kernel to die with their parent. A child that ends is started again
with a growing pause. A worker cluster that does no job for 40 seconds although jobs are asked for is killed as a whole and
started again: django-q2 can stop working while all of its processes look alive (the read lock of its queue dies with an idle worker).
One that was ended before it did its first job is given twice the time: on a slow machine it may only have been starting.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, close_old_connections

from scrm.core import jobs
from scrm.core.processes import adopt_orphans, die_with_parent

TICK_SECONDS = 5.0
# Between looks for a database that is away: work goes on as soon as it is back.
AWAY_SECONDS = 1.0
SILENT_SECONDS = 40.0
# 40 s, 80 s, and so on to 640 s.
MOST_DOUBLINGS = 4
# Beats come from every kind of work, ticks alone start the periodic jobs: without them nothing expires and no spool is emptied.
TICKLESS_SECONDS = 90.0
# Each killed cluster leaves a few jobs without acknowledgement, found in one round or two. A stuck one leaves some in every round.
UNACKNOWLEDGED_ROUNDS = 6
STOP_SECONDS = 20.0
LONGEST_PAUSE = 15.0


@dataclass
class Program:
    """One child: its command, and how it is doing. `cluster` names the heartbeat of a worker cluster."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    cluster: str = ""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = 0.0
    restarts: int = 0
    # How often the watchdog has ended it since it last did a job.
    ended: int = 0

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            env={**os.environ, "SCRM_SUPERVISED": "1", **self.environment},
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),  # the only moment at which the kernel can be told
        )
        self.started_at = time.monotonic()

    def signal_group(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs programs until told to stop. `say` gets one line for each thing a person would want to know."""

    def __init__(self, programs: Sequence[Program], say: Callable[[str], None]) -> None:
        self.programs = list(programs)
        self.say = say
        self.stopping = False
        self.next_tick = 0.0
        self.unacknowledged_rounds = 0
        self.database_is_away = False

    def start(self) -> None:
        adopt_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        for program in self.programs:
            program.start()

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def watch(self) -> None:
        """Until a signal comes: restart what ended, ask for ticks, end what is silent."""
        while not self.look_after():
            time.sleep(0.3)

    def look_after(self) -> bool:
        """One round of watching, for a caller that waits for something itself; True when it is time to stop."""
        self.keep_alive()
        if time.monotonic() >= self.next_tick:
            self.next_tick = time.monotonic() + TICK_SECONDS
            self._tick()
        return self.stopping

    def keep_alive(self) -> None:
        for program in self.programs:
            if program.running or self.stopping:
                continue
            code = program.process.returncode if program.process else None
            if time.monotonic() - program.started_at < program.pause:
                continue
            program.signal_group(signal.SIGKILL)
            lived = time.monotonic() - program.started_at
            program.pause = 1.0 if lived > 30 else min(LONGEST_PAUSE, max(1.0, program.pause * 2))
            program.restarts += 1
            self.say(f"{program.name} ended ({code}), starting it again")
            program.start()
        self._reap()

    def _reap(self) -> None:
        """Adopted grandchildren that ended are collected; Popen keeps the codes of its own."""
        own = {program.process.pid for program in self.programs if program.process}
        for pid in _children():
            if pid not in own:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _tick(self) -> None:
        close_old_connections()
        try:
            self.unacknowledged_rounds = self.unacknowledged_rounds + 1 if jobs.forget_unacknowledged() else 0
            jobs.ask_for_tick()
            for program in self.programs:
                if program.cluster and (trouble := self._trouble(program)):
                    self.say(f"{program.name} {trouble}, ending and starting it again")
                    self._restart(program)
            self._welcome_back()
        except DatabaseError as error:
            if not self.database_is_away:
                self.say(f"the database does not answer: {type(error).__name__}")
            self.database_is_away = True
            self.next_tick = time.monotonic() + AWAY_SECONDS

    def _welcome_back(self) -> None:
        """What could not start without the database, and waits a while before it tries again, need not wait any longer."""
        if self.database_is_away:
            self.database_is_away = False
            for program in self.programs:
                program.pause = 0.0

    def _trouble(self, program: Program) -> str:
        """What is wrong with a cluster that runs, or "". A fresh one is given time."""
        lived = time.monotonic() - program.started_at
        if not program.running:
            return ""
        age = jobs.oldest_beat_age(program.cluster)
        if age is not None and age < lived:
            program.ended = 0
        patience = SILENT_SECONDS * 2**program.ended
        if lived < patience:
            return ""
        if age is None or age > patience:
            return f"has done no job for {patience:.0f} s"
        tick_age = jobs.tick_age()
        if lived > TICKLESS_SECONDS and (tick_age is None or tick_age > TICKLESS_SECONDS):
            return f"works, but has started nothing periodic for {TICKLESS_SECONDS:.0f} s"
        if self.unacknowledged_rounds >= UNACKNOWLEDGED_ROUNDS:
            return "does jobs without acknowledging them"
        return ""

    def _restart(self, program: Program) -> None:
        """End the whole cluster at once; the next round starts it, with nothing in the queue but its first tick."""
        program.signal_group(signal.SIGKILL)
        program.pause = 0.0
        program.ended = min(program.ended + 1, MOST_DOUBLINGS)
        self.unacknowledged_rounds = 0
        jobs.forget_all_asked()
        jobs.ask_for_tick()

    def stop(self) -> None:
        """SIGTERM to all, the rest after `STOP_SECONDS` with SIGKILL, groups and adopted orphans included."""
        self.stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        for program in reversed(self.programs):
            self._ask_to_end(program, deadline)
        for program in self.programs:
            if program.running:
                self.say(f"{program.name} did not end within {STOP_SECONDS:.0f} s, ending it by force")
            program.signal_group(signal.SIGKILL)
        self._end_orphans()

    def _ask_to_end(self, program: Program, deadline: float) -> None:
        """Last started, first ended: workers finish what they hold while the others still answer."""
        if not program.running or program.process is None:
            return
        program.process.send_signal(signal.SIGTERM)
        while time.monotonic() < deadline and program.running:
            time.sleep(0.05)

    def _end_orphans(self) -> None:
        for _ in range(50):
            left = _children()
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)


def _children() -> list[int]:
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def manage(*arguments: str) -> list[str]:
    return [sys.executable, sys.argv[0], *arguments]
