"""Whether our copy of a deal or a case (`SaleState`) holds what the CRM says of it, and how one that does not is put right.

Left to others: what waits for a person, what a person decided to keep otherwise here, and what has no counterpart here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from connectors.contracts import Change
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import apart, person_ids
from scrm.sync.inlet import SALE, Inlet, Unit, held
from scrm.sync.mapping import Unmappable, to_ours, to_theirs
from scrm.sync.models import ExternalRecord, SaleState, SyncConflict
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import named, person_of
from scrm.sync.resolution import Verdict, alike, blank
from scrm.sync.sales_book import BEGUN_THERE, THERE, News, keep
from scrm.sync.sales_in import sale_value, text_of
from scrm.sync.sources import stamp


@dataclass(frozen=True, slots=True)
class Stray:
    """A field of the copy that is not as the CRM says: `kept` as we would write it there, `right` as the copy should hold it."""

    unit: Unit
    kept: Any
    right: Any


@dataclass(frozen=True)
class Copies:
    """By our keys. A few statements for any number, and two more where one has strayed."""

    inlet: Inlet
    records: Sequence[ExternalRecord]
    rows: Mapping[str, SaleState]
    people: Mapping[str, Contact]

    @classmethod
    def read(cls, inlet: Inlet, records: Sequence[ExternalRecord], changes: Sequence[Change]) -> Copies:
        keys = [record.key for record in records]
        rows = SaleState.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=keys).select_related("contact")
        return cls(inlet, records, {row.key: row for row in rows}, named(inlet, changes))

    @cached_property
    def _there(self) -> Mapping[int, str]:
        """{person: the id of their record in the CRM}."""
        return person_ids.ids_of(self.inlet.connection, filter(None, map(_whose, self.rows.values())))

    @cached_property
    def _asked(self) -> Collection[tuple[int, str]]:
        """(record, field of ours) of which people are asked."""
        asked = SyncConflict.objects.filter(record__in=[each.pk for each in self.records if each.pk], state=SyncConflict.State.OPEN)
        return set(asked.values_list("record_id", "field"))

    def strays(self, record: ExternalRecord, change: Change, ours: Mapping[str, Any]) -> list[Stray]:
        """`ours`: {their field: our value as we write it}. What only goes out counts where the copy says something else than the CRM."""
        found = [stray for unit in self.inlet.units if (stray := self._stray(unit, record, change, ours)) is not None]
        found = [stray for stray in found if (record.pk, stray.unit.name) not in self._asked]
        if record.key not in self.rows and all(stray.unit.direction == "out" for stray in found):
            return []
        return found

    def _stray(self, unit: Unit, record: ExternalRecord, change: Change, ours: Mapping[str, Any]) -> Stray | None:
        if unit.name not in SALE or apart.is_unsaid(unit, change) or _is_settled(unit, record, change):
            return None
        (target,), row = unit.targets, self.rows.get(record.key)
        theirs = held(change.fields.get(target))
        try:
            right = self._right(unit, theirs)
        except Unmappable:
            return None
        if row is not None:
            same = self._holds(row, unit, right)
        elif record.key.startswith(BEGUN_THERE):
            same = blank([theirs])
        else:
            # Nothing was said of it so far: what we wrote stands for the copy, and whose it is says its key.
            same = unit.direction == "out" or unit.name == CONTACT or blank([theirs]) or alike(ours.get(target, ""), theirs)
        return None if same else Stray(unit, self._kept(row, unit) if row is not None else ours.get(target, ""), right)

    def _right(self, unit: Unit, theirs: Any) -> Any:
        said = to_ours(theirs, unit.specs[0])
        return person_of(self.inlet, text_of(said), self.people) if unit.name == CONTACT else sale_value(unit.name, said)

    def _holds(self, row: SaleState, unit: Unit, right: Any) -> bool:
        if unit.name == CONTACT:
            return _whose(row) == right.pk
        kept = getattr(row, unit.name)
        if unit.direction == "out" and blank([kept]):
            return True
        if isinstance(kept, datetime) and isinstance(right, datetime):
            return abs(kept - right) < max(self.inlet.grain, timedelta(milliseconds=1))
        return kept == right or alike(kept, right)

    def _kept(self, row: SaleState, unit: Unit) -> Any:
        if unit.name == CONTACT:
            return self._there.get(_whose(row) or 0, "")
        kept = getattr(row, unit.name)
        if isinstance(kept, datetime):
            kept = stamp(kept)
        return to_theirs("" if kept is None else str(kept), unit.specs[0])


def _is_settled(unit: Unit, record: ExternalRecord, change: Change) -> bool:
    """Waits for a person, or a person decided that ours stays: then theirs was seen, and nothing is agreed on."""
    (target,), seen = unit.targets, record.seen or {}
    if target in (record.held or {}):
        return True
    return target not in record.base and target in seen and seen[target] == held(change.fields.get(target))


def _whose(row: SaleState) -> int | None:
    return None if row.contact is None else row.contact.merged_into_id or row.contact.pk


def put_right(inlet: Inlet, standing: Iterable[tuple[ExternalRecord, Change, Unit, Verdict, Any]]) -> None:
    """Records that are being taken over, with the units of which nothing new is to be heard, the verdict on each, and our value as we
    write it. What both sides changed to the same is told; where nothing changed, the copy alone was wrong, and is put right quietly.

    Call inside a transaction.
    """
    verdicts: dict[str, dict[str, Verdict]] = {}
    ours: dict[str, dict[str, Any]] = {}
    pairs: dict[str, tuple[ExternalRecord, Change]] = {}
    for record, change, unit, verdict, value in standing:
        pairs[record.key] = record, change
        verdicts.setdefault(record.key, {})[unit.name] = verdict
        ours.setdefault(record.key, {})[unit.targets[0]] = value
    if not pairs:
        return
    copies = Copies.read(inlet, [record for record, _ in pairs.values()], [change for _, change in pairs.values()])
    news = []
    for key, (record, change) in pairs.items():
        strays = [each for each in copies.strays(record, change, ours[key]) if each.unit.name in verdicts[key]]
        if strays:
            told = {each.unit.name: each.right for each in strays if verdicts[key][each.unit.name] is Verdict.AGREED}
            quiet = {each.unit.name: each.right for each in strays if each.unit.name not in told}
            news.append(News(key, change.id, told, change.modified_at or clock.now(), quiet=quiet))
    if news:
        keep(inlet.connection, inlet.kind, news, by=THERE)
