"""A contact as a CRM wants it. Each group of fields has its query, made only when one of them is mapped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max

from scrm.connections.models import Connection
from scrm.contacts.family import by_root
from scrm.contacts.models import Contact, Identity
from scrm.contacts.names import split_name
from scrm.contacts.records import CUSTOM, value_of
from scrm.conversations.models import Conversation
from scrm.sync.models import ExternalRecord, Kind
from scrm.sync.sources import Source, numbers, stamp
from scrm.tags.models import TagAssignment

_COLUMNS: dict[str, Callable[[Contact], str]] = {
    "first_name": lambda contact: _split(contact)[0],
    "last_name": lambda contact: _split(contact)[1],
    "full_name": lambda contact: contact.name,
    "company": lambda contact: contact.company,
    "country": lambda contact: contact.country,
    "language": lambda contact: contact.language,
    "priority": lambda contact: contact.priority,
    "time_zone": lambda contact: contact.time_zone,
    "birthday": lambda contact: contact.birthday.isoformat() if contact.birthday else "",
    "address": lambda contact: contact.address,
    "city": lambda contact: contact.city,
    "state": lambda contact: contact.state,
    "postal_code": lambda contact: contact.postal_code,
    "notes": lambda contact: contact.notes,
    "scrm_id": lambda contact: str(contact.pk),
}
_ADDRESSES = ("phone", "email", "whatsapp_user_id", "username")
SOURCES = (*_COLUMNS, *_ADDRESSES, "tags", "last_message_at", "opted_out")

# The number that a person writes from says more than one that was typed.
_PHONE_ORDER = (Identity.Kind.WHATSAPP, Identity.Kind.PHONE)


def load(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The contacts that exist and were not merged into another. `custom.<key>` are the further fields."""
    return values_of(list(Contact.objects.current().filter(pk__in=numbers(keys))), wanted)


def values_of(contacts: Sequence[Contact], wanted: frozenset[str]) -> dict[str, Source]:
    """What these rows say, {key: values}: of a survivor with what its merges show, of a single record by itself."""
    ids = [contact.pk for contact in contacts]
    people = by_root([contact for contact in contacts if contact.merged_into_id is None])
    found: dict[int, dict[str, Any]] = {c.pk: _columns(c, wanted) for c in contacts}
    if wanted & {*_ADDRESSES, "opted_out"}:
        _add_addresses(ids, found)
    if "tags" in wanted:
        _add_tags(people, found)
    if "last_message_at" in wanted:
        _add_last_message(ids, found)
    return {str(pk): Source(values) for pk, values in found.items()}


def _columns(contact: Contact, wanted: frozenset[str]) -> dict[str, Any]:
    further = {name: value_of(contact, name) for name in wanted if name.startswith(CUSTOM)}
    return {name: _COLUMNS[name](contact) for name in wanted & set(_COLUMNS)} | further


def count_records(contact_ids: Collection[int]) -> int:
    """How many CRM records these contacts have."""
    return ExternalRecord.objects.filter(kind=Kind.CONTACT, key__in=[str(pk) for pk in contact_ids]).count()


def _split(contact: Contact) -> tuple[str, str]:
    return split_name(contact.name, country=contact.country, language=contact.language)


def _add_addresses(ids: Sequence[int], found: dict[int, dict[str, Any]]) -> None:
    current: dict[int, list[Identity]] = defaultdict(list)
    for identity in Identity.objects.filter(contact_id__in=ids, valid_to=None).order_by("valid_from", "id"):
        current[identity.contact_id].append(identity)
    for pk, identities in current.items():
        found[pk] |= {
            "phone": next((i.e164 for kind in _PHONE_ORDER for i in identities if i.kind == kind and i.e164), ""),
            "email": _first(identities, Identity.Kind.EMAIL),
            "whatsapp_user_id": _first(identities, Identity.Kind.WHATSAPP_USER),
            "username": _first(identities, Identity.Kind.USERNAME),
            "opted_out": "true" if any(i.opted_out_at for i in identities) else "false",
        }


def _first(identities: Sequence[Identity], kind: str) -> str:
    return next((identity.value for identity in identities if identity.kind == kind), "")


def _add_tags(people: dict[int, int], found: dict[int, dict[str, Any]]) -> None:
    """`people`: {record: its survivor}; what several records have is told once."""
    rows = TagAssignment.objects.filter(contact_id__in=people, removed_at=None).order_by("tag__name")
    for record, name in rows.values_list("contact_id", "tag__name"):
        tags = found[people[record]].setdefault("tags", [])
        if name not in tags:
            tags.append(name)


def _add_last_message(ids: Sequence[int], found: dict[int, dict[str, Any]]) -> None:
    rows = Conversation.objects.filter(identity__contact_id__in=ids).order_by().values_list("identity__contact_id")
    newest: datetime
    for pk, newest in rows.annotate(newest=Max("last_message_at")):
        found[pk]["last_message_at"] = stamp(newest)
