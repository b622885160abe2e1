"""The one door: who asks, how often, what goes wrong on purpose, and which endpoint answers. Free of any framework."""

from __future__ import annotations

import hmac
import json
import random
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

from scrm.sandbox.salesforce import endpoints, knobs
from scrm.sandbox.salesforce.endpoints import Desk
from scrm.sandbox.salesforce.records import OUR_USER, Book
from scrm.sandbox.salesforce.store import Store
from scrm.sandbox.salesforce.vocabulary import Json
from scrm.sandbox.salesforce.wire import Answer, Ask, Refusal, page

LONGEST_WAIT_SECONDS = 60.0
VERSIONS = ("64.0", "65.0", "66.0", "67.0", "68.0")
_DATA = r"/services/data/v(?P<version>\d+\.0)"
_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", _DATA + r"/limits/?", endpoints.limits),
    ("GET", _DATA + r"/query/?", endpoints.query),
    ("GET", _DATA + r"/queryAll/?", endpoints.query_all),
    ("GET", _DATA + r"/sobjects/(?P<sobject>\w+)/describe/?", endpoints.describe),
    ("GET", _DATA + r"/sobjects/(?P<sobject>\w+)/deleted/?", endpoints.deleted),
    ("POST", _DATA + r"/composite/sobjects/(?P<sobject>\w+)/?", endpoints.retrieve),
    ("POST", _DATA + r"/composite/sobjects/?", endpoints.create_many),
    ("PATCH", _DATA + r"/composite/sobjects/?", endpoints.update_many),
    ("PATCH", _DATA + r"/composite/sobjects/(?P<sobject>\w+)/(?P<key>\w+)/?", endpoints.upsert_many),
    ("POST", _DATA + r"/tooling/sobjects/CustomField/?", endpoints.make_field),
    ("PATCH", _DATA + r"/sobjects/(?P<sobject>\w+)/(?P<record_id>[A-Za-z0-9]+)/?", endpoints.update_one),
    ("PATCH", _DATA + r"/sobjects/(?P<sobject>\w+)/(?P<key>\w+)/(?P<value>[^/]+)/?", endpoints.upsert_one),
)


class SalesforceApi:
    """`clock` tells the org's time, `chance` draws its faults."""

    def __init__(self, store: Store, address: str, clock: Callable[[], datetime], chance: random.Random | None = None) -> None:
        self._store, self._address, self._clock = store, address, clock
        self._chance = chance or random.SystemRandom()
        self._calls = 0

    def book(self) -> Book:
        """The records, for those who act as the org's own people."""
        return Book(self._store, {**knobs.DEFAULTS, **self._store.knobs()}, self._clock())

    def handle(self, ask: Ask) -> Answer:
        now = self._clock()
        with self._store.guard():
            state = {**knobs.DEFAULTS, **self._store.knobs()}
        time.sleep(min(float(state["latency_ms"]) / 1000, LONGEST_WAIT_SECONDS))
        try:
            with self._store.guard():
                answer = self._answer(ask, state, now)
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.body())
        usage = f"api-usage={min(self._calls, state['daily_calls'])}/{state['daily_calls']}"
        return Answer(answer.status, answer.body, {"sforce-limit-info": usage, **answer.headers}, answer.page)

    def _answer(self, ask: Ask, state: Json, now: datetime) -> Answer:
        if ask.path == "/services/oauth2/token":
            return self._token({name: values[0] for name, values in parse_qs(ask.body.decode("utf-8", "replace")).items()}, state, now)
        if ask.path in {"/services/data", "/services/data/"}:
            return Answer(200, [{"label": f"Release {each}", "url": f"/services/data/v{each}", "version": each} for each in VERSIONS])
        self._authenticate(ask, now)
        self._calls = self._store.count_call()
        if self._calls > state["daily_calls"]:
            raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        struck = self._strike(ask.path)
        if (instead := self._instead(struck)) is not None:
            return instead
        answer = self._work(ask, state, now)
        return page(502, "Bad gateway") if struck == "lost_answer" else answer

    def _strike(self, path: str) -> str:
        held = dict(self._store.knobs())
        struck = knobs.strikes(held, path, self._chance)
        if held != self._store.knobs():
            self._store.set_knobs(held)
        return struck

    def _instead(self, struck: str) -> Answer | None:
        """What is answered although nothing was done."""
        if struck == "error_500":
            raise Refusal(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")
        if struck == "error_503":
            raise Refusal(503, "SERVER_UNAVAILABLE", "We are down for maintenance.")
        if struck == "request_limit":
            raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if struck == "session_ended":
            self._store.close_sessions()
            raise _no_session()
        return page(502, "Bad gateway") if struck == "html" else None

    def _work(self, ask: Ask, state: Json, now: datetime) -> Answer:
        if ask.path == "/services/oauth2/userinfo" and ask.method == "GET":
            return Answer(200, {"user_id": OUR_USER, "organization_id": "00D5g00000HKORGEA0", "preferred_username": "scrm@acme.hk"})
        for method, pattern, serve in _ROUTES:
            match = re.fullmatch(pattern, ask.path)
            if match is None or method != ask.method:
                continue
            parts = {name: unquote(value) for name, value in match.groupdict().items()}
            if parts.pop("version") not in VERSIONS:
                raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
            desk = Desk(Book(self._store, state, now), ask, _body(ask), self._chance)
            return serve(desk, **parts)
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")

    # --- log-in -------------------------------------------------------------------------------------------------------

    def _token(self, form: dict[str, str], state: Json, now: datetime) -> Answer:
        own = self._store.credentials()
        if form.get("client_id") != own["client_id"]:
            return _oauth(400, "invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(form.get("client_secret", "").encode(), own["client_secret"].encode()):
            return _oauth(400, "invalid_client", "invalid client credentials")
        extra: Json = {}
        if form.get("grant_type") == "refresh_token":
            if not hmac.compare_digest(form.get("refresh_token", "").encode(), own["refresh_token"].encode()):
                return _oauth(400, "invalid_grant", "expired access/refresh token")
            if state["rotate_refresh"]:
                extra = {"refresh_token": f"5Aep861.{secrets.token_hex(24)}"}
                self._store.set_refresh(extra["refresh_token"])
        elif form.get("grant_type") != "client_credentials":
            return _oauth(400, "unsupported_grant_type", "grant type not supported")
        token = f"00D5g!{secrets.token_hex(32)}"
        self._store.open_session(token, now + timedelta(seconds=float(state["session_seconds"])))
        issued = str(int(now.timestamp() * 1000))
        return Answer(
            200,
            {"access_token": token, "instance_url": self._address, "token_type": "Bearer", "issued_at": issued, "scope": "api", **extra},
        )

    def _authenticate(self, ask: Ask, now: datetime) -> None:
        scheme, _, token = ask.headers.get("authorization", "").partition(" ")
        end = self._store.session_end(token.strip()) if scheme.lower() == "bearer" else None
        if end is None or end <= now:
            raise _no_session()


def _no_session() -> Refusal:
    return Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _oauth(status: int, error: str, words: str) -> Answer:
    return Answer(status, {"error": error, "error_description": words})


def _body(ask: Ask) -> Any:
    if ask.method not in {"POST", "PATCH"}:
        return {}
    try:
        body = json.loads(ask.body or b"{}")
    except ValueError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", f"Unexpected character: {error}") from error
    if not isinstance(body, dict):
        raise Refusal(400, "JSON_PARSER_ERROR", "Can not deserialize SObject out of START_ARRAY token")
    return body
