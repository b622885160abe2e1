"""The one way from an address to a person, for every path in: webhook, echo, import, API, CRM.

`resolve_many` finds or makes the identities of a batch with a handful of statements. It never normalises away what the
platform gave us, never refuses an address, and never joins two people because their usernames or names look alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from connectors.contracts import Address
from scrm.contacts import events, phone
from scrm.contacts.models import Consent, Contact, Event, Identity
from scrm.contacts.search import contact_index, reindex, searchable
from scrm.core import clock
from scrm.core.rows import update_many

# A username is shown and changes hands: it leads to nobody.
MATCHED_KINDS = frozenset(Identity.Kind.values) - {Identity.Kind.USERNAME}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who one item came from: every address it states, most specific first, and the name shown there."""

    addresses: tuple[Address, ...]
    name: str = ""
    country: str = ""
    language: str = ""
    at: datetime | None = None


def _key(address: Address | Identity) -> tuple[str, str, str]:
    return (str(address.kind), address.scope, address.value)


def _find(addresses: Iterable[Address]) -> dict[tuple[str, str, str], Identity]:
    groups: dict[tuple[str, str], set[str]] = {}
    for address in addresses:
        groups.setdefault((address.kind, address.scope), set()).add(address.value)
    if not groups:
        return {}
    wanted = Q()
    for (kind, scope), values in groups.items():
        wanted |= Q(kind=kind, scope=scope, value__in=values)
    rows = Identity.objects.filter(wanted, valid_to=None).select_related("contact__merged_into")
    return {_key(row): row for row in rows}


def resolve_many(senders: Sequence[Sender], *, verified: str = Identity.Verified.INBOUND) -> list[Identity]:
    """The identity each sender writes from, in order. Unknown people are created, further addresses are added to known ones.

    A phone number leads before a user id. When both are known and belong to different people, the number decides and an
    `identity.conflict` event asks a person to look; nothing is joined.
    """
    try:
        with transaction.atomic():
            return _resolve(senders, verified)
    except IntegrityError:
        # Another worker created one of them a moment ago; now it can be found.
        with transaction.atomic():
            return _resolve(senders, verified)


def resolve_identity(sender: Sender, *, verified: str = Identity.Verified.INBOUND) -> Identity:
    return resolve_many([sender], verified=verified)[0]


def _resolve(senders: Sequence[Sender], verified: str) -> list[Identity]:
    known = _find(address for sender in senders for address in sender.addresses if address.kind in MATCHED_KINDS)
    _create_people([sender for sender in senders if not _matches(sender, known)], known, verified)
    _add_addresses(senders, known, verified)
    _name_the_nameless(senders, known)
    return [_matches(sender, known)[0] for sender in senders]


def _matches(sender: Sender, known: dict[tuple[str, str, str], Identity]) -> list[Identity]:
    return [known[_key(address)] for address in sender.addresses if _key(address) in known]


def _create_people(senders: Sequence[Sender], known: dict[tuple[str, str, str], Identity], verified: str) -> None:
    now = clock.now()
    made: list[tuple[Sender, Contact]] = []
    for sender in senders:
        if any(set(sender.addresses) & set(other.addresses) & _matchable(other) for other, _ in made):
            continue
        made.append((sender, _new_contact(sender, now)))
    if not made:
        return
    Contact.objects.bulk_create([contact for _, contact in made])
    identities = [
        _new_identity(contact, address, verified, sender.at or now) for sender, contact in made for address in _unique(sender.addresses)
    ]
    # In one order everywhere: two batches that meet the same new people must not wait for each other.
    Identity.objects.bulk_create(sorted(identities, key=_key))
    contact_index.add((contact.pk, searchable(contact, [i for i in identities if i.contact_id == contact.pk])) for _, contact in made)
    events.record([Event(contact=contact, kind="contact.created", occurred_at=now, data={"name": contact.name}) for _, contact in made])
    known.update({_key(identity): identity for identity in identities if identity.kind in MATCHED_KINDS})


def _matchable(sender: Sender) -> set[Address]:
    return {address for address in sender.addresses if address.kind in MATCHED_KINDS}


def _unique(addresses: Iterable[Address]) -> list[Address]:
    return list(dict.fromkeys(addresses))


def _new_contact(sender: Sender, now: datetime) -> Contact:
    numbers = [phone.from_wa_id(a.value) for a in sender.addresses if a.kind == "whatsapp"]
    country = next((phone.region_of(number) for number in numbers if number), "") or sender.country
    return Contact(name=sender.name[:200], country=country, language=sender.language, last_activity_at=now, created_at=now, updated_at=now)


def _new_identity(contact: Contact, address: Address, verified: str, at: datetime) -> Identity:
    e164 = phone.from_wa_id(address.value) if address.kind == "whatsapp" else ""
    return Identity(
        contact=contact, kind=address.kind, scope=address.scope, value=address.value[:200], e164=e164, verified=verified, valid_from=at
    )


def _add_addresses(senders: Sequence[Sender], known: dict[tuple[str, str, str], Identity], verified: str) -> None:
    """Addresses stated together belong to one person, unless one of them is already somebody else's."""
    new: dict[tuple[str, str, str], Identity] = {}
    conflicts: list[Event] = []
    for sender in senders:
        found = _matches(sender, known)
        owner = found[0].contact
        conflicts += [_conflict(owner, other) for other in found[1:] if other.contact_id != owner.pk]
        for address in sender.addresses:
            if address.kind in MATCHED_KINDS and _key(address) not in known and _key(address) not in new:
                new[_key(address)] = _new_identity(owner, address, Identity.Verified.PLATFORM, sender.at or clock.now())
    if new:
        Identity.objects.bulk_create([new[key] for key in sorted(new)])
        known.update(new)
    if conflicts:
        _record_new_conflicts(conflicts)


