"""One lock a person, held by whoever writes what counts for them; merges take the same locks.

Between reading whose an address is and holding that person's lock, the person may have been merged or separated. So whoever locks looks
again at the locked row: a survivor names its duplicates (`Contact.own`), a duplicate its survivor, and a difference from what was read
means that the address may be somebody else's now. That costs no query while nothing has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from scrm.contacts.models import Contact, Identity

_SEEN = ("pk", "merged_into", "own", "last_inbound_at", "last_activity_at")
_TURNS = 10


def lock_person(contact_id: int) -> Contact:
    """Lock the person until the transaction ends; everything that counts against a person's limits does this first.

    Returns the survivor when the contact was merged. On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    """
    for _ in range(_TURNS):
        row = Contact.objects.select_for_update(no_key=True, of=("self",)).get(pk=contact_id)
        if row.merged_into_id is None:
            return row
        contact_id = row.merged_into_id
    raise RuntimeError("people are being merged faster than they can be locked")


def lock_people(contact_ids: Iterable[int]) -> dict[int, Any]:
    """Lock several people in a fixed order, so that two batches never wait for each other; {id: the row's `_SEEN`}."""
    ordered = Contact.objects.filter(pk__in=set(contact_ids)).order_by("pk")
    rows = ordered.select_for_update(no_key=True, of=("self",)).values_list(*_SEEN)
    return {row[0]: row for row in rows}


def lock_owners(identities: Sequence[Identity], *, also: Collection[int] = ()) -> None:
    """Lock the people behind these addresses and those of `also`. Each address then has its `contact` and `home` as they are now."""
    for _ in range(_TURNS):
        rows = lock_people({*(identity.contact_id for identity in identities), *also})
        moved = [identity for identity in identities if not _still(identity, rows.get(identity.contact_id))]
        if not moved:
            return
        _read_again(moved)
    raise RuntimeError("people are being merged faster than they can be locked")


def _still(identity: Identity, row: Any) -> bool:
    if row is None or "contact" not in identity._state.fields_cache:
        return False
    contact, (_, merged_into, own, heard, active) = identity.contact, row
    if merged_into is not None or contact.merged_into_id is not None or contact.own != own:
        return False
    # Nobody writes these without the lock: what is added to them later counts from here.
    contact.last_inbound_at, contact.last_activity_at = heard, active
    return True


def _read_again(identities: Iterable[Identity]) -> None:
    rows = list(identities)
    fresh = Identity.objects.select_related("contact", "home").in_bulk([row.pk for row in rows])
    for row in rows:
        now = fresh[row.pk]
        row.contact, row.home = now.contact, now.home
