"""The ids that people's records have in a CRM, for what hangs on them there."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scrm.connections.models import Connection
from scrm.contacts import family
from scrm.contacts.models import Contact
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord

# Our field of an order, a deal or a case that holds whose it is.
CONTACT = "contact"
NOBODY = "The person it belongs to is not linked to anybody here."
SEVERAL = "It belongs to several people here, and the CRM names none of them as the main one."


def ids_of(connection: Connection, contacts: Iterable[int]) -> dict[int, str]:
    """{contact: the id of its record there}."""
    keys = {str(pk) for pk in contacts}
    rows = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT, key__in=keys, removed_at=None) if keys else []
    return {int(row.key): row.external_id for row in rows}


def of_all(connection: Connection, contacts: Iterable[Contact | None], wanted: Collection[str]) -> dict[int, str]:
    """{contact: the id of its person's record there}, where `contact` is among the fields that are wanted."""
    roots = {each.pk: each.merged_into_id or each.pk for each in contacts if each is not None} if CONTACT in wanted else {}
    there = ids_of(connection, roots.values())
    return {pk: there[root] for pk, root in roots.items() if root in there}


def people_of(connection: Connection, ids: Collection[str]) -> dict[str, Contact]:
    """{id of the record there: whose it is now}."""
    rows = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT, external_id__in=ids) if ids else []
    keys = {row.external_id: int(row.key) for row in rows if row.key.isdecimal()}
    there = family.current(set(keys.values()))
    return {each: there[pk] for each, pk in keys.items() if pk in there}


# Under this kind of address the records of erased people are remembered.
CRM = "crm"


def erased_name(connection: Connection, kind: str, external_id: str) -> str:
    """How an erased person's record is remembered. People's own without the kind."""
    return f"{connection.slug}:{external_id}" if kind == Kind.CONTACT else f"{connection.slug}:{kind}:{external_id}"
