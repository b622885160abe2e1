"""When somebody who was erased is heard of again: a new message begins a new person, who is still opted out; a copy brings nobody back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scrm.contacts.models import Consent, Identity
from scrm.contacts.privacy.digests import erased
from scrm.core import clock

SOURCE = "before_erasure"


class ErasedPerson(ValueError):
    """A CRM or a file names somebody who was erased. Only the person can come back, by writing."""


def _key(identity: Identity) -> tuple[str, str]:
    return identity.kind, identity.e164 or identity.value


def keep_declined(identities: Sequence[Identity]) -> None:
    """Set on new rows, before they are stored, what the person had declined before the erasure."""
    found = erased(_key(identity) for identity in identities)
    for identity in identities:
        row = found.get(_key(identity))
        if row is None:
            continue
        identity.opted_out_at = row.erased_at if row.opted_out else identity.opted_out_at
        identity.marketing_opted_out_at = row.erased_at if row.promotions_declined else identity.marketing_opted_out_at


def prove_declined(identities: Iterable[Identity]) -> None:
    """The ledger's rows for what `keep_declined` set, once the identities are stored."""
    rows = []
    for identity in identities:
        for purpose, at in ((Consent.Purpose.ALL, identity.opted_out_at), (Consent.Purpose.MARKETING, identity.marketing_opted_out_at)):
            if at is not None:
                rows.append(Consent(identity=identity, purpose=purpose, allowed=False, source=SOURCE, at=clock.now()))
    if rows:
        Consent.objects.bulk_create(rows)


def refuse_erased(addresses: Iterable[tuple[str, str]]) -> None:
    """For imports and CRM pulls, before they make anybody: raises `ErasedPerson` with words for the row's report."""
    if erased(addresses):
        raise ErasedPerson("this person was erased; only a message of theirs can begin a new contact")
