"""Who calls: `Authorization: Bearer scrm_...`.

Tokens are found by their digest, so the time a look-up takes says nothing about a stored token.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from scrm.api.models import PartnerToken
from scrm.api.services import TOKEN_MARK, digest_of
from scrm.core import clock
from scrm.staff.sight import EVERYTHING, Sight

LONGEST_TOKEN = 200
USE_RECORDED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Partner:
    """What stands in `request.user`: a token, not a person, so nothing of the console opens to it."""

    token: PartnerToken
    is_authenticated: bool = True
    is_staff: bool = False

    @property
    def pk(self) -> int:
        return self.token.pk

    def __str__(self) -> str:
        return str(self.token)

    def sight(self) -> Sight:
        """Everything, or the channels that the token is limited to; asked once a request."""
        if self.token.channel_ids is None:
            return EVERYTHING
        return Sight(teams=None, channels=self.token.channel_ids)

    def get_username(self) -> str:
        """The name under which the audit knows it."""
        return f"api:{self.token.pk}"


class PartnerTokenAuthentication(BaseAuthentication):
    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Partner, PartnerToken] | None:
        scheme, _space, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.keyword.lower().encode():
            return None
        token = _find(value.strip())
        if token is None:
            # One answer for unknown, expired and revoked: a caller who guesses learns nothing.
            raise AuthenticationFailed(_("This token is not valid: unknown, expired or revoked."))
        _record_use(token)
        return Partner(token), token

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="api"'


def _find(value: bytes) -> PartnerToken | None:
    try:
        plaintext = value[: LONGEST_TOKEN + 1].decode("ascii")
    except UnicodeDecodeError:
        return None
    if not plaintext.startswith(TOKEN_MARK) or len(plaintext) > LONGEST_TOKEN:
        return None
    digest = digest_of(plaintext)
    token = PartnerToken.objects.filter(digest=digest).first()
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    return token if _is_valid(token) else None


def _is_valid(token: PartnerToken) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > clock.now())


def _record_use(token: PartnerToken) -> None:
    """At most one write a minute and token, however many processes serve it: the update is conditional."""
    now = clock.now()
    if token.last_used_at is not None and token.last_used_at > now - USE_RECORDED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
    PartnerToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
