"""Fields of which nobody could tell which side is right: neither side is written until a person has decided in the review."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from scrm.connections.models import Connection
from scrm.contacts.models import Contact, FieldConflict
from scrm.core.rows import update_many
from scrm.sync import payloads
from scrm.sync.inlet import Unit, units_of
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord, Push
from scrm.sync.people import values_of
from scrm.sync.resolution import alike_all
from scrm.sync.services import Wanted, want_many

ROWS = 500


def release() -> int:
    """Let go of what was decided. Returns how many records may be written again. Safe to repeat."""
    freed, last = 0, 0
    while rows := list(ExternalRecord.objects.filter(held__isnull=False, pk__gt=last, kind=Kind.CONTACT).order_by("pk")[:ROWS]):
        last = rows[-1].pk
        for connection in Connection.objects.filter(pk__in={row.connection_id for row in rows}):
            freed += _release(connection, [row.pk for row in rows if row.connection_id == connection.pk])
    return freed


def _release(connection: Connection, pks: Collection[int]) -> int:
    units = units_of(payloads.specs_of(payloads.mappings_of(connection), Kind.CONTACT))
    with transaction.atomic():
        keys = list(ExternalRecord.objects.filter(pk__in=pks).values_list("key", flat=True))
        list(Push.objects.filter(connection=connection, kind=Kind.CONTACT, key__in=keys).order_by("pk").select_for_update(of=("self",)))
        rows = list(ExternalRecord.objects.filter(pk__in=pks, held__isnull=False).order_by("pk").select_for_update(of=("self",)))
        contacts = {row.pk: row for row in Contact.objects.filter(pk__in=[int(row.key) for row in rows])}
        waiting = _undecided(contacts.values())
        freed = [row for row in rows if int(row.key) in contacts and _let_go(row, contacts[int(row.key)], units, waiting)]
        update_many(ExternalRecord, freed, ["held", "seen", "base"])
        want_many((Wanted(connection.pk, Kind.CONTACT, row.key) for row in freed), at_once=True)
    return len(freed)


def _undecided(contacts: Collection[Contact]) -> set[tuple[int, str]]:
    rows = FieldConflict.objects.filter(contact__in=[row.pk for row in contacts], state=FieldConflict.State.OPEN)
    return set(rows.values_list("contact_id", "field"))


def _let_go(row: ExternalRecord, contact: Contact, units: list[Unit], waiting: set[tuple[int, str]]) -> bool:
    """Their value counts as known from now on: ours is written unless it is the same."""
    held: dict[str, Any] = dict(row.held or {})
    done = [unit for unit in units if set(unit.targets) & held.keys() and (contact.pk, unit.name) not in waiting]
    # A field that is not mapped any more waits for nobody.
    orphans = held.keys() - {target for unit in units for target in unit.targets}
    if not done and not orphans:
        return False
    values = values_of([contact], frozenset(spec.source for unit in done for spec in unit.specs))[row.key].values
    for unit in done:
        theirs, ours = tuple(held.get(target) for target in unit.targets), unit.ours(values)
        row.seen = (row.seen or {}) | dict(zip(unit.targets, theirs, strict=True))
        if alike_all(ours, theirs):
            row.base = row.base | dict(zip(unit.targets, ours, strict=True))
    gone = orphans | {target for unit in done for target in unit.targets}
    row.held = {name: value for name, value in held.items() if name not in gone} or None
    return True
