"""What people decide about the sync: which side of a difference is right, and whether a deleted record is made again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from scrm.core import clock
from scrm.sync import payloads
from scrm.sync.inlet import units_of
from scrm.sync.models import ExternalRecord, SyncConflict
from scrm.sync.services import Wanted, want_many

State = SyncConflict.State


def keep_ours(conflicts: QuerySet[SyncConflict], *, by: Any) -> int:
    """Ours is written over theirs. Deciding twice changes nothing more. Returns how many were open."""
    done = _decide(conflicts, State.OURS, by)
    with transaction.atomic():
        records = ExternalRecord.objects.select_for_update(of=("self",)).filter(pk__in={row.record_id for row in done}).order_by("pk")
        by_pk = {record.pk: record for record in records.select_related("connection")}
        for row in done:
            record = by_pk[row.record_id]
            units = units_of(payloads.specs_of(payloads.mappings_of(record.connection), record.kind))
            targets = {target for unit in units if unit.name == row.field for target in unit.targets}
            record.base = {name: value for name, value in record.base.items() if name not in targets}
            record.save(update_fields=["base"])
        want_many((Wanted(each.connection_id, each.kind, each.key) for each in by_pk.values()), at_once=True)
    return len(done)


def keep_theirs(conflicts: QuerySet[SyncConflict], *, by: Any) -> int:
    """Theirs stays as it is over there, ours as it is here; the difference is agreed. Returns how many were open."""
    return len(_decide(conflicts, State.THEIRS, by))


def _decide(conflicts: QuerySet[SyncConflict], state: str, by: Any) -> list[SyncConflict]:
    with transaction.atomic():
        rows = list(conflicts.filter(state=State.OPEN).select_for_update(of=("self",)).order_by("pk"))
        SyncConflict.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=state, winner=state, decided_by=by, decided_at=clock.now()
        )
    return rows


def make_again(records: QuerySet[ExternalRecord]) -> int:
    """Of records that were deleted over there: forget the old link and write them anew. Returns how many."""
    with transaction.atomic():
        rows = list(records.exclude(removed_at=None).select_for_update(of=("self",)).order_by("pk"))
        ExternalRecord.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return want_many((Wanted(row.connection_id, row.kind, row.key) for row in rows), at_once=True)
