"""Whom a record of theirs is about that is not linked yet. Nobody is ever joined on a doubtful sign.

1. Our own unique key in the record: that contact, unless it is linked to another record of this CRM already.
2. A phone number or an e-mail address that leads to exactly one person, who is not linked yet and whose name does not contradict.
3. Otherwise a new contact, where the connection's setting makes new ones. An address that is somebody else's stays there, and
   supervisors are asked whether the two are one person.

Of several living records in the CRM about one contact the first keeps the link; the others become contacts of their own, as in 3. Where
the linked one is gone (merged there into a new one, or deleted and entered again), the link goes on to the other.
Records of people who were erased here are left alone: a copy brings nobody back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Q

from connectors.contracts import Address, Change
from scrm.contacts import services as people
from scrm.contacts.addresses import add_address, read
from scrm.contacts.claims import Claim, raise_claims
from scrm.contacts.claims import Kind as ClaimKind
from scrm.contacts.models import Contact, Identity
from scrm.contacts.names import full_name
from scrm.contacts.names_apart import clearly_apart
from scrm.contacts.newcomers import Sender
from scrm.contacts.privacy.digests import erased
from scrm.core import clock
from scrm.sync import awaiting
from scrm.sync.inlet import ADDRESSES, Inlet
from scrm.sync.mapping import Unmappable, own_key, to_ours
from scrm.sync.models import ExternalRecord

NOT_WANTED = "New records of this CRM are not made contacts here (sync settings)."
LINKED = "This person is linked to another record of this CRM; it is looked at whether that one is still there."
ERASED = "This person was erased here; only a message of theirs begins a new contact."


@dataclass(slots=True)
class Stranger:
    """A record that is not linked, with what its mapped fields say. `phones`, `emails`: as they stand there."""

    change: Change
    name: str = ""
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Met:
    """Whom the record is about: `contact_id`, or why nobody. `rival`: the id of the record that this person is linked to so far.

    `key`: of what is no person. `wait`: it can be told after that time; `failed`: a person must see to it first.
    """

    contact_id: int | None = None
    reason: str = ""
    rival: str = ""
    key: str = ""
    wait: timedelta | None = None
    failed: bool = False

    @property
    def ours(self) -> str:
        return self.key or (str(self.contact_id) if self.contact_id is not None else "")


def meet(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    """For each record by its id there. A few statements for all, and a few more for each that is doubtful."""
    strangers = [_read(inlet, change) for change in changes]
    gone = erased(("crm", f"{inlet.connection.slug}:{each.change.id}") for each in strangers)
    leads = _Leads(inlet, strangers)
    found: dict[str, Met] = {}
    rest: list[Stranger] = []
    for each in strangers:
        record_id = each.change.id
        contact = leads.person(each)
        rival = leads.records.get(contact) if contact is not None else None
        if ("crm", f"{inlet.connection.slug}:{record_id}") in gone:
            found[record_id] = Met(reason=ERASED)
        elif contact is None or (rival and rival in inlet.alive):
            rest.append(each)
        elif rival:
            found[record_id] = Met(reason=LINKED, rival=rival)
        else:
            found[record_id] = Met(contact)
            leads.records[contact] = record_id
    return found | _make(inlet, rest, leads)


def foresee(inlet: Inlet, changes: Sequence[Change]) -> dict[str, tuple[str, int | None]]:
    """As `meet` would say it, writing nothing: {record: (word, contact)}. The words: key (ours), address, doubt (an address of theirs is
    somebody's, who it is must be asked), new, erased."""
    strangers = [_read(inlet, change) for change in changes]
    gone = erased(("crm", f"{inlet.connection.slug}:{each.change.id}") for each in strangers)
    leads = _Leads(inlet, strangers)
    found: dict[str, tuple[str, int | None]] = {}
    for each in strangers:
        person = leads.person(each)
        if ("crm", f"{inlet.connection.slug}:{each.change.id}") in gone:
            found[each.change.id] = ("erased", None)
        elif person is not None and person not in leads.records:
            leads.records[person] = each.change.id
            found[each.change.id] = ("key" if own_key(each.change.fields) == str(person) else "address", person)
        else:
            found[each.change.id] = ("doubt" if person is not None or leads.of(each) else "new", None)
    return found


class _Leads:
    """Who these records are about, and which records those people have at this CRM: {contact: record}.

    Numbers may be known as WhatsApp numbers or as phones.
    """

    def __init__(self, inlet: Inlet, strangers: Sequence[Stranger]) -> None:
        numbers = {number for each in strangers for number in _numbers(inlet, each)}
        emails = {read(Identity.Kind.EMAIL, email).value for each in strangers for email in each.emails}
        self._inlet = inlet
        self._keyed = _keyed(strangers)
        self._rows: dict[str, list[Identity]] = {}
        if numbers or emails:
            wanted = Q(e164__in=numbers) | Q(kind=Identity.Kind.EMAIL, value__in=emails)
            for row in Identity.objects.filter(wanted, valid_to=None).select_related("contact").order_by("pk"):
                self._rows.setdefault(row.e164 or row.value, []).append(row)
        self.records = _records(inlet, {*self._keyed, *(row.contact_id for rows in self._rows.values() for row in rows)})

    def of(self, each: Stranger) -> list[Identity]:
        keys = [*_numbers(self._inlet, each), *(read(Identity.Kind.EMAIL, email).value for email in each.emails)]
        return [row for key in keys for row in self._rows.get(key, ())]

    def person(self, each: Stranger) -> int | None:
        """By our key, else the one person behind all of its addresses; None when there is nobody, or a doubt."""
        key = own_key(each.change.fields)
        if key.isascii() and key.isdigit() and len(key) < 18 and int(key) in self._keyed:
            return int(key)
        rows = self.of(each)
        if len({row.contact_id for row in rows}) != 1 or any(row.shared_since for row in rows):
            return None
        contact = rows[0].contact
        return None if clearly_apart(each.name, contact.name) else contact.pk


def _keyed(strangers: Iterable[Stranger]) -> set[int]:
    """The contacts whose keys the records carry."""
    keys = {int(key) for each in strangers if (key := own_key(each.change.fields)).isascii() and key.isdigit() and len(key) < 18}
    return set(Contact.objects.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()


def _records(inlet: Inlet, contacts: Iterable[int]) -> dict[int, str]:
    wanted = [str(pk) for pk in contacts]
    if not wanted:
        return {}
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=wanted)
    return {int(key): external_id for key, external_id in rows.values_list("key", "external_id")}


def rivals(inlet: Inlet, changes: Sequence[Change]) -> dict[str, str]:
    """{record: the record that its person is linked to so far} of records that are not linked themselves."""
    known = set(
        ExternalRecord.objects.filter(
            connection=inlet.connection, kind=inlet.kind, external_id__in=[change.id for change in changes]
        ).values_list("external_id", flat=True)
    )
    strangers = [_read(inlet, change) for change in changes if change.id not in known]
    leads = _Leads(inlet, strangers)
    people_ = {each.change.id: leads.person(each) for each in strangers}
    return {record_id: leads.records[pk] for record_id, pk in people_.items() if pk is not None and pk in leads.records}


def succeed(inlet: Inlet, old: str, new: str) -> None:
    """The record `old` is no more, and `new` is about the same person: the link goes on with what was agreed."""
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind)
    if not rows.filter(external_id=new).exists():
        rows.filter(external_id=old).update(external_id=new, version="", removed_at=None, merged_into="")
        awaiting.linked(inlet.connection.pk, [new])


