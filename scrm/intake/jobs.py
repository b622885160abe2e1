"""What runs in the background for this app."""

from __future__ import annotations

from scrm.core import jobs
from scrm.intake import pipeline, spool

jobs.drain("inbound", slots=2, urgent=True, full=pipeline.MANY_BODIES)(pipeline.drain)


@jobs.periodic("empty spool", every=5)
def empty_spool() -> None:
    if spool.empty():
        jobs.wake("inbound")
