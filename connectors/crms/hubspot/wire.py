"""Calls to HubSpot: token, paths, errors in our words, and the rate limits that each answer states."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.accounts import Settings
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.http import MAX_RETRY_AFTER, HttpClient, Reply
from connectors.untrusted import Json, as_list, as_object, as_text

OBJECT_TYPES = {
    "contact": "contacts",
    "communication": "communications",
    "deal": "deals",
    "case": "tickets",
    "order": "orders",
    "product": "products",
}
# What a token of an older app may not reach; everything else works without.
OPTIONAL = frozenset({"case", "order", "product"})
# No kind of ours: the lines of an order are records of their own there.
ITEM = "line_item"
_NAMES = {**OBJECT_TYPES, ITEM: "line_items"}

BATCH = 100
# HubSpot allows five to an account; one is left to its other apps.
SEARCHES_A_SECOND = 4
SERVER_PAUSE = timedelta(minutes=1)

# What a 429 without Retry-After means, by the policy it names.
_SHORT_POLICIES = {"TEN_SECONDLY_ROLLING": timedelta(seconds=10), "SECONDLY": timedelta(seconds=1)}
_LIMIT_PREFIX = "x-hubspot-ratelimit-"


def object_type(kind: str) -> str:
    """HubSpot's name for one of our kinds. Raises `Misconfigured` for a kind that has no place there."""
    if kind not in _NAMES:
        raise Misconfigured(f"HubSpot keeps no {kind!r}; there are {', '.join(OBJECT_TYPES)}")
    return _NAMES[kind]


class Wire:
    """Every call here is safe to repeat: reads, searches, upserts by our key, updates to stated values, default associations."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = HttpClient(settings.need("base_url"))
        self.limits: dict[str, str] = {}
        self._searches: deque[float] = deque(maxlen=SEARCHES_A_SECOND)
        self._lock = threading.Lock()

    def search(self, kind: str, body: Json) -> Json:
        """One search, in its turn: with several kinds to read, a round would else reach the limit of the second and rest for all."""
        with self._lock:
            if len(self._searches) == SEARCHES_A_SECOND:
                time.sleep(max(0.0, self._searches[0] + 1.05 - time.monotonic()))
            self._searches.append(time.monotonic())
        return self.call("POST", self.objects(kind, "search"), body)

    def close(self) -> None:
        self._http.close()

    def objects(self, kind: str, *parts: str) -> str:
        return self._path("objects", object_type(kind), *parts)

    def properties(self, kind: str) -> str:
        return self._path("properties", object_type(kind))

    def associations(self, kind: str, other: str, *parts: str) -> str:
        return self._path("associations", object_type(kind), object_type(other), *parts)

    def _path(self, family: str, *parts: str) -> str:
        version = self._settings.need("api_version")
        return "/".join(["/crm", family, quote(version, safe=""), *(quote(part, safe="") if "/" not in part else part for part in parts)])

    def send(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Reply:
        """The answer of any status but 401, 403, 429 and 5xx, which raise."""
        authority = {"authorization": f"Bearer {self._settings.need('access_token')}"}
        reply = self._http.request(method, path, json=body, params=params, headers=authority, idempotent=True)
        self._keep_limits(reply)
        if reply.status in {401, 403, 408, 423, 429, 477} or reply.status >= 500:
            raise refusal(reply)
        return reply

    def call(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Json:
        """The parsed object of a successful answer; everything else raises."""
        reply = self.send(method, path, body, params)
        if not reply.ok:
            raise refusal(reply)
        if reply.status == 204:
            return {}
        document = reply.json()
        if not isinstance(document, dict):
            raise OutcomeUnknown("HubSpot's answer is not an object", code=f"HTTP {reply.status}")
        return document

    def _keep_limits(self, reply: Reply) -> None:
        stated = {name.removeprefix(_LIMIT_PREFIX): value for name, value in reply.headers.items() if name.startswith(_LIMIT_PREFIX)}
        if stated:
            self.limits = stated


def refusal(reply: Reply) -> ConnectorError:
    """Our error for an answer that is not 2xx, by status and category, never by the words of the message."""
    document = as_object(reply.json_or_none())
    code = as_text(document.get("category")) or f"HTTP {reply.status}"
    detail = as_text(document.get("message"))
    if reply.status == 401:
        return NeedsLogin("HubSpot does not accept the access token; enter a new one on the connection's page", code=code, detail=detail)
    if reply.status == 403:
        return Misconfigured(_missing_scopes(document), code=code, detail=detail)
    if reply.status == 429:
        return TryLater(
            "HubSpot asks to slow down", after=_patience(reply, document), scope="connection", times=None, code=code, detail=detail
        )
    if reply.status >= 500 and not reply.retry_after():
        # Whether the write was done is not said. Our writes are upserts, so the caller may repeat them.
        return OutcomeUnknown("HubSpot failed while answering", code=f"HTTP {reply.status}", detail=detail)
    if reply.status in {408, 423, 477} or reply.status >= 500:
        after = reply.retry_after() or SERVER_PAUSE
        return TryLater("HubSpot is busy or failing", after=after, scope="connection", times=None, code=code, detail=detail)
    if reply.status in {404, 410}:
        return Gone("HubSpot has no such record or address", code=code, detail=detail)
    return Rejected("HubSpot refused the request", code=code, detail=detail)


def _missing_scopes(document: Json) -> str:
    scopes = [as_text(scope) for scope in as_list(as_object(document.get("context")).get("requiredGranularScopes"))]
    wanted = f": {', '.join(filter(None, scopes))}" if any(scopes) else "; see the list on the connection's page"
    return f"The access token lacks a scope{wanted}"[:300]


def _patience(reply: Reply, document: Json) -> timedelta:
    stated = reply.retry_after()
    if stated is not None:
        return stated
    policy = as_text(document.get("policyName"))
    if policy == "DAILY":
        now = datetime.now(UTC)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return min(midnight - now, MAX_RETRY_AFTER)  # the account's own midnight may be earlier: ask again each hour
    return _SHORT_POLICIES.get(policy, timedelta(seconds=10))
