"""A worker at work that nobody watches gives way to one at what customers write, where the operating system lets it.

A step at what comes in waits for the processor some eighty times, once for each answer of the database. With four others at work on two
cores its time doubles, and with it the time until a message shows; behind it, the others finish as early as before.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Of forty steps of niceness; each is about a quarter of a process's share.
STEPS_BEHIND = 5
CAP_SYS_NICE = 23


@dataclass(slots=True)
class _Place:
    """`usual`: the niceness the process was started with, None while nothing is to be changed. `returns`: it may come back to it."""

    usual: int | None = None
    returns: bool = False


_place = _Place()


def begin() -> None:
    """From here on, in this process and in those it forks, `give_way` has an effect. Not in tests or commands, which work at their own."""
    if sys.platform == "linux":
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        _place.usual, _place.returns = usual, _may_return_to(usual)


def give_way(behind: bool) -> None:
    """Stand behind others from now on, or beside them again. One that could not come back keeps its niceness."""
    if sys.platform != "linux" or _place.usual is None:
        return
    with suppress(PermissionError):  # a container may forbid it: then all are equal
        os.sched_setscheduler(0, os.SCHED_BATCH if behind else os.SCHED_OTHER, os.sched_param(0))
        if _place.returns:
            os.setpriority(os.PRIO_PROCESS, 0, min(_place.usual + STEPS_BEHIND, 19) if behind else _place.usual)


def _may_return_to(niceness: int) -> bool:
    """Niceness is lowered by who has the right to, or within a limit (systemd: LimitNICE=+0; docker: --ulimit nice=20)."""
    import resource

    if sys.platform != "linux":
        return False
    granted = resource.getrlimit(resource.RLIMIT_NICE)[0]
    return granted == resource.RLIM_INFINITY or granted >= 20 - niceness or _may_set_niceness()


def _may_set_niceness() -> bool:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        rights = next(line for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return False
    return bool(int(rights.split()[1], 16) >> CAP_SYS_NICE & 1)
