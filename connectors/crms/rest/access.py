"""How a REST connection logs in: not at all, by a header, by name and password, by a token, or by OAuth client credentials."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.errors import Misconfigured, NeedsLogin, Rejected, TryLater
from connectors.guard import GuardedTransport
from connectors.http import HttpClient
from connectors.standard_webhooks import check_header
from connectors.untrusted import as_code, as_object, as_text

METHODS = ("none", "header", "basic", "bearer", "oauth")
# A token is renewed before it ends: a call that begins with it must not end without it.
EARLY = timedelta(seconds=60)
NO_LIFE_STATED = timedelta(minutes=5)


class Access:
    """The headers of one account. Tokens live in `keeper`, one renewal for all workers."""

    def __init__(self, settings: Settings, keeper: TokenKeeper) -> None:
        self._settings, self._keeper = settings, keeper
        self.method = settings.get("auth") or "none"
        if self.method not in METHODS:
            raise Misconfigured(f"Setting auth must be one of {', '.join(METHODS)}")

    def headers(self, stale: str = "") -> tuple[Mapping[str, str], str]:
        """The headers to send, and for OAuth the token in them. `stale` is a token that was refused."""
        match self.method:
            case "header":
                name = self._settings.need("auth_header")
                check_header(name, self._settings.need("token"))
                return {name: self._settings.need("token")}, ""
            case "basic":
                pair = f"{self._settings.need('username')}:{self._settings.need('password')}"
                return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, ""
            case "bearer":
                return {"authorization": f"{self._settings.get('auth_scheme') or 'Bearer'} {self._settings.need('token')}"}, ""
            case "oauth":
                token = self._token(stale)
                return {"authorization": f"Bearer {token}"}, token
        return {}, ""

    def _token(self, stale: str) -> str:
        kept = self._keeper.current()
        if kept is not None and kept.value != stale and (kept.expires_at is None or kept.expires_at > datetime.now(UTC) + EARLY):
            return kept.value
        return self._keeper.renew(stale or (kept.value if kept else ""), lambda _kept: self._fetch()).value

    def _fetch(self) -> AccessToken:
        """One POST to the token address. Raises connector errors; the answer is shown to nobody."""
        url, secret = self._settings.need("token_url"), self._settings.need("oauth_secret")
        form = {"grant_type": "client_credentials", "client_id": self._settings.need("client_id"), "client_secret": secret}
        if scope := self._settings.get("scope"):
            form["scope"] = scope
        client = HttpClient(url, secrets=[secret], transport=GuardedTransport)
        try:
            reply = client.request("POST", url, form=form, idempotent=True)
        finally:
            client.close()
        if reply.status in {400, 401, 403}:
            raise NeedsLogin(
                "The token address refuses client id and secret; enter them on the connection's page", code=f"HTTP {reply.status}"
            )
        if reply.status == 429 or reply.status >= 500:
            raise TryLater("The token address is busy or failing", after=reply.retry_after() or EARLY, scope="connection", times=None)
        document = as_object(reply.json_or_none())
        value = as_text(document.get("access_token"))
        if not reply.ok or not value.isascii() or not value.isprintable() or not value:
            raise Rejected("The token address gave no access_token", code=f"HTTP {reply.status}")
        life = as_code(document.get("expires_in"))
        return AccessToken(value, datetime.now(UTC) + (timedelta(seconds=min(life, 86_400)) if life > 0 else NO_LIFE_STATED))