def _numbers(inlet: Inlet, each: Stranger) -> list[str]:
    readings = [read(Identity.Kind.PHONE, raw, inlet.regions) for raw in each.phones]
    return [reading.e164 for reading in readings if reading.e164]


def _read(inlet: Inlet, change: Change) -> Stranger:
    """Its name and addresses through the mappings; what cannot be read says nothing yet."""
    said = {spec.source: _value(change.fields.get(spec.target), spec) for spec in inlet.specs if spec.comes_in}
    name = said.get("full_name") or full_name(str(said.get("first_name") or ""), str(said.get("last_name") or ""))
    texts = {kind: [str(said[kind])] if said.get(kind) else [] for kind in ADDRESSES}
    return Stranger(change, str(name).strip(), texts["phone"], texts["email"])


def _value(value: Any, spec: Any) -> Any:
    try:
        return to_ours(value, spec)
    except Unmappable:
        return ""


# --- new people -----------------------------------------------------------------------------------------------------


def _make(inlet: Inlet, strangers: Sequence[Stranger], leads: _Leads) -> dict[str, Met]:
    if not strangers:
        return {}
    if not inlet.plan.makes_new:
        return {each.change.id: Met(reason=NOT_WANTED) for each in strangers}
    plain, seen = [], set[str]()
    for each in strangers:
        keys = {*_numbers(inlet, each), *(read(Identity.Kind.EMAIL, email).value for email in each.emails)}
        if keys and not leads.of(each) and not keys & seen:
            plain.append(each)
        seen |= keys
    made = _make_reached(inlet, plain)
    for each in strangers:
        if each.change.id not in made:
            made[each.change.id] = Met(_make_alone(inlet, each))
    return made


def _make_reached(inlet: Inlet, strangers: Sequence[Stranger]) -> dict[str, Met]:
    """Those whose addresses are nobody's."""
    senders = [_sender(inlet, each) for each in strangers]
    identities = people.resolve_many(senders, verified=Identity.Verified.CRM) if senders else []
    return {each.change.id: Met(row.contact_id) for each, row in zip(strangers, identities, strict=True)}


def _make_alone(inlet: Inlet, each: Stranger) -> int:
    """Without addresses first; those that nobody has follow, for the others a supervisor is asked."""
    people.refuse_erased([*(("phone", number) for number in _numbers(inlet, each)), *(("email", email) for email in each.emails)])
    contact = people.make_person(_sender(inlet, each))
    for kind, values in ((Identity.Kind.PHONE, each.phones), (Identity.Kind.EMAIL, each.emails)):
        for raw in values:
            give_address(inlet, contact, kind, raw)
    return contact.pk


def _sender(inlet: Inlet, each: Stranger) -> Sender:
    numbers = [Address("phone", number) for number in _numbers(inlet, each)]
    emails = [Address("email", email) for email in each.emails]
    connection = inlet.connection
    at = each.change.modified_at or clock.now()
    return Sender((*numbers, *emails), each.name, connection.country, connection.language, min(at, clock.now()), inlet.source)


def give_address(inlet: Inlet, contact: Contact, kind: str, raw: str) -> bool:
    """False when it is somebody else's and stays there: then supervisors are asked who has it."""
    row = add_address(
        contact,
        kind=kind,
        raw=raw,
        regions=inlet.regions,
        verified=Identity.Verified.CRM,
        origin=inlet.source,
        country=inlet.connection.country,
    )
    root = contact.merged_into_id or contact.pk
    if row.contact_id != root:
        told = Claim(ClaimKind.CONFLICT, row, root, {"other_address": f"{kind}:{raw.strip()[:100]}"}, told=root)
        raise_claims([told])
    return row.contact_id == root
