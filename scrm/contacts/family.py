"""Who belongs to one person: the survivor and all duplicates that were merged into it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from scrm.contacts.models import Contact, Identity


def family_of(contact: Contact) -> list[int]:
    """The person's records, survivor first. Asks nothing of a survivor; of a duplicate, its survivor's."""
    if contact.merged_into_id is not None:
        return family_ids(contact.merged_into_id)
    return [contact.pk, *(contact.own or {}).get("family", ())]


def family_ids(contact_id: int) -> list[int]:
    """The same by id, of any of the records; the id alone when there is no such contact."""
    root = root_of(contact_id)
    return [root, *Contact.objects.filter(merged_into=root).order_by("pk").values_list("pk", flat=True)]


def root_of(contact_id: int) -> int:
    """Whom this record shows as now; itself when it was not merged."""
    found = Contact.objects.filter(pk=contact_id).values_list("merged_into", flat=True).first()
    return contact_id if found is None else found


def by_root(contacts: Iterable[Contact]) -> dict[int, int]:
    """{record: survivor} of all records of these people, without a query for those that are current."""
    found: dict[int, int] = {}
    for contact in contacts:
        for pk in family_of(contact):
            found[pk] = contact.pk
    return found


def record_behind(identity: Identity) -> int:
    """The record to which what comes by this address belongs, merged or not."""
    return identity.home_id or identity.contact_id


def rooted(path: str = "contact") -> Coalesce:
    """The survivor of the contact at `path`, for queries over many people."""
    return Coalesce(F(f"{path}__merged_into"), F(path))


def within(contact_ids: Collection[int], path: str = "contact") -> Q:
    """Rows that hang on these people or on their duplicates."""
    return Q(**{f"{path}__in": contact_ids}) | Q(**{f"{path}__merged_into__in": contact_ids})


def current(contact_ids: Collection[int]) -> dict[int, Any]:
    """{id: the survivor} of these contacts; one query, and another when one of them was merged."""
    rows = list(Contact.objects.filter(pk__in=contact_ids)) if contact_ids else []
    moved = {row.merged_into_id for row in rows if row.merged_into_id is not None}
    survivors = Contact.objects.in_bulk(moved) if moved else {}
    return {row.pk: survivors.get(row.merged_into_id, row) for row in rows}
