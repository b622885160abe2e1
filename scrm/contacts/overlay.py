"""Records and what merges make of them: a survivor's columns show the fold of its own values and its duplicates'.

`Contact.own` of a record with duplicates, null for all others:
    {"family": [ids of all records below it], "fields": {field: {"value", "entry"}}, "stamps": {"last_inbound_at", "last_activity_at"}}
`fields` holds its own values where the columns show something else, `stamps` its own times of activity as of the last merge.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from scrm.contacts.fields_rules import CREATED, Entry, Standing, entry_of
from scrm.contacts.fold import Joined, Pick, fold, own_pick
from scrm.contacts.models import Contact, Event, Merge
from scrm.contacts.records import column_of, fields_of, is_searched, ms, put_standing, standing_of
from scrm.contacts.search import reindex
from scrm.core.rows import update_many


@dataclass(slots=True)
class Family:
    """Locked people. `rows` as they are shown, `records` as they are by themselves (the same object where no merge shows anything else).

    `merges`: the merges in force among them, in the order in which they were made. `changed`: {record: fields} to be written.
    """

    rows: dict[int, Contact]
    records: dict[int, Contact]
    merges: list[Merge] = field(default_factory=list)
    changed: dict[int, set[str]] = field(default_factory=dict)
    # Of a merge or its undoing: whose merges changed, and what is to be told of it.
    moved: set[int] = field(default_factory=set)
    news: list[Event] = field(default_factory=list)

    def parent_of(self, pk: int) -> int | None:
        return next((merge.survivor_id for merge in self.merges if merge.duplicate_id == pk), None)

    def below(self, pk: int) -> list[int]:
        """All records that show in `pk`, without itself."""
        children = [merge.duplicate_id for merge in self.merges if merge.survivor_id == pk]
        return [each for child in children for each in (child, *self.below(child))]

    def above(self, pk: int) -> list[int]:
        """The records that `pk` shows in, the nearest first."""
        parent = self.parent_of(pk)
        return [] if parent is None else [parent, *self.above(parent)]

    def top(self, pk: int) -> int:
        """The survivor of all."""
        return (self.above(pk) or [pk])[-1]


def own_record(row: Contact) -> Contact:
    """The record by itself: the row, or a copy that says what the row would say without its duplicates."""
    if row.own is None:
        return row
    record = copy.copy(row)
    for name, said in row.own.get("fields", {}).items():
        put_standing(record, name, Standing(said["value"], entry_of(said["entry"]), ms(row.created_at)))
    return record


def own_entry(row: Contact, name: str) -> tuple[Any, Mapping[str, Any] | None]:
    """(value, stored entry) that the record itself has of a field."""
    said = (row.own or {}).get("fields", {}).get(name)
    if said is not None:
        return said["value"], said["entry"]
    return standing_of(row, name).value, (row.provenance or {}).get(name)


def load(contact_ids: Collection[int], *, also_locked: Iterable[int] = ()) -> Family:
    """Lock these people in one order and read them, with all records that merges join to them."""
    rows = {row.pk: row for row in _locked({*contact_ids, *also_locked})}
    wanted = {pk: rows[pk] for pk in contact_ids if pk in rows}
    roots = {row.merged_into_id or row.pk for row in wanted.values() if row.merged_into_id or row.own}
    for _ in range(5):
        if not roots:
            break
        joined = {row.pk: row for row in _locked(_members(roots))}
        found = {row.merged_into_id or row.pk for row in joined.values()}
        rows |= joined
        if found <= roots:
            break
        roots |= found
    return _family(rows, roots)


def load_tree(roots: Collection[int]) -> Family:
    """Lock these survivors and then all records below them. Raises the database's error when somebody holds one of those: give way."""
    rows = {row.pk: row for row in _locked(roots)}
    below = Contact.objects.filter(merged_into__in=roots).order_by("pk")
    nowait = connection.features.has_select_for_update_nowait
    rows |= {row.pk: row for row in below.select_for_update(no_key=True, of=("self",), nowait=nowait)}
    return _family(rows, roots)


def _members(roots: Collection[int]) -> set[int]:
    return {*roots, *Contact.objects.filter(merged_into__in=roots).values_list("pk", flat=True)}


