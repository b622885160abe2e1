"""What a person allows us as things stand, why, and since when; and entering it by hand.

Consent hangs on addresses and is only ever added to. For the person as a whole the strictest of their current addresses counts, also over
merges: one that declined is enough, and undoing a merge gives each their own again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.utils.translation import gettext as _

from scrm.contacts.family import family_of
from scrm.contacts.locking import lock_owners
from scrm.contacts.models import Consent, Contact, Identity
from scrm.contacts.services import record_consent
from scrm.core import audit
from scrm.core.security import storable

BY_HAND = "by_hand"
LEAST_EVIDENCE = 10
HISTORY = 50

State = Literal["declined", "allowed", "unknown"]


class CannotEnter(ValueError):
    """Why a consent was not entered, worded for the person who tried."""


@dataclass(frozen=True, slots=True)
class Effective:
    """`identity`: the address that decides, None when nobody said anything; `proof`: the row that says so, None when it is not kept.

    "unknown" means for all messages that they may be sent, for promotions that the weekly limits of the law count.
    """

    purpose: str
    state: State
    identity: Identity | None = None
    at: datetime | None = None
    proof: Consent | None = None


def effective(identities: Iterable[Identity], consents: Sequence[Consent] = ()) -> tuple[Effective, Effective]:
    """(all messages, promotions). `consents`: the newest first. Addresses that are no longer valid say nothing. Asks nothing."""
    current = [identity for identity in identities if identity.valid_to is None]
    stopped = _latest((identity.opted_out_at, identity) for identity in current)
    declined = _latest((identity.marketing_opted_out_at, identity) for identity in current)
    allowed = _latest((identity.marketing_opt_in_at, identity) for identity in current)
    everything = _stated(Consent.Purpose.ALL, "declined", stopped, consents) or Effective(Consent.Purpose.ALL, "unknown")
    promotions = (
        _stated(Consent.Purpose.MARKETING, "declined", declined or stopped, consents)
        or _stated(Consent.Purpose.MARKETING, "allowed", allowed, consents)
        or Effective(Consent.Purpose.MARKETING, "unknown")
    )
    return everything, promotions


def _latest(found: Iterable[tuple[datetime | None, Identity]]) -> tuple[datetime, Identity] | None:
    said = [(at, identity) for at, identity in found if at is not None]
    return max(said, key=lambda pair: (pair[0], pair[1].pk), default=None)


def _stated(purpose: str, state: State, said: tuple[datetime, Identity] | None, consents: Sequence[Consent]) -> Effective | None:
    if said is None:
        return None
    at, identity = said
    proofs = (row for row in consents if row.identity_id == identity.pk and row.at == at and row.allowed is (state == "allowed"))
    return Effective(purpose, state, identity, at, next(proofs, None))


def history_of(contact: Contact, limit: int = HISTORY) -> list[Consent]:
    """Of all addresses that the person has or had, the newest first."""
    rows = Consent.objects.filter(identity__contact__in=family_of(contact)).select_related("identity")
    return list(rows.order_by("-at", "-pk")[:limit])


def enter_by_hand(
    contact: Contact, *, address: int | None, purpose: str, allowed: bool, evidence: str, by: Any, may_lift: bool, request: Any = None
) -> list[Consent]:
    """What the person told us outside the chats. `address` None: of all their current addresses. Raises `CannotEnter`.

    `evidence`: how they said it (a letter, a call, a form and its date); `may_lift`: whether `by` may allow again what was declined.
    Saying again what is known adds a row with the new evidence. Told to the audit with the addresses, not with the evidence.
    """
    evidence = str(storable(evidence)).strip()
    if purpose not in Consent.Purpose.values:
        raise CannotEnter(_("Choose what it is about."))
    if len(evidence) < LEAST_EVIDENCE:
        raise CannotEnter(_("Say how the person told you, in at least 10 characters: it is the proof."))
    with transaction.atomic():
        rows = list(Identity.objects.filter(contact__in=family_of(contact), valid_to=None).order_by("pk"))
        rows = [row for row in rows if address is None or row.pk == address]
        if not rows:
            raise CannotEnter(_("This address does not belong to the person any more. Load the page again."))
        lock_owners(rows)
        rows = list(Identity.objects.filter(pk__in=[row.pk for row in rows], valid_to=None).order_by("pk"))
        if allowed and not may_lift and any(_is_declined(row, purpose) for row in rows):
            raise CannotEnter(_("The person declined this. Only somebody with the right to change consents may allow it again."))
        who = by.get_username()[:150]
        made = [record_consent(row, purpose=purpose, allowed=allowed, source=BY_HAND, evidence=evidence, by=who) for row in rows]
        after = {"purpose": purpose, "allowed": allowed, "addresses": [row.pk for row in rows], "consents": [row.pk for row in made]}
        audit.record("contacts.consent_recorded", by=by, subject=contact, after=after, request=request)
    return made


def _is_declined(row: Identity, purpose: str) -> bool:
    return bool(row.opted_out_at or (purpose == Consent.Purpose.MARKETING and row.marketing_opted_out_at))
