"""What runs in the background for this app."""

from __future__ import annotations

from scrm.contacts import events
from scrm.core import jobs
from scrm.sync import engine, listening

events.consumer("sync", kinds=listening.KINDS)(listening.note_changes)


@jobs.drain("sync", slots=2)
def push() -> int:
    return engine.push_due()
