"""When a platform says that a person changed number or user id. Safe to repeat, and right in whatever order the news arrives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from connectors.contracts import Address
from scrm.contacts import events
from scrm.contacts.addressing import key_of
from scrm.contacts.claims import Claim, Kind, raise_claims
from scrm.contacts.locking import lock_owners
from scrm.contacts.models import Event, Identity
from scrm.contacts.newcomers import new_identity, unique
from scrm.contacts.resolving import MATCHED_KINDS, find
from scrm.contacts.search import reindex
from scrm.core.rows import update_many


def before_or_after(old: Sequence[Address], new: Sequence[Address]) -> Sequence[Address]:
    """By which addresses a change finds its person: the old ones, or the new ones when the change has been made already."""
    known = find(address for address in (*old, *new) if address.kind in MATCHED_KINDS)
    changed_already = not any(key_of(address) in known for address in old) and any(key_of(address) in known for address in new)
    return new if changed_already else old


def change_address(identity: Identity, new: Sequence[Address], *, at: datetime) -> bool:
    """The platform says that the person behind `identity` is now reached at `new`. Safe to repeat; True when something changed.

    The old address ends, its history stays with the person; other numbers of theirs stay as they are. A new address that is already
    somebody else's is not taken away: an `identity.conflict` event and a case ask a person.
    """
    with transaction.atomic():
        lock_owners([identity])
        known = find(address for address in new if address.kind in MATCHED_KINDS)
        fresh = [address for address in unique(new) if address.kind in MATCHED_KINDS and key_of(address) not in known]
        _flag([other for other in known.values() if other.contact_id != identity.contact_id], identity, at)
        if not fresh:
            return False
        mine = list(Identity.objects.filter(contact_id=identity.contact_id, home_id=identity.home_id, valid_to=None))
        ended = {row.pk for address in fresh for row in _replaced(identity, address, mine)}
        Identity.objects.filter(pk__in=ended, valid_to=None).update(valid_to=at)
        made = [new_identity(identity.contact, address, Identity.Verified.PLATFORM, at, identity.home_id) for address in fresh]
        Identity.objects.bulk_create(made)
        _pair(made)
        reindex([identity.contact_id])
        data = {"from": f"{identity.kind}:{identity.value}", "to": [f"{address.kind}:{address.value}" for address in fresh]}
        events.record([Event(contact_id=identity.contact_id, identity=identity, kind="identity.changed", occurred_at=at, data=data)])
    return True


def _flag(strangers: Sequence[Identity], identity: Identity, at: datetime) -> None:
    """One case for each person to whom a new address belongs already."""
    detail = {"announced": True, "other_identity": identity.pk, "other_address": f"{identity.kind}:{identity.value}"}
    raise_claims([Claim(Kind.CONFLICT, stranger, identity.contact_id, detail, at, told=identity.contact_id) for stranger in strangers])


def _replaced(identity: Identity, address: Address, mine: Sequence[Identity]) -> list[Identity]:
    """Which of the person's addresses the new one replaces: the one that changed, and what was stated with it."""
    rows = [row for row in mine if row.kind == address.kind and row.scope == address.scope]
    if any(row.pk == identity.pk for row in rows):
        return [row for row in rows if row.pk == identity.pk]
    paired = [row for row in rows if row.stated_with_id == identity.pk or identity.stated_with_id == row.pk]
    return paired or (rows if len(rows) == 1 and rows[0].stated_with_id is None else [])


def _pair(made: Sequence[Identity]) -> None:
    number = next((row for row in made if row.kind == Identity.Kind.WHATSAPP), None)
    ids = [row for row in made if row.kind in {Identity.Kind.WHATSAPP_USER, Identity.Kind.WHATSAPP_PARENT_USER}]
    if number is None or not ids:
        return
    for row in ids:
        row.stated_with_id = number.pk
    update_many(Identity, ids, ["stated_with"])
