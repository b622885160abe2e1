"""A new CRM, from its first test call to the day it is live: what it has, which fields go together, what would happen, and the first load.

Nothing here writes to the CRM before `go_live`. A connection that is being set up is paused, so that no job calls it meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db import transaction

from connectors.contracts import Change, Crm, ObjectType
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import audit
from scrm.staff.models import User
from scrm.sync import initial, linking, payloads, people
from scrm.sync.defaults import MAPPINGS, PROPOSED, direction_of, install_mappings, prepare_again
from scrm.sync.inlet import Inlet, unit_name
from scrm.sync.mapping import Spec, Unmappable, to_ours, to_theirs
from scrm.sync.models import ExternalRecord, FieldMapping, Kind
from scrm.sync.resolution import alike
from scrm.sync.suggesting import Suggestion, suggest

SCHEMA_SECONDS = 600
# Records of theirs that a preview and a dry run look at.
LOOKED_AT = 200
PAGE = 100


class TwiceTheSame(ValueError):
    """Two fields of ours would be written to one of theirs; the message names it."""


def begin(connection: Connection, *, by: User) -> None:
    """No job calls the connection before a person lets it go live."""
    connections.pause(connection, by=by.username, reason="being set up")


def schema(connection: Connection, *, fresh: bool = False) -> dict[str, ObjectType]:
    """What the CRM has, {kind: type}; asked once in ten minutes with the same credentials. Raises connector errors."""
    key = f"schema:{connection.pk}:{connections.fingerprint(connection)[:16]}"
    known: dict[str, ObjectType] | None = None if fresh else cache.get(key)
    if known is None:
        known = {each.kind: each for each in connections.crm_of(connection).describe()}
        cache.set(key, known, SCHEMA_SECONDS)
    return known


def kinds(connection: Connection) -> list[str]:
    """The kinds that both sides have, contacts first."""
    there = schema(connection)
    return [kind for kind in Kind.values if kind in there and kind in payloads.SOURCES]


def suggestions(connection: Connection, kind: str) -> list[Suggestion]:
    """What a connection without mappings of this kind might begin with."""
    known = [*MAPPINGS.get(connection.adapter, ()), *PROPOSED.get(connection.adapter, ())]
    defaults = [(ours, theirs) for each, ours, theirs in known if each == kind]
    return suggest(schema(connection)[kind].fields, payloads.SOURCES[kind], defaults)


def suggested_direction(connection: Connection, kind: str, each: Suggestion) -> str:
    info = next((known for known in schema(connection)[kind].fields if known.name == each.target), None)
    if info is not None and not info.writable:
        return FieldMapping.Direction.IN.value
    if kind == Kind.CONTACT and each.source == "full_name":
        return FieldMapping.Direction.BOTH.value
    return direction_of(connection.adapter, kind, each.source)


def save_fields(connection: Connection, kind: str, chosen: Mapping[str, tuple[str, str]], *, by: User) -> None:
    """Make the mappings of a kind these, {ours: (theirs, direction)}; transforms and defaults are kept. Raises `TwiceTheSame`."""
    counted = Counter(target for target, _ in chosen.values())
    if twice := [target for target, number in counted.items() if number > 1]:
        raise TwiceTheSame(", ".join(sorted(twice)))
    with transaction.atomic():
        before = {row.source: row for row in FieldMapping.objects.select_for_update().filter(connection=connection, kind=kind)}
        was = {row.source: [row.target, row.direction] for row in before.values()}
        FieldMapping.objects.filter(connection=connection, kind=kind).delete()
        FieldMapping.objects.bulk_create(
            [_row(connection, kind, source, target, direction, before.get(source)) for source, (target, direction) in chosen.items()]
        )
        after = {source: list(said) for source, said in chosen.items()}
        if was != after:
            audit.record("sync.fields_changed", by=by, subject=connection, before=was, after={"kind": kind, **after})
        if not was and after:
            prepare_again(connection)


def _row(connection: Connection, kind: str, source: str, target: str, direction: str, before: FieldMapping | None) -> FieldMapping:
    kept = {"transform": before.transform, "options": before.options, "default": before.default} if before is not None else {}
    return FieldMapping(connection=connection, kind=kind, source=source, target=target, direction=direction, **kept)


# --- what would happen ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One mapped field of a real person: what both sides hold and would get from the other. `trouble`: why theirs does not fit."""

    source: str
    target: str
    direction: str
    ours: Any
    theirs: Any
    outgoing: Any
    incoming: Any
    trouble: str = ""

    @property
    def differs(self) -> bool:
        return not alike(self.outgoing, self.theirs if self.theirs is not None else "")

    @property
    def arrives(self) -> bool:
        """Theirs would change something here, if it were the later one."""
        return bool(self.incoming) and not alike(self.incoming, self.ours if self.ours is not None else "")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`records`: looked at over there, `all_seen` when there are no more. `people`: contacts here, `unlinked`: to be written anew.

    `fields`: {our field: (would come, would go, differ on both sides)} among the records that belong to somebody here.
    """

    records: int = 0
    all_seen: bool = True
    keyed: int = 0
    met: int = 0
    doubtful: int = 0
    new: int = 0
    people: int = 0
    unlinked: int = 0
    fields: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def look(connection: Connection) -> tuple[list[Line], Foreseen]:
    """Read some records, change nothing: one person as an example, and the counts of what would happen. Raises connector errors."""
    crm = connections.crm_of(connection)
    rows = list(FieldMapping.objects.filter(connection=connection, kind=Kind.CONTACT, enabled=True))
    inlet = Inlet.of(connection, crm, Kind.CONTACT.value, rows)
    changes, more = _read(crm)
    known = _known(connection, changes)
    strangers = [change for change in changes if change.id not in known]
    fates = linking.foresee(inlet, strangers)
    pairs = known | {record_id: pk for record_id, (_, pk) in fates.items() if pk is not None}
    ours = _sources(inlet, pairs.values())
    counts = Counter(word for word, _ in fates.values())
    everybody = Contact.objects.current().count()
    linked = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT).count()
    foreseen = Foreseen(
        records=len(changes),
        all_seen=not more,
        keyed=counts["key"] + len(known),
        met=counts["address"],
        doubtful=counts["doubt"],
        new=counts["new"],
        people=everybody,
        unlinked=max(everybody - linked - len(set(pairs.values()) - set(known.values())), 0),
        fields=_compared(inlet.specs, changes, pairs, ours),
    )
    return _example(inlet, changes, pairs, ours), foreseen


def _read(crm: Crm) -> tuple[list[Change], bool]:
    found: list[Change] = []
    cursor: dict[str, Any] = {}
    while len(found) < LOOKED_AT:
        page = crm.changes(Kind.CONTACT.value, cursor, PAGE)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            return found[:LOOKED_AT], False
    return found[:LOOKED_AT], True


def _known(connection: Connection, changes: Sequence[Change]) -> dict[str, int]:
    rows = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT, external_id__in=[change.id for change in changes])
    return {external_id: int(key) for external_id, key in rows.values_list("external_id", "key") if key.isdecimal()}


def _sources(inlet: Inlet, contacts: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    rows = list(Contact.objects.current().filter(pk__in=set(contacts)))
    values = people.values_of(rows, inlet.wanted) if rows else {}
    return {row.pk: values[str(row.pk)].values for row in rows}


def _compared(
    specs: Sequence[Spec], changes: Sequence[Change], pairs: Mapping[str, int], ours: Mapping[int, Mapping[str, Any]]
) -> dict[str, tuple[int, int, int]]:
    found: dict[str, list[int]] = {}
    for change in changes:
        mine = ours.get(pairs.get(change.id, 0))
        for spec in specs if mine is not None else ():
            counts = found.setdefault(spec.source, [0, 0, 0])
            out, there = to_theirs((mine or {}).get(spec.source), spec), change.fields.get(spec.target) or ""
            if alike(out, there):
                continue
            counts[0 if not out else 1 if not there else 2] += 1
    return {source: (counts[0], counts[1], counts[2]) for source, counts in found.items() if any(counts)}


def _example(inlet: Inlet, changes: Sequence[Change], pairs: Mapping[str, int], ours: Mapping[int, Mapping[str, Any]]) -> list[Line]:
    """The record that says most, of somebody who is known here if there is one; else theirs and nobody, else our newest contact alone."""
    said = [
        (change.id in pairs and pairs[change.id] in ours, sum(bool(change.fields.get(s.target)) for s in inlet.specs), change)
        for change in changes
    ]
    change = max(said, key=lambda each: each[:2], default=(False, 0, None))[2]
    mine: Mapping[str, Any] = ours.get(pairs.get(change.id, 0), {}) if change is not None else {}
    if change is None:
        newest = Contact.objects.current().order_by("-pk").first()
        mine = _sources(inlet, [newest.pk])[newest.pk] if newest is not None else {}
    return [_line(spec, mine, change.fields if change is not None else {}) for spec in inlet.specs]


def _line(spec: Spec, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Line:
    there, trouble = theirs.get(spec.target), ""
    incoming: Any = ""
    try:
        incoming = to_ours(there, spec) if spec.comes_in else ""
    except Unmappable as error:
        trouble = str(error)
    outgoing = to_theirs(mine.get(spec.source), spec) if spec.goes_out else ""
    return Line(spec.source, spec.target, spec.direction, mine.get(spec.source), there, outgoing, incoming, trouble)


# --- live -----------------------------------------------------------------------------------------------------------


def is_live(connection: Connection) -> bool:
    return connection.state in (Connection.State.ACTIVE, Connection.State.WAITING)


def go_live(connection: Connection, *, by: User) -> None:
    """Let the jobs call the connection; everybody here follows once what the CRM already has was read. Safe to repeat."""
    install_mappings(connection)
    with transaction.atomic():
        initial.begin(connection)
        if connections.resume(connection):
            audit.record("sync.went_live", by=by, subject=connection)


__all__ = ["Foreseen", "Line", "begin", "go_live", "is_live", "kinds", "look", "save_fields", "schema", "suggestions", "unit_name"]
