"""Calls to Zoho: token, address, limits, the difference of the clocks, and errors in our words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.crms.zoho.login import Login
from connectors.crms.zoho.refusals import code_of, refusal
from connectors.crms.zoho.regions import accounts_url, api_host, data_centre
from connectors.errors import NeedsLogin, OutcomeUnknown
from connectors.http import HttpClient, Reply
from connectors.untrusted import Json, as_object, as_text

BATCH = 100
PAGE = 200
FIELDS_A_CALL = 50

_RENEWABLE = frozenset({"INVALID_TOKEN", "INVALID_OAUTHTOKEN"})
_LIMIT_WORDS = ("ratelimit", "credits")
# The codes that concern the whole connection whatever the status they come with.
_WHOLE = frozenset(
    {"INVALID_TOKEN", "AUTHENTICATION_FAILURE", "OAUTH_SCOPE_MISMATCH", "INVALID_HOST", "TOO_MANY_REQUESTS", "INTERNAL_ERROR"}
)

_SHORT = 4_000


class Wire:
    """Safe to use from several threads. Calls are repeated within seconds unless `repeatable` is False."""

    def __init__(self, settings: Settings, keeper: TokenKeeper | None) -> None:
        secrets = [settings.get(name) for name in ("client_secret", "refresh_token", "webhook_token")]
        self._settings = settings
        self._http = HttpClient(accounts_url(settings), secrets=[secret for each in secrets for secret in each.splitlines() if secret])
        self._login = Login(settings, self._http, keeper)
        self.limits: dict[str, str] = {}
        self.clock_offset: timedelta | None = None

    def close(self) -> None:
        self._http.close()

    @property
    def data_centre(self) -> str:
        return data_centre(self._settings)

    def now(self) -> datetime:
        """The time on Zoho's clock, as far as an answer has told it."""
        return datetime.now(UTC) + (self.clock_offset or timedelta(0))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
    ) -> Reply:
        """An answer that concerns the records asked for, whatever its status; what concerns the connection raises."""
        token = self._login.token()
        reply = self._once(method, path, body, params, headers, token, repeatable)
        if reply.status == 401 and code_of(reply) in _RENEWABLE:
            reply = self._once(method, path, body, params, headers, self._login.renewed(token.value), repeatable)
            if reply.status == 401 and code_of(reply) in _RENEWABLE:
                raise NeedsLogin(
                    "Zoho refuses even a new access token; enter a new refresh token on the connection's page", code="INVALID_TOKEN"
                )
        if reply.status in {401, 403, 408, 423, 429} or reply.status >= 500 or _concerns_all(reply):
            raise refusal(reply, path, self.data_centre)
        return reply

    def call(
        self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        """The parsed object of a successful answer, {} for 204 and 304; everything else raises."""
        reply = self.send(method, path, body, params, headers)
        if reply.status in {204, 304}:
            return {}
        if not reply.ok:
            raise refusal(reply, path, self.data_centre)
        document = reply.json()
        if not isinstance(document, dict):
            raise OutcomeUnknown("Zoho's answer is not an object", code=f"HTTP {reply.status}")
        if as_text(document.get("status")) == "error":
            raise refusal(reply, path, self.data_centre)
        return document

    def _once(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        token: AccessToken,
        repeatable: bool,
    ) -> Reply:
        version = quote(self._settings.need("api_version"), safe="")
        address = f"{api_host(self._settings, token.host)}/crm/{version}{path}"
        authority = {"authorization": f"Zoho-oauthtoken {token.value}", **(headers or {})}
        reply = self._http.request(method, address, json=body, params=params, headers=authority, idempotent=repeatable)
        self._keep(reply)
        return reply

    def _keep(self, reply: Reply) -> None:
        stated = {name: value for name, value in reply.headers.items() if any(word in name for word in _LIMIT_WORDS)}
        if stated:
            self.limits = stated
        sent = _date(reply.headers.get("date", ""))
        if sent is not None:
            self.clock_offset = sent - datetime.now(UTC)


def _concerns_all(reply: Reply) -> bool:
    """Whether the whole answer, whatever its status, is one of these refusals. They are short; rows of records are not parsed twice."""
    return len(reply.body) < _SHORT and as_text(as_object(reply.json_or_none()).get("code")).upper() in _WHOLE


def segment(value: str) -> str:
    """A value as one part of a path."""
    return quote(value, safe="")


def _date(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