def _conflict(owner: Contact, other: Identity) -> Event:
    data = {"identity": other.pk, "address": f"{other.kind}:{other.value}", "other_contact": other.contact_id}
    return Event(
        contact=owner, identity=other, kind="identity.conflict", occurred_at=clock.now(), data=data, cause=f"conflict:{owner.pk}:{other.pk}"
    )


def _record_new_conflicts(conflicts: Sequence[Event]) -> None:
    by_cause = {event.cause: event for event in conflicts}
    contacts = {event.contact_id for event in conflicts}
    there = set(Event.objects.filter(contact_id__in=contacts, kind="identity.conflict", cause__in=by_cause).values_list("cause", flat=True))
    events.record([event for cause, event in by_cause.items() if cause not in there])


def _name_the_nameless(senders: Sequence[Sender], known: dict[tuple[str, str, str], Identity]) -> None:
    renamed: dict[int, Contact] = {}
    for sender in senders:
        contact = _matches(sender, known)[0].contact
        if sender.name and not contact.name:
            contact.name = sender.name[:200]
            renamed[contact.pk] = contact
    if renamed:
        update_many(Contact, renamed.values(), ["name"])
        reindex(renamed)
        events.record(
            [Event(contact=c, kind="contact.changed", occurred_at=clock.now(), data={"fields": ["name"]}) for c in renamed.values()]
        )


def record_consent(
    identity: Identity, *, purpose: str, allowed: bool, source: str, evidence: str = "", by: str = "", at: datetime | None = None
) -> Consent:
    """Add to the consent ledger and to what the policy reads. A no to all messages is also a no to promotions."""
    at = at or clock.now()
    with transaction.atomic():
        consent = Consent.objects.create(
            identity=identity, purpose=purpose, allowed=allowed, source=source, evidence=evidence[:300], actor=by, at=at
        )
        if purpose == Consent.Purpose.ALL:
            identity.opted_out_at = None if allowed else at
        if purpose == Consent.Purpose.MARKETING or not allowed:
            identity.marketing_opt_in_at = at if allowed else None
            identity.marketing_opted_out_at = None if allowed else at
        identity.save(update_fields=["opted_out_at", "marketing_opt_in_at", "marketing_opted_out_at"])
        data = {"purpose": purpose, "allowed": allowed, "source": source}
        events.record([Event(contact_id=identity.contact_id, identity=identity, kind="consent.changed", occurred_at=at, data=data)])
    return consent


def lock_person(contact_id: int) -> Contact:
    """Lock the person until the transaction ends; everything that counts against a person's limits does this first.

    On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    """
    return Contact.objects.select_for_update(no_key=True, of=("self",)).get(pk=contact_id)


def add_address(contact: Contact, *, kind: str, raw: str, regions: Sequence[str] = (), verified: str, by: str = "") -> Identity:
    """Give a contact an address as typed, imported or synchronised. A number that cannot be read is kept for repair.

    Returns the current owner's identity when the address is already somebody's; the caller compares `contact_id`.
    """
    number = phone.parse(raw, regions) if kind == Identity.Kind.PHONE else None
    e164 = number.e164 if isinstance(number, phone.Number) else ""
    repair = number.reason[:200] if isinstance(number, phone.Unread) else ""
    value = e164 or raw.strip()[:200]
    with transaction.atomic():
        existing = Identity.objects.filter(kind=kind, scope="", value=value, valid_to=None).first()
        if existing:
            return existing
        identity = Identity.objects.create(
            contact=contact, kind=kind, value=value, e164=e164, needs_repair=repair, verified=verified, valid_from=clock.now()
        )
        reindex([contact.pk])
        events.record(
            [Event(contact=contact, identity=identity, kind="contact.changed", occurred_at=clock.now(), data={"fields": [kind], "by": by})]
        )
    return identity


def before_or_after(old: Sequence[Address], new: Sequence[Address]) -> Sequence[Address]:
    """By which addresses a change finds its person: the old ones, or the new ones when the change has been made already."""
    known = _find(address for address in (*old, *new) if address.kind in MATCHED_KINDS)
    changed_already = not any(_key(address) in known for address in old) and any(_key(address) in known for address in new)
    return new if changed_already else old


def change_address(identity: Identity, new: Sequence[Address], *, at: datetime) -> bool:
    """The platform says that the person behind `identity` is now reached at `new`. Safe to repeat; True when something changed.

    The old address ends, its history stays with the person. A new address that is already somebody else's is not taken away:
    an `identity.conflict` event asks a person.
    """
    with transaction.atomic():
        lock_person(identity.contact_id)
        known = _find(address for address in new if address.kind in MATCHED_KINDS)
        fresh = [address for address in _unique(new) if address.kind in MATCHED_KINDS and _key(address) not in known]
        strangers = [other for other in known.values() if other.contact_id != identity.contact_id]
        if strangers:
            _record_new_conflicts([_conflict(identity.contact, other) for other in strangers])
        for address in fresh:
            Identity.objects.filter(contact_id=identity.contact_id, kind=address.kind, scope=address.scope, valid_to=None).update(
                valid_to=at
            )
        Identity.objects.bulk_create([_new_identity(identity.contact, address, Identity.Verified.PLATFORM, at) for address in fresh])
        if fresh:
            reindex([identity.contact_id])
            data = {"from": f"{identity.kind}:{identity.value}", "to": [f"{address.kind}:{address.value}" for address in fresh]}
            events.record([Event(contact_id=identity.contact_id, identity=identity, kind="identity.changed", occurred_at=at, data=data)])
    return bool(fresh)
