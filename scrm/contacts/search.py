"""The search index over people: names, company, e-mail, usernames and the ends of phone numbers."""

from __future__ import annotations

from collections.abc import Iterable

from scrm.contacts.models import Contact, Identity
from scrm.core.search import SearchIndex

contact_index = SearchIndex("contacts_search", Contact)


def searchable(contact: Contact, identities: Iterable[Identity]) -> str:
    return "\n".join([contact.name, contact.company, *map(_address, identities)])


def _address(identity: Identity) -> str:
    return identity.e164 or (f"+{identity.value}" if identity.kind == Identity.Kind.WHATSAPP else identity.value)


def reindex(contact_ids: Iterable[int]) -> None:
    """Bring the index up to date for these people; call it in the transaction that changes them."""
    ids = list(contact_ids)
    identities: dict[int, list[Identity]] = {}
    for identity in Identity.objects.filter(contact_id__in=ids, valid_to=None):
        identities.setdefault(identity.contact_id, []).append(identity)
    contacts = list(Contact.objects.filter(pk__in=ids))
    others = _names_below([contact for contact in contacts if contact.own])
    contact_index.replace(
        (contact.pk, "\n".join([searchable(contact, identities.get(contact.pk, [])), *others.get(contact.pk, ())])) for contact in contacts
    )


def _names_below(survivors: list[Contact]) -> dict[int, list[str]]:
    """What else these people are called: by themselves, where a merge shows another name, and as their duplicates."""
    found = {row.pk: [str((row.own or {}).get("fields", {}).get("name", {}).get("value") or "")] for row in survivors}
    if found:
        for root, name in Contact.objects.filter(merged_into__in=found).exclude(name="").values_list("merged_into", "name"):
            found[root or 0].append(name)
    return found
