"""The people that an order, a deal or a case names by their records' ids in the CRM."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from connectors.contracts import Change
from scrm.connections.models import Connection
from scrm.contacts import family
from scrm.contacts.models import Contact
from scrm.contacts.privacy.digests import erased
from scrm.core import clock
from scrm.sync.asking import ask
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.linking import ERASED, Met
from scrm.sync.models import ExternalRecord, Pull
from scrm.sync.person_ids import CONTACT, CRM, erased_name

NOBODY = "The person it belongs to is not linked to anybody here."
LATER = timedelta(seconds=5)


def people_of(connection: Connection, ids: Collection[str]) -> dict[str, Contact]:
    """{id of the record there: whose it is now}."""
    rows = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT, external_id__in=ids) if ids else []
    keys = {row.external_id: int(row.key) for row in rows if row.key.isdecimal()}
    there = family.current(set(keys.values()))
    return {each: there[pk] for each, pk in keys.items() if pk in there}


def named_by(inlet: Inlet, change: Change) -> str:
    """The id of the person's record, '' when the record names nobody or the field is not mapped."""
    return next((str(change.fields.get(spec.target) or "")[:100] for spec in inlet.specs if spec.source == CONTACT), "")


def named(inlet: Inlet, changes: Sequence[Change]) -> Mapping[str, Contact]:
    return people_of(inlet.connection, {each for change in changes if (each := named_by(inlet, change))})


def not_known(inlet: Inlet, person_id: str) -> Met:
    """Of a record whose person is not linked here: read that one first, unless that was tried and led to nobody."""
    row = Pull.objects.filter(connection=inlet.connection, kind=Kind.CONTACT, external_id=person_id).first()
    if row is not None and row.state != Pull.State.DUE:
        return Met(reason=NOBODY)
    if row is None:
        ask(inlet.connection.pk, [(Kind.CONTACT.value, person_id)])
    wait = max(row.due_at - clock.now(), LATER) if row is not None else LATER
    return Met(reason="Waits for its person, who is read first.", wait=wait)


def erased_here(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    """Those that belonged to somebody who was erased here: a copy brings nothing back."""
    gone = erased((CRM, erased_name(inlet.connection, inlet.kind, change.id)) for change in changes)
    return {change.id: Met(reason=ERASED) for change in changes if (CRM, erased_name(inlet.connection, inlet.kind, change.id)) in gone}
