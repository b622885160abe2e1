"""The first load of a CRM: every contact that is here, in the order of their ids, a bounded number waiting at a time.

How far it is stands in the connection's facts and is written with the rows that it asks for, so it goes on after any crash. It begins when
what the CRM already has was read once: otherwise people it knows would be written as new. The queue of writes does the rest, with its
retries and its pace; memory does not grow with the number of contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync.models import FieldMapping, Kind, Push, SyncCursor
from scrm.sync.services import Wanted, want_many

FACT = "first_load"
CHUNK = 500
# Writes that wait at a time; the rest is asked for as these are done.
WAITING = 2000


@dataclass(frozen=True, slots=True)
class Progress:
    """`asked` of `total` contacts were put into the queue; `reading`: the CRM's own records are still being read."""

    asked: int
    total: int
    done: bool
    reading: bool = False

    @property
    def percent(self) -> int:
        return 100 if self.done or not self.total else min(99, 100 * self.asked // self.total)


def begin(connection: Connection) -> None:
    """From the first contact on. A load that is under way goes on where it is."""
    known = (connection.facts or {}).get(FACT)
    if known is not None and not known.get("done"):
        return
    last = Contact.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    begun = {"after": 0, "until": last, "asked": 0, "total": Contact.objects.current().count(), "begun_at": clock.now().isoformat()}
    connections.remember_facts(connection, {FACT: begun})


def progress(connection: Connection) -> Progress | None:
    """None when there never was a first load."""
    known = (connection.facts or {}).get(FACT)
    if known is None:
        return None
    reading = not known.get("done") and not _was_read(connection)
    return Progress(int(known["asked"]), int(known["total"]), bool(known.get("done")), reading)


def load_more() -> int:
    """Ask for more writes of each connection that is being loaded. Returns how many."""
    return sum(_load(each) for each in Connection.objects.filter(kind=Connection.Kind.CRM, state=Connection.State.ACTIVE) if _is_open(each))


def _is_open(connection: Connection) -> bool:
    known: dict[str, Any] | None = (connection.facts or {}).get(FACT)
    return known is not None and not known.get("done")


def _was_read(connection: Connection) -> bool:
    """The CRM's contacts were read to their end once, or none of its fields comes here."""
    if not FieldMapping.objects.filter(connection=connection, kind=Kind.CONTACT, enabled=True).exclude(direction="out").exists():
        return True
    return SyncCursor.objects.filter(connection=connection, kind=Kind.CONTACT, feed="changes", finished_at__isnull=False).exists()


def _load(connection: Connection) -> int:
    if not _was_read(connection):
        return 0
    room = WAITING - Push.objects.filter(connection=connection, state=Push.State.DUE)[:WAITING].count()
    taken = 0
    while taken < room:
        found = _ask(connection)
        taken += found
        if found < CHUNK:
            break
    return taken


def _ask(connection: Connection) -> int:
    """One chunk with its new position, in one transaction."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().only("facts").get(pk=connection.pk)
        known = (row.facts or {}).get(FACT)
        if known is None or known.get("done"):
            return 0
        rows = Contact.objects.current().filter(pk__gt=known["after"], pk__lte=known["until"]).order_by("pk")
        ids = list(rows.values_list("pk", flat=True)[:CHUNK])
        want_many([Wanted(connection.pk, Kind.CONTACT.value, str(pk)) for pk in ids], at_once=True)
        now = {**known, "after": ids[-1] if ids else known["until"], "asked": known["asked"] + len(ids)}
        if len(ids) < CHUNK:
            now |= {"done": True, "done_at": clock.now().isoformat()}
        connections.remember_facts(row, {FACT: now})
    return len(ids)
