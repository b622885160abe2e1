"""What runs in the background for this app."""

from __future__ import annotations

from scrm.campaigns import campaigns, counting, running
from scrm.conversations import causes
from scrm.core import jobs

causes.register(campaigns.KIND, campaigns.standing)


@jobs.drain(counting.DRAIN)
def count_segments() -> int:
    return counting.count_some()


# Whoever waits for a check of a million waits for each pause between two steps.
@jobs.drain(campaigns.DRAIN, full=1)
def work_on_campaigns() -> int:
    return running.step()
