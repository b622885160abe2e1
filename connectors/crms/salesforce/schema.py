"""Fields as the org describes them, remembered for a while, and what Salesforce itself tells of its objects."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.contracts import FieldInfo, ObjectType
from connectors.crms.salesforce.items import DESCRIBED
from connectors.crms.salesforce.objects import KEY, LEAD, NEEDED, PLACES, place
from connectors.crms.salesforce.refusals import refusal
from connectors.crms.salesforce.wire import Wire, rows_in
from connectors.errors import Gone, Misconfigured, OutcomeUnknown
from connectors.untrusted import Json, as_list, as_object, as_text

KEPT_SECONDS = 900.0
# Parts of other fields, files, and answers that no list query can carry.
_UNREADABLE = frozenset({"address", "location", "base64", "complexvalue", "json"})


@dataclass(frozen=True, slots=True)
class Described:
    """One object of the org. `types`: {field that can be read: its type}; `key`: how our unique field stands, None when it is missing."""

    sobject: str
    label: str
    fields: tuple[FieldInfo, ...]
    types: Mapping[str, str]
    writable: frozenset[str]
    key: Json | None = field(default=None)

    @property
    def readable(self) -> list[str]:
        return list(self.types)

    @property
    def upserts(self) -> bool:
        """Whether a record can be written by our key in one step: only by an external id that is also unique."""
        return self.key is not None and self.key.get("externalId") is True and self.key.get("unique") is True


class Schema:
    """Descriptions of one org. Safe to use from several threads: two that ask at once may ask twice."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: dict[str, tuple[float, Described]] = {}
        self._lock = threading.Lock()

    def of(self, sobject: str) -> Described:
        """Raises `Gone` for an object that the org does not have or does not show."""
        with self._lock:
            known = self._known.get(sobject)
        if known is not None and time.monotonic() - known[0] < KEPT_SECONDS:
            return known[1]
        found = self._read(sobject)
        with self._lock:
            self._known[sobject] = (time.monotonic(), found)
        return found

    def forget(self) -> None:
        with self._lock:
            self._known.clear()

    def present(self, kinds: tuple[str, ...] = tuple(PLACES)) -> list[str]:
        """The kinds that this org keeps. Raises `Misconfigured` when one is missing that nothing works without."""
        found = []
        for kind in kinds:
            try:
                self.of(place(kind).sobject)
            except Gone as error:
                if kind in NEEDED:
                    raise Misconfigured(
                        f"The app's user may not see {place(kind).sobject} in Salesforce; give it the right to read and write it",
                        code=error.code,
                    ) from error
            else:
                found.append(kind)
        return found

    def _read(self, sobject: str) -> Described:
        reply = self._wire.send("GET", self._wire.path("sobjects", sobject, "describe"))
        if not reply.ok:
            raise refusal(reply)
        document = as_object(reply.json())
        rows = rows_in(document, "fields")
        if not any(as_text(row.get("name")) == "Id" for row in rows):
            raise OutcomeUnknown(f"Salesforce's description of {sobject} has no fields", code=f"HTTP {reply.status}")
        usable = [row for row in rows if as_text(row.get("name")) and as_text(row.get("type")) not in _UNREADABLE]
        fields = tuple(field_info(row) for row in usable)
        return Described(
            sobject=sobject,
            label=as_text(document.get("labelPlural")) or as_text(document.get("label")) or sobject,
            fields=fields,
            types={each.name: each.type for each in fields},
            writable=frozenset(each.name for each in fields if each.writable),
            key=next((row for row in usable if row.get("name") == KEY), None),
        )


def field_info(given: Json) -> FieldInfo:
    name = as_text(given.get("name"))
    return FieldInfo(
        name=name,
        label=as_text(given.get("label")) or name,
        type=as_text(given.get("type")),
        choices=tuple(
            as_text(each.get("value")) for each in map(as_object, as_list(given.get("picklistValues"))) if each.get("active") is not False
        ),
        writable=given.get("updateable") is True or given.get("createable") is True,
        unique=given.get("unique") is True,
    )


def describe_kinds(schema: Schema, person: str) -> list[ObjectType]:
    """The kinds that the org keeps. A person's fields are those of the object that new people go to."""
    found = []
    for kind in schema.present():
        sobject = person if kind == "contact" else place(kind).sobject
        described = schema.of(sobject)
        label = described.label if sobject != LEAD else f"{described.label} (until qualified)"
        found.append(ObjectType(kind, label, (*described.fields, DESCRIBED) if kind == "order" else described.fields))
    return found
