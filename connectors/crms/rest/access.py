"""How a REST connection logs in: not at all, by a header, by name and password, by a token, by OAuth client credentials, or by a log-in
that answers with a token.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.crms.rest import pointers
from connectors.errors import Misconfigured, NeedsLogin, Rejected, TryLater
from connectors.guard import GuardedTransport
from connectors.http import HttpClient
from connectors.standard_webhooks import check_header
from connectors.untrusted import as_code, as_object, as_text

METHODS = ("none", "header", "basic", "bearer", "oauth", "login")
LOGIN_BODY = '{"username": "{username}", "password": "{password}"}'
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
        """The headers to send, and the token in them if it can be renewed. `stale` is one that was refused."""
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
            case "login":
                token = self._token(stale)
                return {"authorization": f"{self._settings.get('auth_scheme') or 'Bearer'} {token}"}, token
        return {}, ""

    def _token(self, stale: str) -> str:
        kept = self._keeper.current()
        if kept is not None and kept.value != stale and (kept.expires_at is None or kept.expires_at > datetime.now(UTC) + EARLY):
            return kept.value
        return self._keeper.renew(stale or (kept.value if kept else ""), lambda _kept: self._fetch()).value

    def _fetch(self) -> AccessToken:
        """One POST to the token address. Raises connector errors; the answer is shown to nobody."""
        by_name = self.method == "login"
        url, secret = self._settings.need("token_url"), self._settings.need("password" if by_name else "oauth_secret")
        sent = {"json": self._login_body()} if by_name else {"form": self._client_form(secret)}
        client = HttpClient(url, secrets=[secret], transport=GuardedTransport)
        try:
            reply = client.request("POST", url, **sent, idempotent=True)
        finally:
            client.close()
        if reply.status in {400, 401, 403}:
            raise NeedsLogin("The token address refuses the credentials; enter them on the connection's page", code=f"HTTP {reply.status}")
        if reply.status == 429 or reply.status >= 500:
            raise TryLater("The token address is busy or failing", after=reply.retry_after() or EARLY, scope="connection", times=None)
        document = as_object(reply.json_or_none())
        value = as_text(pointers.get(document, self._token_at()) if by_name else document.get("access_token"))
        if not reply.ok or not value.isascii() or not value.isprintable() or not value:
            raise Rejected("The token address gave no token", code=f"HTTP {reply.status}")
        life = as_code(document.get("expires_in"))
        return AccessToken(value, datetime.now(UTC) + (timedelta(seconds=min(life, 86_400)) if life > 0 else NO_LIFE_STATED))

    def _client_form(self, secret: str) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": self._settings.need("client_id"), "client_secret": secret}
        scope = self._settings.get("scope")
        return {**form, "scope": scope} if scope else form

    def _login_body(self) -> Any:
        """What is posted to log in, with name and password in their places."""
        try:
            body = json.loads(self._settings.get("login_body") or LOGIN_BODY)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Misconfigured("What is sent to log in must be an object in JSON")
        return _filled(body, {"{username}": self._settings.need("username"), "{password}": self._settings.need("password")})

    def _token_at(self) -> str:
        try:
            return pointers.pointer(pointers.tokens(self._settings.get("token_at") or "/token"))
        except pointers.BadPointer as error:
            raise Misconfigured(f"The place of the token is no pointer: {error}") from None


def _filled(body: Any, words: Mapping[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: _filled(part, words) for name, part in body.items()}
    return words.get(body, body) if isinstance(body, str) else body
