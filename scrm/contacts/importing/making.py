"""New people from rows, many at once: their records, addresses, consents and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Model

from scrm.contacts import events, phone
from scrm.contacts.importing.parsing import PhoneCell, Said, Wish
from scrm.contacts.importing.persons import Person
from scrm.contacts.importing.problems import note
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.store import store_keys
from scrm.contacts.models import Consent, Contact, Event, Identity
from scrm.contacts.records import CUSTOM, made_of
from scrm.contacts.search import contact_index, searchable
from scrm.core.loading import add_many, fresh, give_keys

# The country of a number, without asking the library about each.
_REGIONS = {"+852": "HK", "+886": "TW", "+81": "JP", "+65": "SG", "+853": "MO", "+86": "CN"}
# As they stand in a row: an enumeration looks its value up by a function each time.
_PHONE, _EMAIL, _IMPORTED = Identity.Kind.PHONE.value, Identity.Kind.EMAIL.value, Identity.Verified.IMPORTED.value


@dataclass(slots=True)
class Making:
    """Collects what a chunk makes, to be written in a few statements. `source`: "import:<id>"."""

    source: str
    by: str
    now: datetime
    contacts: list[Contact] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    # The new contact of an address, and the address of each of `consents`: their keys are known once they are written.
    owners: list[tuple[Identity, Contact]] = field(default_factory=list)
    agreed: list[Identity] = field(default_factory=list)
    shared: list[tuple[Person, PhoneCell]] = field(default_factory=list)
    _unsent: list[tuple[type[Model], Sequence[Model]]] = field(default_factory=list)

    def person(self, person: Person, taken: set[str]) -> None:
        """A new person out of all rows that name them; the later row is heard. `taken`: keys of addresses that are somebody else's."""
        row = self._record(person)
        person.contact = row
        self.contacts.append(row)
        own: list[Identity] = []
        seen: set[str] = set()
        for said in person.rows:
            for cell in said.phones:
                if cell.value in seen:
                    continue
                seen.add(cell.value)
                if not cell.repair and "p" + cell.value in taken:
                    self.shared.append((person, cell))
                else:
                    own.append(number_of(cell, self))
            for value, typed in said.emails:
                if value not in seen and "e" + value not in taken:
                    seen.add(value)
                    own.append(email_of(value, typed, self))
            self._consents(said, own)
        self.identities += own
        self.owners += [(each, row) for each in own]

    def consent(self, identity: Identity, wish: Wish) -> None:
        put_wish(identity, wish, self.now)
        self.consents.append(consent_of(wish, self.source, self.by, self.now))
        self.agreed.append(identity)

    def _record(self, person: Person) -> Contact:
        now = self.now
        values = {name: value for said in person.rows for name, value in said.values.items()}
        assumed = () if values.get("country") else ("country",)
        if assumed:
            values["country"] = next((region_of(n) for said in person.rows for n in said.numbers), "")
        columns: dict[str, Any] = {}
        for name, value in values.items():
            if name.startswith(CUSTOM):
                columns.setdefault("custom", {})[name.removeprefix(CUSTOM)] = value
            else:
                columns["owner_id" if name == "owner" else name] = date.fromisoformat(value) if name == "birthday" else value
        columns["provenance"] = made_of(values, source=self.source, at=now, by=self.by, assumed=assumed)
        return fresh(Contact, external_id=person.external_id, last_activity_at=now, created_at=now, updated_at=now, **columns)

    def _consents(self, said: Said, own: Sequence[Identity]) -> None:
        """Of the row's addresses, or of all so far when it has none. An opt-out is never weakened by a later word of the same file."""
        if not said.wishes:
            return
        mine = set(said.numbers) | {email for email, _ in said.emails}
        for wish in said.wishes:
            if wish.allowed and any(each.opted_out_at or each.marketing_opted_out_at for each in own):
                said.notes.append(note("", "opted_out"))
                continue
            for identity in own:
                if (not mine or identity.value in mine) and not _known(identity, wish):
                    self.consent(identity, wish)

    def make(self) -> None:
        """All that is new has its key afterwards. Where there is a COPY, `write` sends it.

        Addresses in one order everywhere: two imports that meet the same new people must not wait for each other.
        """
        self._make(Contact, self.contacts)
        # Not through the attributes: of every row they would look whether it has a related object that is another now.
        for identity, contact in self.owners:
            identity.__dict__["contact_id"] = contact.id
        for identity in self.identities:
            if identity.needs_repair:
                identity.scope = f"contact:{identity.home_id or identity.contact_id}"
        self.identities.sort(key=lambda each: (each.kind, each.scope, each.value))
        self._make(Identity, self.identities)
        for consent, identity in zip(self.consents, self.agreed, strict=True):
            consent.__dict__["identity_id"] = identity.id
        self._make(Consent, self.consents)

    def _make(self, model: type[Model], rows: Sequence[Model]) -> None:
        if give_keys(model, rows):
            self._unsent.append((model, rows))
        else:
            add_many(model, rows)

    def tell(self) -> None:
        made = [self._told(row) for row in self.contacts]
        agreed = [self._consented(*each) for each in zip(self.consents, self.agreed, strict=True)]
        events.record([*made, *agreed, *self.told])

    def write(self, rules: Settings) -> None:
        """What `make` left, and what people are found by. Asks the database nothing."""
        for model, rows in self._unsent:
            add_many(model, rows)
        addresses: dict[int, list[Identity]] = {row.id: [] for row in self.contacts}
        for identity in self.identities:
            if (own := addresses.get(identity.contact_id)) is not None:
                own.append(identity)
        store_keys(self.contacts, [each for own in addresses.values() for each in own], fresh=True, settings=rules)
        contact_index.add([(row.id, searchable(row, addresses[row.id])) for row in self.contacts], fresh=True)

    def _told(self, row: Contact) -> Event:
        data = {"name": row.name, "by": self.by, "source": self.source}
        return fresh(Event, contact_id=row.pk, kind="contact.created", occurred_at=self.now, data=data, cause=self.source)

    def _consented(self, consent: Consent, identity: Identity) -> Event:
        data = {"purpose": consent.purpose, "allowed": consent.allowed, "source": consent.source}
        return fresh(
            Event,
            contact_id=identity.contact_id,
            identity_id=identity.pk,
            kind="consent.changed",
            occurred_at=self.now,
            data=data,
            cause=self.source,
        )


