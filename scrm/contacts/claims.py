"""When an address says two things: two people claim it, a number came back with a stranger's user id, several people use it.

Nothing is joined here. Each finding is an event on the timelines of both people and a case that a supervisor answers, made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scrm.contacts import events
from scrm.contacts.models import Event, Identity, IdentityCase
from scrm.core import clock

Kind = IdentityCase.Kind


@dataclass(frozen=True, slots=True)
class Claim:
    """`identity` leads to its own contact now, and to the contact `other` as well.

    A conflict stands on one timeline, the owner's or that of `told`; the other kinds stand on both.
    """

    kind: IdentityCase.Kind
    identity: Identity
    other: int
    detail: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    told: int | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        return (str(self.kind), self.identity.pk, self.other)

    @property
    def address(self) -> str:
        return f"{self.identity.kind}:{self.identity.value}"


def raise_claims(claims: Sequence[Claim]) -> None:
    """Record what is new of these claims; one that was raised before, open or answered, is not raised again."""
    by_key = {claim.key: claim for claim in claims}
    if not by_key:
        return
    rows = IdentityCase.objects.filter(identity__in={claim.identity.pk for claim in claims})
    known = {(row.kind, row.identity_id, row.other_id) for row in rows}
    fresh = [claim for key, claim in sorted(by_key.items()) if key not in known]
    if fresh:
        IdentityCase.objects.bulk_create([_case(claim) for claim in fresh], ignore_conflicts=True)
        events.record([event for claim in fresh for event in _events(claim)])


def _case(claim: Claim) -> IdentityCase:
    detail = {"address": str(claim.identity), "kind": claim.identity.kind, **claim.detail}
    owner = claim.identity.contact_id
    return IdentityCase(
        kind=claim.kind, identity=claim.identity, contact_id=owner, other_id=claim.other, detail=detail, found_at=clock.now()
    )


def _events(claim: Claim) -> list[Event]:
    owner = claim.identity.contact_id
    cause = f"{claim.kind}:{claim.identity.pk}:{claim.other}"
    kind, at = f"identity.{claim.kind}", claim.at or clock.now()
    data = {"identity": claim.identity.pk, "address": claim.address, **claim.detail}
    told = [(owner, claim.other), (claim.other, owner)] if claim.other != owner else [(owner, owner)]
    if claim.kind == Kind.CONFLICT:
        told = [pair for pair in told if pair[0] == (claim.told or owner)]
    return [
        Event(contact_id=who, identity=claim.identity, kind=kind, occurred_at=at, data={**data, "other_contact": whom}, cause=cause)
        for who, whom in told
    ]


def mark_shared(identity: Identity, reason: str, other: int, *, at: datetime) -> None:
    """Several people use this address: from now on it proves nobody to be anybody. `reason` is a code of `SHARED_BECAUSE`."""
    if Identity.objects.filter(pk=identity.pk, shared_since=None).update(shared_since=at, shared_reason=reason):
        identity.shared_since, identity.shared_reason = at, reason
    raise_claims([Claim(Kind.SHARED, identity, other, {"reason": reason}, at)])
