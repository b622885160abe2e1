"""What runs in the background for this app."""

from __future__ import annotations

from scrm.campaigns import counting
from scrm.core import jobs


@jobs.drain(counting.DRAIN)
def count_segments() -> int:
    return counting.count_some()
