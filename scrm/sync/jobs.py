"""What runs in the background for this app."""

from __future__ import annotations

from scrm.contacts import events
from scrm.core import jobs
from scrm.sync import (
    awaiting,
    engine,
    feeds,
    holding,
    initial,
    listening,
    mapping_report,
    meter,
    postal,
    pulls,
    queue,
    subscriptions,
    unread,
    verification,
)

# It locks nobody: what happened to one person meanwhile is one write.
events.consumer("sync", kinds=listening.KINDS, batch=500)(listening.note_changes)


@jobs.drain("sync", slots=2, soon=engine.due_soon)
def push() -> int:
    return engine.push_due()


@jobs.drain("pull", slots=2)
def pull() -> int:
    return pulls.read_due() + feeds.pull_due()


@jobs.periodic("sync.hurry", every=10)
def hurry_along() -> None:
    if queue.hurry_along():
        jobs.wake("sync")
    if pulls.hurry_along():
        jobs.wake("pull")


@jobs.periodic("sync.awaited", every=600)
def find_awaited() -> None:
    awaiting.sweep()


@jobs.periodic("sync.first_load", every=5)
def load_more() -> None:
    initial.load_more()


@jobs.periodic("sync.decided", every=20)
def release_decided() -> None:
    holding.release()


@jobs.periodic("sync.verify", every=3600)
def verify_daily() -> None:
    verification.verify_daily()
    meter.forget_old()


@jobs.periodic("sync.mapping_report", every=600)
def report_mappings() -> None:
    mapping_report.report_due()


@jobs.periodic("sync.unread", every=900)
def look_at_unread() -> None:
    unread.lower_unread()


@jobs.periodic("sync.unread_list", every=3600)
def list_unread() -> None:
    unread.list_unread()


@jobs.periodic("sync.subscriptions", every=3600)
def renew_subscriptions() -> None:
    subscriptions.renew_all()


events.consumer("postal", kinds=("contact.changed",), delay=postal.wanted)(postal.note_changes)


@jobs.drain("postal")
def complete_postal_codes() -> int:
    return postal.complete_due()


@jobs.periodic("sync.postal", every=300)
def look_for_missing_codes() -> None:
    postal.sweep()
