"""Calls to one org: address and token, one new log-in where a session has ended, and the count of API calls that each answer states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.crms.salesforce.login import Login
from connectors.crms.salesforce.refusals import code_of, errors_of, refusal
from connectors.errors import OutcomeUnknown
from connectors.guard import GuardedTransport
from connectors.http import HttpClient, Reply
from connectors.untrusted import Json, as_list, as_object

CLIENT = "scrm"  # comes back in change events as the mark of our own writes
BATCH = 200
DUPLICATES = "allowSave=false; includeRecordDetails=true; runAsCurrentUser=true"

_USAGE = re.compile(r"(?:^|[\s;,])api-usage=([0-9]{1,12})/([0-9]{1,12})", re.ASCII)


class Wire:
    """Everything sent here with `idempotent` may be repeated: reads, upserts by our key, updates to stated values."""

    def __init__(self, settings: Settings, keeper: TokenKeeper | None) -> None:
        secrets = [settings.get("client_secret"), settings.get("refresh_token")]
        self._http = HttpClient(settings.need("base_url"), secrets=[secret for secret in secrets if secret], transport=GuardedTransport)
        self._login = Login(settings, self._http, keeper)
        self.version = settings.get("api_version").strip().lstrip("vV") or "67.0"
        self.usage: tuple[int, int] | None = None
        self.clock_offset: timedelta | None = None

    def close(self) -> None:
        self._http.close()

    def path(self, *parts: str) -> str:
        """A path of the API, its parts escaped."""
        return "/".join([f"/services/data/v{quote(self.version, safe='.')}", *(quote(part, safe="") for part in parts)])

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
    ) -> Reply:
        """The answer of any status but 401, 403, 429 and 5xx, which raise. A session that has ended is renewed, once."""
        token = self._login.token()
        reply = self._once(token, method, path, body, params, headers, idempotent)
        if reply.status == 401:
            token = self._login.renewed(token.value)
            reply = self._once(token, method, path, body, params, headers, idempotent)
        if reply.status in {401, 403, 420, 429} or reply.status >= 500 or _concerns_all(reply):
            raise refusal(reply)
        return reply

    def call(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Json:
        """The parsed object of a successful answer; everything else raises."""
        reply = self.send(method, path, body, params)
        if not reply.ok:
            raise refusal(reply)
        document = reply.json() if reply.status != 204 else {}
        if not isinstance(document, dict):
            raise OutcomeUnknown("Salesforce's answer is not an object", code=f"HTTP {reply.status}")
        return document

    def query(self, soql: str, *, deleted: bool = False) -> tuple[list[Json], bool]:
        """The rows of the answer's first page and whether the server holds more; with those in the recycle bin when `deleted`."""
        document = self.call("GET", self.path("queryAll" if deleted else "query"), params={"q": soql})
        if not isinstance(document.get("records"), list):
            raise OutcomeUnknown("Salesforce's answer to a query has no records", code="HTTP 200")
        return [row for row in document["records"] if isinstance(row, dict)], document.get("done") is False

    def _once(
        self,
        token: AccessToken,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        idempotent: bool,
    ) -> Reply:
        ours = {
            "authorization": f"Bearer {token.value}",
            "sforce-call-options": f"client={CLIENT}",
            "sforce-duplicate-rule-header": DUPLICATES,
        }
        target = (token.host or self._http.base_url) + path
        reply = self._http.request(method, target, json=body, params=params, headers={**ours, **(headers or {})}, idempotent=idempotent)
        self._take_note(reply)
        return reply

    def _take_note(self, reply: Reply) -> None:
        found = _USAGE.search(reply.headers.get("sforce-limit-info", ""))
        if found:
            self.usage = int(found[1]), int(found[2])
        try:
            theirs = parsedate_to_datetime(reply.headers.get("date", ""))
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        self.clock_offset = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - datetime.now(UTC)


def _concerns_all(reply: Reply) -> bool:
    """Whether a refusal is none of a record."""
    codes = {code_of(error) for error in errors_of(reply)} if not reply.ok else set[str]()
    return bool(codes & {"REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED", "UNSUPPORTED_API_VERSION"})


def listed(reply: Reply) -> list[Json]:
    """The rows of an answer that is a list of objects; nulls in it come as empty ones."""
    document = reply.json()
    if not isinstance(document, list):
        raise OutcomeUnknown("Salesforce's answer is not a list", code=f"HTTP {reply.status}")
    return [as_object(row) for row in document]


def rows_in(document: Json, name: str) -> list[Json]:
    return [row for row in as_list(document.get(name)) if isinstance(row, dict)]
