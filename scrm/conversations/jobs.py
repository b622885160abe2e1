"""What runs in the background for this app."""

from __future__ import annotations

from scrm.conversations import (
    counting,
    governor,
    history,
    later,
    media,
    outbox,
    prices,
    profiles,
    receipts,
    retention,
    routing,
    services,
    statuses,
    surveys,  # noqa: F401 - hears of closed conversations
    templates,
)
from scrm.core import jobs

# After an upgrade every waiting conversation is new to it: a bounded share at a time, so that no other job stands in line behind it.
ROUTED_PAGES = 10

# Somebody waits for an answer: its group is a short one.
jobs.drain("outbox", slots=2, group=0.15, watched=True)(outbox.send_due)
jobs.drain("media", slots=2)(media.fetch_due)
jobs.drain("receipts")(receipts.send_due_receipts)
jobs.drain("profiles")(profiles.fetch_due)
jobs.drain("templates")(templates.sync_due)
jobs.drain("prices")(prices.price_waiting)
jobs.drain("history")(history.go_on)


@jobs.periodic("expire leases", every=10)
def expire_leases() -> None:
    outbox.expire_leases()
    if outbox.hurry_along():
        jobs.wake("outbox")


@jobs.periodic("wake snoozed", every=60)
def wake_snoozed() -> None:
    services.wake_snoozed()


@jobs.periodic("send scheduled", every=5)
def send_scheduled() -> None:
    while later.send_due() == later.PAGE:
        pass


@jobs.periodic("join statuses", every=30)
def join_statuses() -> None:
    statuses.sweep_orphans()


@jobs.periodic("read templates", every=3600)
def read_templates() -> None:
    templates.sync_all()


@jobs.periodic("steer numbers", every=governor.LOOK_EVERY)
def steer_numbers() -> None:
    governor.steer_all()


@jobs.periodic("count conversations", every=60)
def count_conversations() -> None:
    """After an upgrade, until all are counted; then it finds none."""
    counting.count_some()


@jobs.periodic("route conversations", every=5)
def route() -> None:
    """Within seconds of the first message: slower than the inbox, faster than anybody reads."""
    for _ in range(ROUTED_PAGES):
        if routing.plan() < routing.PAGE:
            break
    routing.assign_waiting()


@jobs.periodic("overdue answers", every=30)
def note_breaches() -> None:
    routing.note_breaches()


@jobs.periodic("compress history", every=3600)
def compress_history() -> None:
    history.begin()
    jobs.wake("history")


@jobs.periodic("expire history", every=3600)
def expire_history() -> None:
    retention.expire(seconds=20.0)