def region_of(number: str) -> str:
    for length in (4, 3):
        if region := _REGIONS.get(number[:length]):
            return region
    return phone.region_of(number)


def number_of(cell: PhoneCell, making: Making, contact_id: int | None = None, home_id: int | None = None) -> Identity:
    candidates = {"numbers": list(cell.candidates), "country": ""} if cell.candidates else None
    return fresh(
        Identity,
        contact_id=contact_id,
        home_id=home_id,
        kind=_PHONE,
        value=cell.value,
        typed=cell.typed,
        e164="" if cell.repair else cell.value,
        needs_repair=cell.repair,
        candidates=candidates,
        verified=_IMPORTED,
        origin=making.source,
        valid_from=making.now,
    )


def email_of(value: str, typed: str, making: Making, contact_id: int | None = None, home_id: int | None = None) -> Identity:
    return fresh(
        Identity,
        contact_id=contact_id,
        home_id=home_id,
        kind=_EMAIL,
        value=value,
        typed=typed,
        verified=_IMPORTED,
        origin=making.source,
        valid_from=making.now,
    )


def _known(identity: Identity, wish: Wish) -> bool:
    if wish.allowed:
        return identity.marketing_opt_in_at is not None
    return bool(identity.opted_out_at or (wish.purpose == Consent.Purpose.MARKETING and identity.marketing_opted_out_at))


def wish_at(wish: Wish, now: datetime) -> datetime:
    return datetime.fromisoformat(wish.at) if wish.at else now


def put_wish(identity: Identity, wish: Wish, now: datetime) -> None:
    at = wish_at(wish, now)
    if wish.purpose == Consent.Purpose.ALL:
        identity.opted_out_at = None if wish.allowed else at
    if wish.purpose == Consent.Purpose.MARKETING or not wish.allowed:
        identity.marketing_opt_in_at = at if wish.allowed else None
        identity.marketing_opted_out_at = None if wish.allowed else at


def consent_of(wish: Wish, source: str, by: Any, now: datetime) -> Consent:
    return fresh(
        Consent,
        purpose=wish.purpose,
        allowed=wish.allowed,
        source=source,
        evidence=wish.source[:300],
        actor=by,
        at=wish_at(wish, now),
    )
