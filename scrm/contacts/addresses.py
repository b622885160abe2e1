"""Addresses that are typed by staff, imported, or stated by a CRM or a partner: nothing is guessed, and nothing is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from scrm.contacts import addressing, events, phone
from scrm.contacts.claims import mark_shared
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.names_apart import clearly_apart
from scrm.contacts.recycling import NAMES_DIFFER
from scrm.contacts.search import reindex
from scrm.core import clock

# They say what somebody else wrote down of a person; staff who type a number have the person before them.
HEARSAY = frozenset({Identity.Verified.CRM, Identity.Verified.IMPORTED})
NUMBERS = (Identity.Kind.WHATSAPP, Identity.Kind.PHONE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an address as typed comes to. `repair` says why it could not be read; `scope` then keeps it with its own person."""

    value: str
    typed: str = ""
    e164: str = ""
    repair: str = ""
    candidates: tuple[str, ...] = ()


def read(kind: str, raw: str, regions: Sequence[str] = ()) -> Reading:
    """The address in the form it is stored in."""
    text = raw.strip()[: addressing.LONGEST]
    if kind == Identity.Kind.EMAIL:
        value = addressing.email(text)
        return Reading(value, text if text != value else "", repair="" if addressing.is_email(value) else "is not an e-mail address")
    if kind != Identity.Kind.PHONE:
        return Reading(text)
    number = phone.parse(raw, regions)
    if isinstance(number, phone.Number):
        return Reading(number.e164, text if text != number.e164 else "", number.e164)
    return Reading(text, "", "", number.reason[:200], number.candidates)


def add_address(
    contact: Contact, *, kind: str, raw: str, regions: Sequence[str] = (), verified: str, by: str = "", origin: str = "", country: str = ""
) -> Identity:
    """Give a contact an address as typed, imported or synchronised. A number that cannot be read is kept for repair.

    Returns the current owner's identity when the address is already somebody's; the caller compares `contact_id`. But when an import or a
    CRM states one number for people with clearly different names, they share it: each has it, and it proves nothing from then on.
    `origin` ("import:12", "crm:hubspot") and the `country` of that connection help to say where an ambiguous number belongs.
    """
    reading = read(kind, raw, regions)
    root, home_id = (contact.merged_into, contact.pk) if contact.merged_into else (contact, None)
    with transaction.atomic():
        there = _there(kind, reading, contact, root.pk)
        if there is not None and not _shares(there, root, verified):
            return there
        identity = _identity(root, home_id, kind, reading, verified)
        if there is not None:
            now = clock.now()
            mark_shared(there, NAMES_DIFFER, root.pk, at=now)
            identity.scope, identity.shared_since, identity.shared_reason = _own_scope(contact), now, NAMES_DIFFER
        elif reading.repair:
            identity.scope = _own_scope(contact)
        identity.origin = origin
        identity.candidates = {"numbers": list(reading.candidates), "country": country} if reading.candidates else None
        identity.save()
        reindex([root.pk])
        data = {"fields": [kind], "by": by}
        events.record([Event(contact=root, identity=identity, kind="contact.changed", occurred_at=clock.now(), data=data)])
    return identity


def _own_scope(contact: Contact) -> str:
    """A number that is not read, or that several people have, is found only beside its own person."""
    return f"contact:{contact.pk}"


def _there(kind: str, reading: Reading, contact: Contact, root_id: int) -> Identity | None:
    """Who has the address: this person first."""
    if reading.repair:
        return Identity.objects.filter(kind=kind, scope=_own_scope(contact), value=reading.value, valid_to=None).first()
    wanted = Identity.objects.filter(valid_to=None).select_related("contact")
    if reading.e164:
        rows = list(wanted.filter(e164=reading.e164, kind__in=NUMBERS).order_by("pk"))
    else:
        rows = list(wanted.filter(kind=kind, scope="", value=reading.value).exclude(kind=Identity.Kind.USERNAME))
    return next((row for row in rows if row.contact_id == root_id), None) or next(iter(rows), None)


def _shares(there: Identity, root: Contact, verified: str) -> bool:
    return there.contact_id != root.pk and verified in HEARSAY and bool(there.e164) and clearly_apart(there.contact.name, root.name)


def _identity(root: Contact, home_id: int | None, kind: str, reading: Reading, verified: str) -> Identity:
    return Identity(
        contact=root,
        home_id=home_id,
        kind=kind,
        value=reading.value,
        typed=reading.typed,
        e164=reading.e164,
        needs_repair=reading.repair,
        verified=verified,
        valid_from=clock.now(),
    )
