"""The one way from an address to a person, for every path in: webhook, echo, history, import, API, CRM.

`resolve_many` finds or makes the identities of a batch with a handful of statements. It never normalises away what the
platform gave us, never refuses an address, and never joins two people because their usernames or names look alike.

* Addresses stated together belong to one person, unless one of them is somebody else's already: then the number decides, nothing is
  joined, and a supervisor is asked (`claims`).
* A number that somebody is reached at already leads to them, whatever kind it came as (a CRM's phone, a WhatsApp id), unless several
  people have it, it is known to be shared, or the names say otherwise.
* A number that comes with another user id than before has come to somebody else: it ends with the old person, and a new one begins.
* A new address gets the `contact` and the `home` of the one it was stated with, so that a merge taken back takes it along.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from connectors.contracts import Address
from scrm.contacts import events
from scrm.contacts.addressing import Key, key_of, spelled, standard
from scrm.contacts.called import hear_names
from scrm.contacts.claims import Claim, Kind, raise_claims
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.names_apart import clearly_apart
from scrm.contacts.newcomers import Sender, new_contact, new_identity, unique
from scrm.contacts.privacy.returning import keep_declined, prove_declined, refuse_erased
from scrm.contacts.recycling import earlier_owners, former_owner, owners_by_user_id, recycle, wrote_again
from scrm.contacts.search import contact_index, searchable
from scrm.core import clock
from scrm.core.rows import update_many

# A username is shown and changes hands: it leads to nobody.
MATCHED_KINDS = frozenset(Identity.Kind.values) - {Identity.Kind.USERNAME}
USER_IDS = frozenset({Identity.Kind.WHATSAPP_USER, Identity.Kind.WHATSAPP_PARENT_USER})

# What others keep of a person is not the person speaking: it brings nobody back who was erased.
COPIES = frozenset({Identity.Verified.CRM, Identity.Verified.IMPORTED})

Known = dict[Key, Identity]


def find(addresses: Iterable[Address]) -> Known:
    """The current identities of these addresses, with their contacts; one query, none for no addresses."""
    groups: dict[tuple[str, str], set[str]] = {}
    for address in addresses:
        groups.setdefault((address.kind, address.scope), set()).add(standard(address))
    if not groups:
        return {}
    wanted = Q()
    for (kind, scope), values in groups.items():
        wanted |= Q(kind=kind, scope=scope, value__in=values)
    rows = Identity.objects.filter(wanted, valid_to=None).select_related("contact", "home")
    return {key_of(row): row for row in rows}


def resolve_many(senders: Sequence[Sender], *, verified: str = Identity.Verified.INBOUND) -> list[Identity]:
    """The identity each sender writes from, in order. Unknown people are created, further addresses are added to known ones."""
    try:
        with transaction.atomic():
            return _resolve(senders, verified)
    except IntegrityError:
        # Another worker created one of them a moment ago; now it can be found.
        with transaction.atomic():
            return _resolve(senders, verified)


def resolve_identity(sender: Sender, *, verified: str = Identity.Verified.INBOUND) -> Identity:
    return resolve_many([sender], verified=verified)[0]


def find_identity(addresses: Iterable[Address]) -> Identity | None:
    """Who is reached there now, without making anybody: the first of the addresses that is known."""
    wanted = [address for address in addresses if address.kind in MATCHED_KINDS]
    known = find(wanted)
    return next((known[key_of(address)] for address in wanted if key_of(address) in known), None)


def _resolve(senders: Sequence[Sender], verified: str) -> list[Identity]:
    known = find(address for sender in senders for address in sender.addresses if address.kind in MATCHED_KINDS)
    siblings = _adopt([sender for sender in senders if not matches(sender, known)])
    newcomers = [sender for sender in senders if not matches(sender, known) and id(sender) not in siblings]
    if newcomers and verified in COPIES:
        refuse_erased((address.kind, standard(address)) for sender in newcomers for address in sender.addresses)
    _create_people(newcomers, known, verified)
    _add_addresses(senders, known, siblings, verified)
    chosen = _choose(senders, known)
    hear_names(senders, chosen)
    return chosen


def make_person(sender: Sender) -> Contact:
    """A new person whom no address leads to: none is known, or somebody else is reached there. The caller has found that nobody is."""
    contact = new_contact(sender, clock.now())
    contact.save()
    contact_index.add([(contact.pk, searchable(contact, []))])
    events.record([_created(sender, contact, clock.now())])
    return contact


def matches(sender: Sender, known: Known) -> list[Identity]:
    return [known[key_of(address)] for address in sender.addresses if key_of(address) in known]


def _adopt(strangers: Sequence[Sender]) -> dict[int, Identity]:
    """By the sender's `id()`: an identity of the one person who is known by the same number in another kind or spelling."""
    wanted = {id(sender): spelled(sender.addresses) for sender in strangers}
    numbers = set().union(*wanted.values()) if wanted else set()
    if not numbers:
        return {}
    holders: dict[str, list[Identity]] = {}
    for row in Identity.objects.filter(e164__in=numbers, valid_to=None).select_related("contact", "home").order_by("pk"):
        holders.setdefault(row.e164, []).append(row)
    found: dict[int, Identity] = {}
    for sender in strangers:
        rows = [row for number in wanted[id(sender)] for row in holders.get(number, ())]
        people = {row.contact_id for row in rows}
        if len(people) == 1 and not any(row.shared_since for row in rows) and not clearly_apart(sender.name, rows[0].contact.name):
            found[id(sender)] = rows[0]
    return found


