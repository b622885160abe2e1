"""What people decide about the sync: which side of a difference is right, and whether a deleted record is made again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from scrm.core import clock
from scrm.sync import apart, payloads
from scrm.sync.asking import ask
from scrm.sync.inlet import units_of
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord, SyncConflict
from scrm.sync.person_ids import CONTACT
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
            units = units_of(payloads.specs_of(payloads.mappings_of(record.connection), record.kind), record.kind)
            targets = {target for unit in units if unit.name == row.field for target in unit.targets}
            record.base = {name: value for name, value in record.base.items() if name not in targets}
            if row.field == CONTACT:
                apart.keep_ours(record)
            record.held = _without(record.held, targets)
            record.save(update_fields=["base", "seen", "held"])
        want_many((Wanted(each.connection_id, each.kind, each.key) for each in by_pk.values()), at_once=True)
    return len(done)


def keep_theirs(conflicts: QuerySet[SyncConflict], *, by: Any) -> int:
    """Of a person's field theirs stays as it is over there and ours as it is here; of all else theirs is taken over here as well.

    Returns how many were open.
    """
    done = _decide(conflicts, State.THEIRS, by)
    with transaction.atomic():
        records = ExternalRecord.objects.select_for_update(of=("self",)).filter(pk__in={row.record_id for row in done})
        goods = {record.pk: record for record in records.exclude(kind=Kind.CONTACT).select_related("connection").order_by("pk")}
        for row in done:
            if row.record_id in goods and row.reason == SyncConflict.Reason.BOTH:
                _agree_on_ours(goods[row.record_id], row.field)
        for connection, kind in {(record.connection_id, record.kind) for record in goods.values()}:
            mine = [record for record in goods.values() if (record.connection_id, record.kind) == (connection, kind)]
            ask(connection, [(kind, record.external_id) for record in mine])
    return len(done)


def _agree_on_ours(record: ExternalRecord, name: str) -> None:
    """As if both sides had agreed on ours, so that theirs counts as a change when it is read again."""
    specs = [spec for spec in payloads.specs_of(payloads.mappings_of(record.connection), record.kind) if spec.source == name]
    ours = payloads.rendered(record.connection, record.kind, [record.key], specs).get(record.key, {})
    targets = {spec.target for spec in specs}
    record.base = {**record.base, **ours}
    if name == CONTACT:
        apart.take_theirs(record)
    record.seen = _without(record.seen, targets)
    record.held = _without(record.held, targets)
    record.version = ""
    record.save(update_fields=["base", "seen", "held", "version"])


def _without(values: dict[str, Any] | None, names: set[str]) -> dict[str, Any] | None:
    return {name: value for name, value in (values or {}).items() if name not in names} or None


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
