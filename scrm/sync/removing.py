"""What a CRM deleted or merged, followed here. Nobody is ever deleted here for it.

A deleted record is marked: its contact stays, is not written there any more, and is linked again when the record is restored. Of merged
records the link goes on to the surviving one; when both were linked, people are asked whether the two contacts are one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connectors.contracts import Removal
from scrm.contacts.matching.stated import propose
from scrm.core import clock
from scrm.sync import awaiting
from scrm.sync.applying import Applied
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord


def follow(inlet: Inlet, removals: Sequence[Removal]) -> list[Applied]:
    """In the caller's transaction. Safe to repeat. A survivor that is not known here is read: `wait` says so."""
    if not removals:
        return []
    ids = {removal.id for removal in removals} | {removal.merged_into for removal in removals if removal.merged_into}
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, external_id__in=ids)
    known = {row.external_id: row for row in rows.select_for_update(of=("self",)).order_by("pk")}
    return [done for removal in removals for done in _follow_one(inlet, removal, known)]


def _follow_one(inlet: Inlet, removal: Removal, known: dict[str, ExternalRecord]) -> list[Applied]:
    row = known.get(removal.id)
    if row is None or (row.removed_at is not None and row.merged_into == removal.merged_into):
        return []
    survivor = known.get(removal.merged_into) if removal.merged_into else None
    if removal.merged_into and survivor is None:
        known[removal.merged_into] = known.pop(removal.id)
        row.external_id, row.version, row.removed_at, row.merged_into = removal.merged_into, "", None, ""
        row.save(update_fields=["external_id", "version", "removed_at", "merged_into"])
        if inlet.kind == Kind.CONTACT:
            awaiting.linked(inlet.connection.pk, [row.external_id])
        return [Applied(removal.merged_into, "Merged in the CRM; read again.", wait=timedelta(0))]
    row.removed_at, row.merged_into = removal.removed_at or clock.now(), removal.merged_into
    row.save(update_fields=["removed_at", "merged_into"])
    if survivor is not None and inlet.kind == Kind.CONTACT and survivor.key != row.key:
        propose(int(row.key), int(survivor.key), code="merged_in_crm", value=inlet.connection.label)
    return []


def missing(inlet: Inlet, ids: Sequence[str]) -> None:
    """Records that were asked for and not given. Of merged ones the feed of removals tells where they went."""
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, external_id__in=ids, removed_at=None)
    rows.update(removed_at=clock.now())
