"""When a person was last heard of, over merges.

While records are one person, the survivor's times of activity count for all of them. What each record did by itself is told by the
events of its own addresses, so that separating them gives each its own times again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Max, Q
from django.db.models.functions import Coalesce

from scrm.contacts import overlay
from scrm.contacts.models import Contact, Event

HEARD = "message.received"
# What moves a person up in the lists.
ACTIVE = (HEARD, "message.echoed", "message.queued")
Times = tuple[datetime | None, datetime | None]


def attribute(family: overlay.Family) -> None:
    """Add to each record's own times what its addresses did since the merges in force; before the events are sent home."""
    if not family.merges:
        return
    since = min(merge.journal.get("marks", {}).get("events", 0) for merge in family.merges)
    rows = Event.objects.filter(contact__in=family.rows, pk__gt=since, kind__in=ACTIVE, identity__isnull=False).order_by()
    found = rows.annotate(owner=Coalesce("identity__home", "identity__contact")).values("owner")
    for each in found.annotate(active=Max("occurred_at"), heard=Max("occurred_at", filter=Q(kind=HEARD))):
        if each["owner"] in family.rows:
            before = own_times(family.rows[each["owner"]])
            _keep(family.rows[each["owner"]], (later(before[0], each["heard"]), later(before[1], each["active"])))


def own_times(row: Contact) -> Times:
    """(last heard from, last active) of the record by itself."""
    stamps = (row.own or {}).get("stamps")
    if stamps is None:
        return row.last_inbound_at, row.last_activity_at
    heard, active = (datetime.fromisoformat(stamps[name]) if stamps[name] else None for name in ("last_inbound_at", "last_activity_at"))
    return heard, active


def _keep(row: Contact, times: Times) -> None:
    if (row.own or {}).get("stamps") is None:
        row.last_inbound_at, row.last_activity_at = times[0], times[1] or row.last_activity_at
    else:
        row.own = {**(row.own or {}), "stamps": _stamps(times)}


def _stamps(times: Times) -> dict[str, str | None]:
    return {"last_inbound_at": times[0].isoformat() if times[0] else None, "last_activity_at": times[1].isoformat() if times[1] else None}


def fold(family: overlay.Family, own: Mapping[int, Times]) -> None:
    """Set what every record shows: the latest of its `own` times and of those below it. One with duplicates keeps its own aside."""
    for pk, row in family.rows.items():
        below = family.below(pk)
        heard, active = own[pk]
        for each in below:
            heard, active = later(heard, own[each][0]), later(active, own[each][1])
        row.last_inbound_at, row.last_activity_at = heard, active or row.last_activity_at
        if below:
            row.own = {**(row.own or {}), "stamps": _stamps(own[pk])}


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