def _locked(ids: Iterable[int]) -> list[Contact]:
    return list(Contact.objects.filter(pk__in=set(ids)).order_by("pk").select_for_update(no_key=True, of=("self",)))


def _family(rows: dict[int, Contact], roots: Collection[int]) -> Family:
    merges: list[Merge] = []
    if roots:
        edges = Merge.objects.filter(undone_at=None, duplicate__in=rows).select_related("by").order_by("merged_at", "id")
        merges = list(edges)
    return Family(rows, {pk: own_record(row) for pk, row in rows.items()}, merges)


def write(family: Family, *, touched: Collection[int], at: datetime) -> None:
    """Write the records in `family.changed` and whatever shows them. `touched`: those with a new value, not only with a note."""
    shown = {pk: _write_shown(family, pk) for pk in _concerned(family)}
    columns = {"provenance", "own"} if family.merges else {"provenance"}
    columns |= {column_of(name) for names in [*family.changed.values(), *shown.values()] for name in names}
    rows = [family.rows[pk] for pk in sorted({*family.changed, *shown})]
    visible = {pk for pk, names in shown.items() if names} | set(touched)
    if visible:
        columns.add("updated_at")
        for pk in visible:
            family.rows[pk].updated_at = at
    update_many(Contact, rows, sorted(columns))
    seen = [pk for pk in visible if is_searched({*family.changed.get(pk, ()), *shown.get(pk, ())})]
    if seen:
        reindex(seen)


def _concerned(family: Family) -> list[int]:
    """Survivors that show a changed record, those further below first."""
    if not family.merges:
        return []
    chains = [[pk, *family.above(pk)] for pk in family.changed]
    found = dict.fromkeys(pk for chain in chains for pk in chain if family.below(pk))
    return sorted(found, key=lambda pk: len(family.above(pk)), reverse=True)


def refold(family: Family, pks: Iterable[int]) -> dict[int, set[str]]:
    """Set the columns of these records to what they show with the merges of `family`; {record: fields that show anew}."""
    return {pk: _write_shown(family, pk) for pk in sorted(pks, key=lambda pk: len(family.above(pk)), reverse=True)}


def _write_shown(family: Family, pk: int) -> set[str]:
    row = family.rows[pk]
    if family.records[pk] is row:
        family.records[pk] = copy.copy(row)
    record = family.records[pk]
    picks = picks_of(family, pk)
    kept: dict[str, Any] = {}
    changed: set[str] = set()
    before = {name: standing_of(row, name) for name in {*picks, *fields_of(row)}}
    for name in before:
        own = standing_of(record, name)
        shown = _shown(family, picks[name], pk) if name in picks else own
        if (shown.value, shown.entry) != (own.value, own.entry):
            kept[name] = {"value": own.value, "entry": own.entry.as_json() if own.entry else None}
        if (shown.value, shown.entry) != (before[name].value, before[name].entry):
            put_standing(row, name, shown)
            if shown.value != before[name].value:
                changed.add(name)
    below = family.below(pk)
    row.own = {**(row.own or {}), "family": sorted(below), "fields": kept} if below else None
    return changed


def _shown(family: Family, pick: Pick, pk: int) -> Standing:
    entry = pick.entry
    if pick.record != pk:
        # What sources said of the duplicate stays with it; who said what is shown here is told.
        made = ms(family.records[pick.record].created_at)
        entry = Entry(entry.source, entry.at, entry.by) if entry else Entry(CREATED, made)
    return Standing(pick.value, entry, 0)


def picks_of(family: Family, pk: int) -> dict[str, Pick]:
    """{field: what `pk` shows of it and whose value that is}."""
    record = family.records[pk]
    children = [merge for merge in family.merges if merge.survivor_id == pk]
    merges = [
        Joined(ms(merge.merged_at), merge.by.get_username() if merge.by else "", merge.choices, picks_of(family, merge.duplicate_id))
        for merge in children
    ]
    names = {*fields_of(record), *(name for merge in merges for name in (*merge.shown, *merge.choices))}
    return {name: fold(name, own_pick(standing_of(record, name), pk), merges) for name in names}
