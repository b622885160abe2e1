"""What runs in the background for this app."""

from __future__ import annotations

from scrm.contacts import events
from scrm.core import jobs
from scrm.sync import engine, listening

# It locks nobody: what happened to one person meanwhile is one write.
events.consumer("sync", kinds=listening.KINDS, batch=500)(listening.note_changes)


@jobs.drain("sync", slots=2)
def push() -> int:
    return engine.push_due()
