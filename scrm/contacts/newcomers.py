"""Who one item came from, and the rows that begin a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from connectors.contracts import Address
from scrm.contacts import phone
from scrm.contacts.addressing import key_of, spelled, standard
from scrm.contacts.models import Contact, Identity
from scrm.contacts.records import note_making


@dataclass(frozen=True, slots=True)
class Sender:
    """Who one item came from: every address it states, the leading one first, and the name shown there.

    `source`: who says the name, as `fields` calls it; without one a name is only taken for people who have none.
    """

    addresses: tuple[Address, ...]
    name: str = ""
    country: str = ""
    language: str = ""
    at: datetime | None = None
    source: str = ""

    @property
    def shown_name(self) -> str:
        """The name as it is stored."""
        return self.name.strip()[:200].strip()


def unique(addresses: Iterable[Address]) -> list[Address]:
    return list({key_of(address): address for address in addresses}.values())


def new_contact(sender: Sender, now: datetime) -> Contact:
    numbers = [phone.from_wa_id(a.value) for a in sender.addresses if a.kind == "whatsapp"]
    country = next((phone.region_of(number) for number in numbers if number), "") or sender.country
    row = Contact(name=sender.shown_name, country=country, language=sender.language, last_activity_at=now, created_at=now, updated_at=now)
    if sender.source:
        note_making(row, source=sender.source, at=sender.at or now, assumed=("country", "language"))
    return row


def new_identity(contact: Contact, address: Address, verified: str, at: datetime, home_id: int | None = None) -> Identity:
    """`value` is the form by which the address is found again; what came stands in `typed` where it differs."""
    value = standard(address)
    return Identity(
        contact=contact,
        home_id=home_id,
        kind=address.kind,
        scope=address.scope,
        value=value,
        typed=address.value[:200] if address.value[:200] != value else "",
        e164=next(iter(spelled([address], variants=False)), ""),
        verified=verified,
        valid_from=at,
    )
