"""Writing about people: where the rest of the product takes its services from.

Who is who stands in `resolving` (one way from an address to a person), `moves` (changed numbers) and `addresses` (addresses that are
typed, imported or synchronised).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from scrm.contacts import events
from scrm.contacts.addresses import add_address as add_address
from scrm.contacts.locking import lock_owners as lock_owners
from scrm.contacts.locking import lock_people as lock_people
from scrm.contacts.locking import lock_person as lock_person
from scrm.contacts.models import Consent, Event, Identity
from scrm.contacts.moves import before_or_after as before_or_after
from scrm.contacts.moves import change_address as change_address
from scrm.contacts.newcomers import Sender as Sender
from scrm.contacts.privacy.returning import refuse_erased as refuse_erased
from scrm.contacts.resolving import MATCHED_KINDS as MATCHED_KINDS
from scrm.contacts.resolving import find_identity as find_identity
from scrm.contacts.resolving import make_person as make_person
from scrm.contacts.resolving import resolve_identity as resolve_identity
from scrm.contacts.resolving import resolve_many as resolve_many
from scrm.core import clock


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
        data = {"purpose": purpose, "allowed": allowed, "source": source, **({"by": by} if by else {})}
        events.record([Event(contact_id=identity.contact_id, identity=identity, kind="consent.changed", occurred_at=at, data=data)])
    return consent
