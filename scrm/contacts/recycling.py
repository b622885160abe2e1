"""Numbers that change hands without a word: the same number comes with another user id of the same business portfolio.

WhatsApp gives a user one id for each portfolio and a new one with each new number, which it announces. A known number with an unknown id
and no announcement is therefore somebody else: the carrier gave the number away. The number ends with the old person, who keeps the
history and the user id, and a new person begins with it. A supervisor sees both and may say that they are one person after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError

from connectors.contracts import Address
from scrm.contacts import events
from scrm.contacts.addressing import Key, key_of
from scrm.contacts.claims import Claim, Kind, mark_shared, raise_claims
from scrm.contacts.models import Event, Identity
from scrm.contacts.newcomers import Sender, new_contact, new_identity
from scrm.contacts.search import reindex
from scrm.core import clock

# Codes of `Identity.shared_reason`.
USER_IDS_ALTERNATE, NAMES_DIFFER, SAID_BY_STAFF = "user_ids", "names", "staff"

Owners = dict[int, list[Identity]]


def owners_by_user_id(numbers: Sequence[Identity]) -> Owners:
    """The WhatsApp numbers and user ids of the people behind these numbers, by contact; one query, none for no numbers."""
    if not numbers:
        return {}
    kinds = (Identity.Kind.WHATSAPP, Identity.Kind.WHATSAPP_USER)
    found: Owners = {}
    for row in Identity.objects.filter(contact_id__in={number.contact_id for number in numbers}, kind__in=kinds, valid_to=None):
        found.setdefault(row.contact_id, []).append(row)
    return found


def former_owner(number: Identity, fresh: Iterable[Address], owners: Owners) -> Identity | None:
    """The user id that this number came with until now, when it comes with an unknown one of the same portfolio; else None."""
    if number.kind != Identity.Kind.WHATSAPP or number.contact_id not in owners:
        return None
    scopes = {address.scope for address in fresh if address.kind == "whatsapp_user"}
    mine = [row for row in owners[number.contact_id] if row.home_id == number.home_id]
    ids = [row for row in mine if row.kind == Identity.Kind.WHATSAPP_USER and row.scope in scopes]
    paired = [row for row in ids if row.stated_with_id == number.pk]
    loose = [row for row in ids if row.stated_with_id is None]
    # An id of which it is not known which number it came with can only be this number's when there is no other.
    if not paired and sum(row.kind == Identity.Kind.WHATSAPP for row in mine) > 1:
        return None
    return max(paired or loose, key=lambda row: (row.valid_from, row.pk), default=None)


def recycle(sender: Sender, number: Identity, before: Identity, fresh: Sequence[Address]) -> dict[Key, Identity]:
    """Begin a new person with the number and the unknown user id; the identities that are new, by key.

    A message from before the known user id was first seen came from the number's owner before that: their person begins without the
    number, which is not theirs any more.
    """
    at = sender.at or clock.now()
    late = at < before.valid_from
    if not late and not Identity.objects.filter(pk=number.pk, valid_to=None).update(valid_to=at):
        raise IntegrityError("another worker has seen the number change hands")
    contact = new_contact(sender, clock.now())
    contact.save()
    address = Address("whatsapp", number.value, number.scope)
    fresh_number = new_identity(contact, address, Identity.Verified.INBOUND, at)
    fresh_number.valid_to = before.valid_from if late else None
    rows = [fresh_number, *(new_identity(contact, each, Identity.Verified.PLATFORM, at) for each in fresh)]
    Identity.objects.bulk_create(rows)
    if not late:
        number.valid_to = at
    reindex([number.contact_id, contact.pk])
    events.record([Event(contact=contact, kind="contact.created", occurred_at=clock.now(), data={"name": contact.name})])
    detail = {"before": before.value, "now": next((row.value for row in rows if row.kind == Identity.Kind.WHATSAPP_USER), "")}
    raise_claims([Claim(Kind.RECYCLED, fresh_number, number.contact_id, detail, at)])
    return {key_of(row): row for row in rows if row.valid_to is None}


def earlier_owners(pairs: Sequence[tuple[Identity, Identity]]) -> dict[tuple[str, int], Identity]:
    """Of each (number, address that leads to another person): the row by which that person had the number before; newest first."""
    people = {other.contact_id for _, other in pairs}
    values = {lead.value for lead, _ in pairs if lead.kind == Identity.Kind.WHATSAPP}
    rows = Identity.objects.filter(contact_id__in=people, kind=Identity.Kind.WHATSAPP, value__in=values, valid_to__isnull=False)
    return {(row.value, row.contact_id): row for row in rows.order_by("valid_to", "pk")}


def wrote_again(number: Identity, other: Identity, before: Identity | None, at: datetime) -> bool:
    """Whether the user id decides who writes from a number: its owner had the number before.

    A message from that time only came late. A later one means that both go on writing from the number: they share it.
    """
    if number.kind != Identity.Kind.WHATSAPP or other.kind != Identity.Kind.WHATSAPP_USER:
        return False
    if before is None:
        return number.shared_since is not None and number.shared_reason == USER_IDS_ALTERNATE
    if before.valid_to is not None and at > before.valid_to and number.shared_since is None:
        mark_shared(number, USER_IDS_ALTERNATE, other.contact_id, at=at)
    return True
