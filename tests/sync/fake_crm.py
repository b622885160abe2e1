"""A CRM in memory that keeps the contract of `connectors.contracts.Crm`, with faults on request.

`FarSide` is the CRM's own database and survives its adapters; `FakeCrm` is the adapter, found through the registry like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.contracts import (
    Account,
    Capabilities,
    Change,
    ConfigField,
    Health,
    Hint,
    Json,
    ObjectType,
    Outcome,
    Page,
    Person,
    Removal,
    Write,
)
from connectors.errors import ConnectorError, OutcomeUnknown
from scrm.core import clock


class Killed(BaseException):
    """The process died here."""


@dataclass
class FarSide:
    """`calls` are the writes of each call, `fields` and `joined` the records by their id there."""

    fields: dict[str, Json] = field(default_factory=dict)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    joined: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    calls: list[list[Write]] = field(default_factory=list)
    prepared: int = 0
    next_id: int = 101
    versions: dict[str, int] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)
    # What is no contact.
    kinds: dict[str, str] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    # Whom a record belongs to, apart from it.
    people: dict[str, tuple[Person, ...]] = field(default_factory=dict)
    # What the CRM makes of values that it is given.
    tidies: Callable[[str, Any], Any] | None = None
    overlap: timedelta = timedelta(seconds=120)
    reads: int = 0
    stamps: bool = False
    ticks: int = 0
    # Faults.
    refused: dict[str, str] = field(default_factory=dict)
    choking: set[str] = field(default_factory=set)
    one_by_one: bool = False
    down: ConnectorError | None = None
    dies_after: bool = False
    meanwhile: Callable[[], None] | None = None

    def record(self, kind: str, key: str) -> Json:
        return self.fields[self.ids[kind, key]]

    def writes(self) -> list[Write]:
        return [write for call in self.calls for write in call]

    def delete(self, kind: str, key: str) -> None:
        del self.fields[self.ids.pop((kind, key))]

    # --- what people do over there ---

    def add(self, record_id: str = "", *, at: datetime | None = None, kind: str = "contact", **fields: Any) -> str:
        """A new record in the CRM."""
        record_id = record_id or self.new_id()
        self.kinds[record_id] = kind
        self.put(record_id, fields, at=at)
        return record_id

    def put(self, record_id: str, fields: Json, *, at: datetime | None = None) -> None:
        self.fields.setdefault(record_id, {}).update(fields)
        self.ticks += 1
        self.versions[record_id] = self.ticks
        self.modified[record_id] = at or clock.now()

    def remove(self, record_id: str, merged_into: str = "") -> None:
        del self.fields[record_id]
        self.removed.append((record_id, merged_into))

    def change(self, record_id: str) -> Change:
        return Change(
            self.kind_of(record_id),
            record_id,
            str(self.versions.get(record_id, "")),
            self.modified.get(record_id),
            dict(self.fields[record_id]),
            self.people.get(record_id, ()),
        )

    def kind_of(self, record_id: str) -> str:
        return self.kinds.get(record_id, "contact")

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)

    def merge(self, kind: str, key: str) -> str:
        """The record lives on under another id."""
        old, new = self.ids[kind, key], self.new_id()
        self.fields[new], self.ids[kind, key], self.merged[old] = self.fields.pop(old), new, new
        return new


FAR_SIDES: dict[str, FarSide] = {}


class FakeCrm:
    slug = "fake"
    label = "CRM in memory"
    fields = (ConfigField("token", "Token", secret=True),)
    capabilities = Capabilities(
        resolution=timedelta(milliseconds=1), conditional=False, batch=100, feeds=frozenset({"changes", "deletes", "merges", "webhook"})
    )

    def __init__(self, account: Account) -> None:
        self.far = FAR_SIDES[account.slug]

    def check(self) -> Health:
        self._fail_if_down()
        return Health(True, timedelta(milliseconds=20), "answers", {"plan": "test"})

    def prepare(self) -> None:
        self._fail_if_down()
        self.far.prepared += 1

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        self.far.calls.append(list(writes))
        if self.far.meanwhile:
            hook, self.far.meanwhile = self.far.meanwhile, None
            hook()
        self._fail_if_down()
        at = next((place for place, write in enumerate(writes) if write.key in self.far.choking), None)
        if at is not None:
            error = OutcomeUnknown("The server broke", code="HTTP 500")
            if self.far.one_by_one:
                error.before = tuple(self._one(write) for write in writes[:at])
            raise error
        outcomes = [self._one(write) for write in writes]
        if self.far.dies_after:
            self.far.dies_after = False
            raise Killed
        return outcomes

    def _fail_if_down(self) -> None:
        if self.far.down:
            raise self.far.down

    def _one(self, write: Write) -> Outcome:
        if write.key in self.far.refused:
            return Outcome(write.key, "rejected", write.id, reason=self.far.refused[write.key])
        if write.id in self.far.merged:
            return Outcome(write.key, "moved", self.far.merged[write.id])
        if write.id and write.id not in self.far.fields:
            return Outcome(write.key, "gone", write.id)
        known = write.id or self.far.ids.get((write.kind, write.key), "")
        record_id = known or self.far.new_id()
        self.far.ids[write.kind, write.key] = record_id
        self.far.kinds[record_id] = write.kind
        tidied = {name: self.far.tidies(name, value) if self.far.tidies else value for name, value in write.fields.items()}
        self.far.put(record_id, {**tidied, "scrm_id": write.key} if self.far.stamps else tidied)
        lost = [link.id for link in write.links if link.id not in self.far.fields]
        self.far.joined.setdefault(record_id, set()).update((link.kind, link.id) for link in write.links if link.id not in lost)
        reason = f"not associated with {', '.join(lost)}" if lost else ""
        return Outcome(write.key, "updated" if known else "created", record_id, str(self.far.versions[record_id]), reason=reason)

    def describe(self) -> list[ObjectType]:
        return []

    def changes(self, kind: str, cursor: Json, limit: int) -> Page:
        """By (time, id), from the position on; a new run begins a little before the end of the last one."""
        self._fail_if_down()
        last = (cursor.get("at", ""), int(cursor.get("id", 0)))
        rows = sorted(
            (self.far.modified[each].isoformat(timespec="milliseconds"), int(each))
            for each in self.far.fields
            if each in self.far.modified and self.far.kind_of(each) == kind
        )
        page = [row for row in rows if row > last][:limit]
        found = tuple(self.far.change(str(number)) for _, number in page)
        if len(page) == limit:
            return Page(found, {"at": page[-1][0], "id": page[-1][1]}, True)
        return Page(found, {"at": (clock.now() - self.far.overlap).isoformat(timespec="milliseconds"), "id": 0}, False)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        self._fail_if_down()
        start = int(cursor.get("read", 0))
        rows = self.far.removed[start : start + 100]
        more = len(self.far.removed) > start + 100
        gone = tuple(Removal(kind, old, new) for old, new in rows if self.far.kind_of(old) == kind)
        return Page(gone, {"read": start + len(rows)}, more)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        self._fail_if_down()
        self.far.reads += 1
        return [self.far.change(each) for each in ids if each in self.far.fields and self.far.kind_of(each) == kind]

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        return []


def keys(writes: Sequence[Write]) -> list[tuple[str, str]]:
    return [(write.kind, write.key) for write in writes]
