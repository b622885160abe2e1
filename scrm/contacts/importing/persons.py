"""Who the rows of a chunk are about: people who are there, people whom earlier rows of the chunk make, or somebody new.

In this order: the same row loaded before, the partner's id, a phone number, an e-mail address. A number that leads to somebody with a
clearly different name does not make two people one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scrm.contacts import phone
from scrm.contacts.importing.parsing import PhoneCell, Said
from scrm.contacts.models import Contact, Identity, ImportRow
from scrm.contacts.names_apart import clearly_apart

NUMBERS = (Identity.Kind.WHATSAPP, Identity.Kind.PHONE)
LOADED = (ImportRow.Outcome.CREATED, ImportRow.Outcome.UPDATED, ImportRow.Outcome.UNCHANGED)
_SPELLED_TWICE = ("+52", "+54", "+55")


@dataclass(slots=True)
class Person:
    """Somebody whom rows of this chunk name. `contact` is None until it is made; `rows` are all that name them, in order."""

    contact: Contact | None = None
    name: str = ""
    external_id: str = ""
    rows: list[Said] = field(default_factory=list)
    shares: list[PhoneCell] = field(default_factory=list)


@dataclass(slots=True)
class Index:
    """What the database knows of the keys of a chunk. `holders`: the identities of a number or e-mail; `repeated`: rows loaded before."""

    by_external: dict[str, Contact] = field(default_factory=dict)
    holders: dict[str, list[Identity]] = field(default_factory=dict)
    repeated: dict[int, int] = field(default_factory=dict)


def look_up(rows: Sequence[Said]) -> Index:
    """Four queries, however many rows."""
    found = Index()
    wanted = {said.external_id for said in rows if said.external_id}
    if wanted:
        for contact in Contact.objects.filter(external_id__in=wanted).select_related("merged_into"):
            found.by_external[contact.external_id] = contact.merged_into or contact
    numbers = {spelled for said in rows for number in said.numbers for spelled in spellings(number)}
    emails = {email for said in rows for email, _ in said.emails}
    _hold(found, "p", Identity.objects.filter(e164__in=numbers, kind__in=NUMBERS, valid_to=None) if numbers else None)
    _hold(found, "e", Identity.objects.filter(kind=Identity.Kind.EMAIL, scope="", value__in=emails, valid_to=None) if emails else None)
    digests = {said.digest for said in rows}
    before = ImportRow.objects.filter(digest__in=digests, outcome__in=LOADED, contact__isnull=False)
    found.repeated = dict(before.order_by("-pk").values_list("digest", "contact_id"))
    return found


def spellings(number: str) -> tuple[str, ...]:
    return (number, *phone.variants(number)) if number.startswith(_SPELLED_TWICE) else (number,)


def _hold(found: Index, mark: str, identities: Any) -> None:
    if identities is None:
        return
    for row in identities.select_related("contact").order_by("pk"):
        found.holders.setdefault(mark + (row.e164 if mark == "p" else row.value), []).append(row)


class Chunk:
    """Sorts the rows of a chunk by person, in the order of the file."""

    def __init__(self, rows: Sequence[Said]) -> None:
        self.index = look_up(rows)
        self.people: list[Person] = []
        self._known: dict[int, Person] = {}
        self._keys: dict[str, Person] = {}
        self._digests: dict[int, Person] = {}
        gone = set(self.index.repeated.values()) - self._there()
        self.repeated = {digest: pk for digest, pk in self.index.repeated.items() if pk not in gone}

    def _there(self) -> set[int]:
        """Those of the people whom earlier imports loaded that are still there."""
        pks = set(self.index.repeated.values())
        return set(Contact.objects.filter(pk__in=pks).values_list("pk", flat=True)) if pks else set()

    def place(self, said: Said) -> Person | None:
        """The person of a row; None when the row cannot be placed, which it then says."""
        same = self._digests.get(said.digest)
        person = same or self._find(said)
        if said.bad:
            return None
        if person is None:
            person = Person(name=said.name, external_id=said.external_id)
            self.people.append(person)
        person.rows.append(said)
        person.external_id = person.external_id or said.external_id
        person.name = person.name or said.name
        self._digests[said.digest] = person
        self._claim(said, person)
        return person

    def _claim(self, said: Said, person: Person) -> None:
        shared = {cell.value for cell in person.shares}
        for key in _keys_of(said):
            if key[1:] not in shared:
                self._keys.setdefault(key, person)

    def _find(self, said: Said) -> Person | None:
        if said.external_id:
            person = self._keys.get("x" + said.external_id) or self._of(self.index.by_external.get(said.external_id))
            if person is not None:
                return person
        for key in _keys_of(said):
            if key.startswith("x"):
                continue
            person = self._keys.get(key) or self._held(said, key)
            if said.bad:
                return None
            if person is None or self._is_another(said, person, key):
                continue
            if said.external_id and person.external_id and person.external_id != said.external_id:
                said.spoil(_column_of(key), "other_id", value=person.external_id)
                return None
            return person
        return None

    def _is_another(self, said: Said, person: Person, key: str) -> bool:
        """A number that two clearly different people have is shared: each has it, and it proves nothing."""
        if not key.startswith("p") or not said.name or not person.name or said.name == person.name:
            return False
        return clearly_apart(said.name, person.name)

    def _held(self, said: Said, key: str) -> Person | None:
        """Who has a number or an e-mail: of several, the one whose name is not another's."""
        keys = ["p" + each for each in spellings(key[1:])] if key.startswith("p") else [key]
        rows = [row for each in keys for row in self.index.holders.get(each, ())]
        people = {row.contact_id: row.contact for row in rows}
        if len(people) <= 1:
            return self._of(next(iter(people.values()), None))
        if not said.name:
            said.spoil("", "shared", value=key[1:])
            return None
        same = [contact for contact in people.values() if contact.name == said.name]
        alike = same or [contact for contact in people.values() if not clearly_apart(said.name, contact.name)]
        return self._of(alike[0]) if alike else self._of(next(iter(people.values())))

    def _of(self, contact: Contact | None) -> Person | None:
        if contact is None:
            return None
        person = self._known.get(contact.pk)
        if person is None:
            person = self._known[contact.pk] = Person(contact, contact.name, contact.external_id)
            self.people.append(person)
        return person


def _keys_of(said: Said) -> list[str]:
    keys = ["x" + said.external_id] if said.external_id else []
    return [*keys, *("p" + number for number in said.numbers), *("e" + email for email, _ in said.emails)]


def _column_of(key: str) -> str:
    return "phone" if key.startswith("p") else "email"
