"""Who stands behind whom for the processor: asked of the kernel, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scrm.core import giving_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scheduler of Linux is asked")

ASK = """
import os
from scrm.core import giving_way
if {returns} is not None:
    giving_way._may_return_to = lambda niceness: {returns}
if {begun}:
    giving_way.begin()
for behind in (True, False):
    giving_way.give_way(behind)
    print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))
"""


def places(*, begun: bool = True, returns: bool | None = None) -> list[tuple[int, int]]:
    """Policy and niceness of a process that stood behind, then beside the others."""
    script = ASK.format(begun=begun, returns=returns)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    lines = [line.split() for line in told.stdout.splitlines()]
    return [(int(policy), int(niceness)) for policy, niceness in lines]


class Worker:
    def test_gives_way_and_comes_back(self) -> None:
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        (policy, niceness), after = places()
        assert (policy, after) == (os.SCHED_BATCH, (os.SCHED_OTHER, usual))
        assert niceness == (min(usual + giving_way.STEPS_BEHIND, 19) if giving_way._may_return_to(usual) else usual)

    def test_that_could_not_come_back_keeps_its_niceness(self) -> None:
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        assert places(returns=False) == [(os.SCHED_BATCH, usual), (os.SCHED_OTHER, usual)]


class EverybodyElse:
    def test_stays_where_it_is(self) -> None:
        assert places(begun=False) == [(os.SCHED_OTHER, os.getpriority(os.PRIO_PROCESS, 0))] * 2
