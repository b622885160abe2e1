"""Who the rows of a chunk are about: people who are there, people whom earlier rows of the chunk make, or somebody new.

In this order: the same row loaded before, the partner's id, a phone number, an e-mail address, the same name beside a number that was
typed the same and could not be read. A number that leads to somebody with a clearly different name does not make two people one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from scrm.contacts import phone
from scrm.contacts.importing.parsing import PhoneCell, Said
from scrm.contacts.models import Contact, Identity, ImportRow
from scrm.contacts.names_apart import clearly_apart
from scrm.contacts.privacy.digests import erased
from scrm.contacts.privacy_models import ErasedAddress
from scrm.core.rows import among

NUMBERS = (Identity.Kind.WHATSAPP, Identity.Kind.PHONE)
LOADED = (ImportRow.Outcome.CREATED, ImportRow.Outcome.UPDATED, ImportRow.Outcome.UNCHANGED)
_SPELLED_TWICE = ("+52", "+54", "+55")


@dataclass(slots=True)
class Person:
    """Somebody whom rows of this chunk name. `contact` is None until it is made; `rows` are all that name them, in order.

    A row that names the id of a record which was merged is about that record: what it says stays with it when the merge is taken back.
    """

    contact: Contact | None = None
    name: str = ""
    external_id: str = ""
    rows: list[Said] = field(default_factory=list)
    shares: list[PhoneCell] = field(default_factory=list)

    @property
    def root_id(self) -> int | None:
        """Who has the addresses: the survivor of a record that was merged."""
        return (self.contact.merged_into_id or self.contact.pk) if self.contact else None

    @property
    def home_id(self) -> int | None:
        """Whose the addresses are apart from the merge, as `Identity.home` holds it."""
        return self.contact.pk if self.contact and self.contact.merged_into_id else None


@dataclass(slots=True)
class Index:
    """What the database knows of the keys of a chunk. `holders`: the identities of a number or e-mail; `repeated`: rows loaded before;
    `unread`: the identities of a number that could not be read, as it was typed."""

    by_external: dict[str, Contact] = field(default_factory=dict)
    holders: dict[str, list[Identity]] = field(default_factory=dict)
    repeated: dict[int, int] = field(default_factory=dict)
    unread: dict[str, list[Identity]] = field(default_factory=dict)


def look_up(rows: Sequence[Said]) -> Index:
    """Six queries, however many rows. Of rows that were loaded before nothing more is looked up.

    What is empty is excluded in words: the indexes hold only what is not, and with hundreds of values the database does not see it itself.
    """
    found = Index(repeated=_repeated({said.digest for said in rows}))
    rows = [said for said in rows if said.digest not in found.repeated]
    wanted = {said.external_id for said in rows if said.external_id}
    if wanted:
        known = Contact.objects.filter(among(Contact, "external_id", wanted)).exclude(external_id="")
        for contact in known.select_related("merged_into"):
            found.by_external[contact.external_id] = contact
    numbers = {spelled for said in rows for number in said.numbers for spelled in spellings(number)}
    emails = {email for said in rows for email, _ in said.emails}
    typed = {cell.typed or cell.value for said in rows if said.name for cell in said.phones if cell.typed or cell.repair}
    current = Identity.objects.filter(valid_to=None)
    _hold(found, "p", current.filter(among(Identity, "e164", numbers), kind__in=NUMBERS).exclude(e164="") if numbers else None)
    _hold(found, "e", current.filter(among(Identity, "value", emails), kind=Identity.Kind.EMAIL, scope="") if emails else None)
    if typed:
        unread = current.filter(among(Identity, "value", typed), kind=Identity.Kind.PHONE, e164="").exclude(needs_repair="")
        for row in unread.select_related("contact").order_by("pk"):
            found.unread.setdefault(row.value, []).append(row)
    return found


def refuse_erased(rows: Sequence[Said]) -> None:
    """Rows that name an address of somebody who was erased, unless they came back by themselves. Of such a row nothing is kept."""
    if not ErasedAddress.objects.exists():
        return
    named = {address for said in rows for address in _named(said)}
    gone = set(erased(named))
    if not gone:
        return
    values = [value for _, value in gone]
    back = Identity.objects.filter(Q(e164__in=values) | Q(kind=Identity.Kind.EMAIL, value__in=values), valid_to=None)
    here = {("email" if row.kind == Identity.Kind.EMAIL else "phone", row.e164 or row.value) for row in back}
    for said in rows:
        if _named(said) & (gone - here):
            said.notes, said.faults, said.cells = [], 0, []
            said.spoil("", "erased")


def _named(said: Said) -> set[tuple[str, str]]:
    return {("phone", number) for number in said.numbers} | {("email", email) for email, _ in said.emails}


def _repeated(digests: set[int]) -> dict[int, int]:
    """{digest: the person} of rows that were loaded before, as far as those people are still there."""
    if not digests:
        return {}
    before = ImportRow.objects.filter(among(ImportRow, "digest", digests), outcome__in=LOADED, contact__isnull=False)
    loaded = dict(before.order_by("-pk").values_list("digest", "contact_id"))
    if not loaded:
        return {}
    there = set(Contact.objects.filter(among(Contact, "id", set(loaded.values()))).values_list("pk", flat=True))
    return {digest: pk for digest, pk in loaded.items() if pk in there}


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
        self._keys: dict[str, list[Person]] = {}
        self._digests: dict[int, Person] = {}
        self._typed: dict[str, list[Person]] = {}
        self.repeated = self.index.repeated

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
        # The later row is heard, as it will be once it is written.
        person.name = said.name or person.name
        self._digests[said.digest] = person
        self._claim(said, person)
        return person

    def _claim(self, said: Said, person: Person) -> None:
        shared = {cell.value for cell in person.shares}
        for key in said.keys:
            claimed = self._keys.setdefault(key, [])
            if key[1:] not in shared and not any(each is person for each in claimed):
                claimed.append(person)
        for cell in said.phones:
            if cell.repair:
                self._typed.setdefault(cell.value, []).append(person)

    def claimed_by_another(self, key: str, person: Person) -> bool:
        """Whether somebody else in this chunk had the key first."""
        return next(iter(self._keys.get(key, ())), person) is not person

    def _find(self, said: Said) -> Person | None:
        if said.external_id:
            claimed = self._keys.get("x" + said.external_id)
            person = claimed[0] if claimed else self._of(self.index.by_external.get(said.external_id))
            if person is not None:
                return person
        for key in said.keys:
            if key[0] == "x":
                continue
            person = self._held(said, key)
            if said.bad:
                return None
            if person is None or self._is_another(said, person, key):
                continue
            if said.external_id and person.external_id and person.external_id != said.external_id:
                said.spoil(_column_of(key), "other_id", value=person.external_id)
                return None
            return person
        return self._unread(said)

    def _unread(self, said: Said) -> Person | None:
        """Somebody of the same name whose number was typed the same, and not read: it may be now, by another country."""
        found: dict[int, Person] = {}
        for typed in {cell.typed or cell.value for cell in said.phones} if said.name else ():
            known = {row.contact_id: row.contact for row in self.index.unread.get(typed, ())}
            people = [*map(self._of, known.values()), *self._typed.get(typed, ())]
            alike = [person for person in people if person is not None and person.name == said.name]
            found |= {id(person): person for person in alike if not (said.external_id and person.external_id)}
        return next(iter(found.values())) if len(found) == 1 else None

    def _is_another(self, said: Said, person: Person, key: str) -> bool:
        """A number that two clearly different people have is shared: each has it, and it proves nothing."""
        if not key.startswith("p") or not said.name or not person.name or said.name == person.name:
            return False
        return clearly_apart(said.name, person.name)

    def _held(self, said: Said, key: str) -> Person | None:
        """Who has a number or an e-mail, in the database or by an earlier row: of several, the one whose name is not another's."""
        keys = ["p" + each for each in spellings(key[1:])] if key.startswith("p") else [key]
        rows = [row for each in keys for row in self.index.holders.get(each, ())]
        found = [self._of(contact) for contact in {row.contact_id: row.contact for row in rows}.values()]
        people = [person for person in found if person is not None]
        people += [person for person in self._keys.get(key, ()) if not any(person is each for each in people)]
        if len(people) <= 1:
            return people[0] if people else None
        if not said.name:
            said.spoil("", "shared", value=key[1:])
            return None
        same = [person for person in people if person.name == said.name]
        alike = same or [person for person in people if not clearly_apart(said.name, person.name)]
        return alike[0] if alike else people[0]

    def _of(self, contact: Contact | None) -> Person | None:
        """The person of a record; None for none."""
        if contact is None:
            return None
        person = self._known.get(contact.pk)
        if person is None:
            person = self._known[contact.pk] = Person(contact, contact.name, contact.external_id)
            self.people.append(person)
        return person


def _column_of(key: str) -> str:
    return "phone" if key.startswith("p") else "email"
