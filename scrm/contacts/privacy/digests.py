"""Keyed hashes of addresses: enough to know an erased person again when they write, not enough to know who they were."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from scrm.contacts.privacy_models import ErasedAddress

# A number is the same person whether it came from WhatsApp, an import or a CRM.
NUMBERS = frozenset({"whatsapp", "phone"})


def _keys() -> list[bytes]:
    """The key in force first. Old keys stay readable as long as they stand in SECRET_KEY_FALLBACKS."""
    return [hashlib.sha256(b"scrm.erased\0" + secret.encode()).digest() for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _standard(kind: str, value: str) -> str:
    if kind in NUMBERS:
        return "number:" + value.strip().lstrip("+")
    return f"{kind}:{value.strip().casefold() if kind == 'email' else value.strip()}"


def digest(kind: str, value: str, key: bytes | None = None) -> str:
    """Of one address. `kind` is that of `Identity`, or "crm" with the value "<connection>:<record id>"."""
    return hmac.new(key or _keys()[0], _standard(kind, value).encode(), hashlib.sha256).hexdigest()


def made_digest(contact_id: int, created_at: datetime) -> str:
    """Tells a row that a restore brought back from another that got the same number."""
    return hmac.new(_keys()[0], f"contact:{contact_id}:{created_at.isoformat()}".encode(), hashlib.sha256).hexdigest()


def made_digests(contact_id: int, created_at: datetime) -> set[str]:
    text = f"contact:{contact_id}:{created_at.isoformat()}".encode()
    return {hmac.new(key, text, hashlib.sha256).hexdigest() for key in _keys()}


def erased(addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ErasedAddress]:
    """Which of these (kind, value) belonged to somebody who was erased. One query, none for no addresses."""
    wanted = {digest(kind, value, key): (kind, value) for kind, value in addresses for key in _keys()}
    if not wanted:
        return {}
    return {wanted[row.digest]: row for row in ErasedAddress.objects.filter(Q(digest__in=list(wanted)))}


def replayed(addresses: Iterable[tuple[str, str]], at: datetime | None) -> bool:
    """Whether something said by these addresses at `at` is from before their owner was erased: an old body, not a new message.

    Without a time it is a copy of what somebody else kept (an import, a CRM), never the person speaking.
    """
    found = erased(addresses)
    return bool(found) and (at is None or any(at <= row.erased_at for row in found.values()))
