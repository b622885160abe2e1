"""Issuing and revoking partners' tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from scrm.api.models import PartnerToken
from scrm.api.scopes import SCOPES, UNLIMITED
from scrm.connections.models import Connection
from scrm.core import audit, clock
from scrm.core.audit_actor import actor
from scrm.hooks import services as hooks

TOKEN_MARK = "scrm_"  # noqa: S105 - the beginning that all tokens share
TOKEN_BYTES = 32


def digest_of(plaintext: str) -> str:
    """SHA-256 is enough, and no salt is needed: a token holds 256 random bits, so there is nothing to guess from."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def issue_token(
    name: str, scopes: Iterable[str], expires_at: datetime | None = None, *, channels: Iterable[Connection] = ()
) -> tuple[PartnerToken, str]:
    """A new token and its plaintext, which is not kept and cannot be shown again. `channels`: all it sees; none: everything.

    ValueError for an unknown scope, and for what does not end at a channel with a limited token.
    """
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise ValueError(f"unknown scope {', '.join(unknown)}; known are {', '.join(SCOPES)}")
    limits = list(channels)
    if limits and (beyond := sorted(UNLIMITED & set(wanted))):
        raise ValueError(f"{', '.join(beyond)} cannot be given to a token that is limited to channels: it does not end at a channel")
    plaintext = TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        token = PartnerToken.objects.create(
            name=name,
            prefix=plaintext[:12],
            digest=digest_of(plaintext),
            scopes=wanted,
            created_at=clock.now(),
            expires_at=expires_at,
        )
        token.channels.set(limits)
        given = {"name": name, "scopes": wanted, "expires_at": expires_at, "channels": [row.slug for row in limits]}
        audit.record("api.token_issued", by=actor(), subject=token, after=given)
    return token, plaintext


def revoke_token(token: PartnerToken) -> None:
    """From now on the token opens nothing, and its webhooks end. Revoking twice keeps the first time."""
    with transaction.atomic():
        if PartnerToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now()):
            audit.record("api.token_revoked", by=actor(), subject=token, before={"name": token.name, "scopes": token.scopes})
    hooks.end_of_token(token.pk)
    token.refresh_from_db()