def _create_people(senders: Sequence[Sender], known: Known, verified: str) -> None:
    now = clock.now()
    made: list[tuple[Sender, Contact]] = []
    seen: set[Key] = set()
    for sender in senders:
        keys = {key_of(address) for address in sender.addresses if address.kind in MATCHED_KINDS}
        if not keys & seen:
            made.append((sender, new_contact(sender, now)))
        seen |= keys
    if not made:
        return
    Contact.objects.bulk_create([contact for _, contact in made])
    identities = [
        new_identity(contact, address, verified, sender.at or now) for sender, contact in made for address in unique(sender.addresses)
    ]
    keep_declined(identities)
    # In one order everywhere: two batches that meet the same new people must not wait for each other.
    Identity.objects.bulk_create(sorted(identities, key=key_of))
    prove_declined(identities)
    known.update({key_of(identity): identity for identity in identities if identity.kind in MATCHED_KINDS})
    pair(senders, known)
    contact_index.add((contact.pk, searchable(contact, [i for i in identities if i.contact_id == contact.pk])) for _, contact in made)
    events.record([_created(sender, contact, now) for sender, contact in made])


def _created(sender: Sender, contact: Contact, at: datetime) -> Event:
    data = {"name": contact.name} | ({"source": sender.source} if sender.source else {})
    return Event(contact=contact, kind="contact.created", occurred_at=at, data=data)


def _add_addresses(senders: Sequence[Sender], known: Known, siblings: dict[int, Identity], verified: str) -> None:
    """Addresses stated together belong to one person, unless one of them is already somebody else's."""
    verified = Identity.Verified.PLATFORM if verified == Identity.Verified.INBOUND else verified
    owners = owners_by_user_id(_with_new_user_ids(senders, known))
    new: Known = {}
    for sender in senders:
        found = matches(sender, known)
        lead = found[0] if found else siblings[id(sender)]
        fresh = [a for a in unique(sender.addresses) if a.kind in MATCHED_KINDS and key_of(a) not in known]
        before = former_owner(lead, fresh, owners)
        if before is not None:
            known.update(recycle(sender, lead, before, fresh))
            continue
        for address in fresh:
            row = new_identity(lead.contact, address, verified, sender.at or clock.now(), lead.home_id)
            new[key_of(address)] = known[key_of(address)] = row
    if new:
        Identity.objects.bulk_create([new[key] for key in sorted(new)])
    pair(senders, known)


def _with_new_user_ids(senders: Sequence[Sender], known: Known) -> list[Identity]:
    """The known numbers that come with a user id that nobody knows: the first time for each person, or a number that came back."""
    numbers: list[Identity] = []
    for sender in senders:
        found = matches(sender, known)
        if not found or found[0].kind != Identity.Kind.WHATSAPP or any(each.kind in USER_IDS for each in found):
            continue
        if any(address.kind == "whatsapp_user" and key_of(address) not in known for address in sender.addresses):
            numbers.append(found[0])
    return numbers


def pair(senders: Sequence[Sender], known: Known) -> None:
    """Remember which user id was stated with which number, as far as it is new."""
    changed: dict[int, Identity] = {}
    for sender in senders:
        found = matches(sender, known)
        if len(found) < 2 or found[0].kind != Identity.Kind.WHATSAPP:
            continue
        number = found[0]
        for each in found[1:]:
            if each.kind in USER_IDS and each.contact_id == number.contact_id and each.stated_with_id != number.pk:
                each.stated_with_id = number.pk
                changed[each.pk] = each
    if changed:
        update_many(Identity, changed.values(), ["stated_with"])


def _choose(senders: Sequence[Sender], known: Known) -> list[Identity]:
    """Who writes. The number decides against a user id that leads elsewhere, and the disagreement is shown to a supervisor;
    but a number that more than one person has written from proves nothing, and there the user id decides."""
    chosen: list[Identity] = []
    split: list[tuple[int, Identity, Identity, datetime]] = []
    for place, sender in enumerate(senders):
        found = matches(sender, known)
        chosen.append(found[0])
        others = [each for each in found[1:] if each.contact_id != found[0].contact_id]
        split += [(place, found[0], other, sender.at or clock.now()) for other in others]
    if split:
        _settle(split, chosen)
    return chosen


def _settle(split: Sequence[tuple[int, Identity, Identity, datetime]], chosen: list[Identity]) -> None:
    before = earlier_owners([(lead, other) for _, lead, other, _ in split])
    conflicts: list[Claim] = []
    for place, lead, other, at in split:
        if wrote_again(lead, other, before.get((lead.value, other.contact_id)), at):
            chosen[place] = other
        else:
            address = f"{other.kind}:{other.value}"
            conflicts.append(Claim(Kind.CONFLICT, lead, other.contact_id, {"other_identity": other.pk, "other_address": address}))
    raise_claims(conflicts)
