"""Both sides of linked records fetched and compared, as they stand at this moment. Reads only.

In step: each mapped field is the same for a reader, or was agreed on in two spellings. What is on its way (waits to be written, read or
decided, or was changed over there since the last look) is neither right nor wrong and is counted apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.contracts import Change
from scrm.sync import apart, payloads
from scrm.sync.inlet import ADDRESSES, Inlet, held, is_unsaid
from scrm.sync.kinds import SALES
from scrm.sync.mapping import Spec
from scrm.sync.models import ExternalRecord, Pull, Push, SyncCursor, VerifiedRecord
from scrm.sync.resolution import alike, blank, same_moment
from scrm.sync.sales_book import BEGUN_THERE
from scrm.sync.sales_copy import Copies

State = VerifiedRecord.State
# Amounts and dates: what a person confirms.
KEY_FIELDS = frozenset(
    {"amount", "currency", "total", "price", "closed_at", "opened_at", "placed_at", "last_message_at", "birthday", "name", "phone"}
)
# What changed there so shortly before the last look ended may not have been in it.
FEED_LAG = timedelta(minutes=3)


@dataclass(slots=True)
class Compared:
    record: ExternalRecord
    state: VerifiedRecord.State
    differences: list[dict[str, Any]] = field(default_factory=list)
    key_fields: dict[str, Any] = field(default_factory=dict)


def compare(inlet: Inlet, records: Sequence[ExternalRecord], changes: Collection[Change]) -> list[Compared]:
    """One result a record, in order; `changes` are their records as just read. A few queries for all."""
    theirs = {change.id: change for change in changes}
    copies = _Strays.of(inlet, records, changes) if inlet.kind in SALES else None
    ours = payloads.rendered(inlet.connection, inlet.kind, [record.key for record in records], inlet.specs)
    waiting = _waiting(inlet, records)
    read_until = _read_until(inlet)
    return [
        _compare(inlet, record, ours.get(record.key), theirs.get(record.external_id), waiting, read_until, copies) for record in records
    ]


def _compare(
    inlet: Inlet,
    record: ExternalRecord,
    ours: Mapping[str, Any] | None,
    change: Change | None,
    waiting: frozenset[tuple[str, str]],
    read_until: datetime | None,
    copies: _Strays | None,
) -> Compared:
    if {("key", record.key), ("id", record.external_id)} & waiting or record.held:
        return Compared(record, State.PENDING)
    if change is None:
        return Compared(record, State.MISSING)
    if ours is None and not (copies and record.key.startswith(BEGUN_THERE)):
        return Compared(record, State.AGREED)  # merged into another contact here: its record is read, not written
    found = [] if ours is None else [_difference(spec, record, ours, change.fields, inlet.grain) for spec in inlet.specs]
    differences = [each for each in found if each]
    if copies:
        differences = copies.beside(differences, record, ours or {})
    key_fields = {spec.target: held(change.fields.get(spec.target)) for spec in inlet.specs if spec.source in KEY_FIELDS}
    if differences and _is_news(record, change, read_until):
        return Compared(record, State.PENDING, differences, key_fields)
    return Compared(record, State.DRIFTED if differences else State.AGREED, differences, key_fields)


@dataclass(frozen=True, slots=True)
class _Strays:
    """Of deals and cases: the fields of our copies that are not as the CRM says."""

    copies: Copies
    changes: Mapping[str, Change]

    @classmethod
    def of(cls, inlet: Inlet, records: Sequence[ExternalRecord], changes: Collection[Change]) -> _Strays:
        inlet, as_fields, _ = apart.as_field(inlet, list(changes))
        return cls(Copies.read(inlet, records, as_fields), {change.id: change for change in as_fields})

    def beside(self, differences: Sequence[dict[str, Any]], record: ExternalRecord, ours: Mapping[str, Any]) -> list[dict[str, Any]]:
        """With these, each field once: where we write nothing of our own, the copy is what we have. `copy`: it alone differs."""
        found, change = {each["field"]: each for each in differences}, self.changes[record.external_id]
        for stray in self.copies.strays(record, change, ours):
            (target,) = stray.unit.targets
            if target not in found:
                said = held(change.fields.get(target))
                found[target] = {"field": target, "source": stray.unit.name, "ours": stray.kept, "theirs": said, "copy": True}
            elif blank([found[target]["ours"]]):
                found[target] |= {"ours": stray.kept}
        return list(found.values())


def _difference(
    spec: Spec, record: ExternalRecord, ours: Mapping[str, Any], fields: Mapping[str, Any], grain: timedelta
) -> dict[str, Any] | None:
    mine, other = ours.get(spec.target, ""), held(fields.get(spec.target))
    if (
        alike(mine, other)
        or same_moment(mine, other, grain)
        or (blank([mine]) and spec.direction == "out" and not record.base.get(spec.target))
    ):
        return None
    settled = (held(record.base.get(spec.target)), (record.seen or {}).get(spec.target)) == (mine, other)
    if settled and (spec.direction == "both" or spec.source in ADDRESSES or is_unsaid(spec, mine)):
        return None
    if _is_as_seen(spec, record, mine, other):
        return None
    return {"field": spec.target, "source": spec.source, "ours": mine, "theirs": other}


def _is_as_seen(spec: Spec, record: ExternalRecord, mine: Any, other: Any) -> bool:
    """What only comes in and both sides word differently, in step while the CRM says what was seen last: what it says nothing of, of a deal
    or a case what one side has no word for (the stage of a case is the CRM's, whose it is may stand there as a link), and the lines of an
    order."""
    if spec.direction != "in":
        return False
    seen = (record.seen or {}).get(spec.target)
    if blank([seen, other]):
        return True
    if (record.kind, spec.source) == payloads.LINES:
        return seen == other
    return record.kind in SALES and (blank([mine]) or blank([other])) and alike(seen, other)


def _is_news(record: ExternalRecord, change: Change, read_until: datetime | None) -> bool:
    """Changed over there since its feed was read last."""
    if change.version == record.version or change.modified_at is None or read_until is None:
        return False
    return change.modified_at > read_until - FEED_LAG


def _waiting(inlet: Inlet, records: Sequence[ExternalRecord]) -> frozenset[tuple[str, str]]:
    mine = {"connection": inlet.connection, "kind": inlet.kind}
    writes = Push.objects.filter(**mine, key__in=[record.key for record in records], state__in=[Push.State.DUE, Push.State.DEAD])
    reads = Pull.objects.filter(**mine, external_id__in=[r.external_id for r in records], state__in=[Pull.State.DUE, Pull.State.DEAD])
    return frozenset(
        {("key", key) for key in writes.values_list("key", flat=True)}
        | {("id", each) for each in reads.values_list("external_id", flat=True)}
    )


def _read_until(inlet: Inlet) -> datetime | None:
    row = SyncCursor.objects.filter(connection=inlet.connection, kind=inlet.kind, feed=SyncCursor.Feed.CHANGES).first()
    return row.finished_at if row is not None else None
