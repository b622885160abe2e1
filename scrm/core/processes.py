"""What the operating system can do so that no child outlives its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent ends. On systems without prctl the supervisor's sweep does it."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose own parent dies, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def forked_children_die_with_this_process() -> None:
    """Every process forked from here on (django-q2's sentinel and workers) dies when the one that forked it does."""
    parent = os.getpid()

    def after_fork() -> None:
        nonlocal parent
        die_with_parent(parent)
        parent = os.getpid()

    os.register_at_fork(after_in_child=after_fork)
