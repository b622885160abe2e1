"""The one door: who asks, what it costs, what goes wrong on purpose, and which endpoint answers."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from scrm.sandbox.zoho import endpoints, knobs, settings_api
from scrm.sandbox.zoho.desk import Desk
from scrm.sandbox.zoho.store import Store
from scrm.sandbox.zoho.vocabulary import Json
from scrm.sandbox.zoho.wire import Answer, Ask, Refusal, error

TEN_MINUTES, DAY = timedelta(minutes=10), timedelta(days=1)
VERSION = "v8"
BAD_GATEWAY = Answer(502, page="<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class ZohoApi:
    """`api_domain` is what the token's answer names. `clock` is Zoho's; `chance` decides which calls misbehave."""

    store: Store
    api_domain: str
    clock: Callable[[], datetime] = _now
    chance: random.Random = random.SystemRandom()  # noqa: RUF009 - stateless

    # --- log-in -------------------------------------------------------------------------------------------------------

    def token(self, form: dict[str, str]) -> Answer:
        with self.store.guard():
            now, state, known = self.clock(), self._state(), self.store.credentials()
            if form.get("grant_type") != "refresh_token":
                return self._dated(Answer(200, {"error": "unsupported_grant_type"}))
            if (form.get("client_id"), form.get("client_secret")) != (known["client_id"], known["client_secret"]):
                return self._dated(Answer(200, {"error": "invalid_client"}))
            if form.get("refresh_token") != known["refresh_token"]:
                return self._dated(Answer(200, {"error": "invalid_code"}))
            if self.store.tokens_since(now - TEN_MINUTES) >= state["tokens_in_ten_minutes"]:
                words = "You have made too many requests continuously. Please try again after some time."
                return self._dated(Answer(400, {"error": "Access Denied", "error_description": words, "status": "failure"}))
            value, life = f"1000.{secrets.token_hex(32)}", int(state["token_seconds"])
            self.store.add_token(value, now, now + timedelta(seconds=life))
            body = {"access_token": value, "api_domain": self.api_domain, "token_type": "Bearer", "expires_in": life}
            return self._dated(Answer(200, body))

    # --- the API ------------------------------------------------------------------------------------------------------

    def handle(self, ask: Ask) -> Answer:
        """`ask.path` is what follows the API's address: /crm/v8/Contacts."""
        state = self._state()
        if state["latency_ms"]:
            time.sleep(min(60.0, state["latency_ms"] / 1000))
        with self.store.guard():
            try:
                return self._dated(self._served(ask))
            except Refusal as refused:
                return self._dated(refused.answer())

    def _served(self, ask: Ask) -> Answer:
        state, held = self._state(), dict(self.store.knobs())
        self._authenticate(ask)
        left = int(state["credits"]) - self.store.spent_since(self.clock() - DAY)
        headers = {"X-API-CREDITS-REMAINING": str(max(0, left - 1))}
        if left <= 0:
            return Answer(429, error("LIMIT_EXCEEDED", "The API credits of this account are used up", {}), headers)
        struck = knobs.strikes(held, ask.path, self.chance)
        if struck:
            self.store.set_knobs(held)
        if struck in _INSTEAD:
            return _INSTEAD[struck]
        if struck == "token_ended":
            self.store.end_tokens()
            raise Refusal(401, "INVALID_TOKEN", "invalid oauth token")
        answer = self._endpoint(ask, state)
        return BAD_GATEWAY if struck == "lost_answer" else Answer(answer.status, answer.body, {**headers, **answer.headers}, answer.page)

    def _authenticate(self, ask: Ask) -> None:
        scheme, _, value = ask.headers.get("authorization", "").partition(" ")
        ends_at = self.store.token_end(value.strip()) if scheme == "Zoho-oauthtoken" else None
        if ends_at is None or ends_at <= self.clock():
            raise Refusal(401, "INVALID_TOKEN", "invalid oauth token")

    def _endpoint(self, ask: Ask, state: Json) -> Answer:
        if state["wrong_host"]:
            raise Refusal(400, "INVALID_HOST", "The host given seems to be invalid")
        if state["scope_missing"] and state["scope_missing"] in ask.path:
            raise Refusal(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
        parts = [part for part in ask.path.split("/") if part]
        if parts[:2] != ["crm", VERSION] or len(parts) < 3:
            raise Refusal(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")
        desk = Desk(self.store, self.clock(), self.chance, state, ask, _body(ask))
        head, rest = parts[2], parts[3:]
        if head == "coql":
            return endpoints.query(desk)
        if head == "settings":
            return settings_api.fields(desk)
        if head == "actions":
            return settings_api.watch(desk)
        desk.module(head)
        return endpoints.records(desk, head, rest)

    def _state(self) -> Json:
        return {**knobs.DEFAULTS, **self.store.knobs()}

    def _dated(self, answer: Answer) -> Answer:
        return Answer(answer.status, answer.body, {"Date": format_datetime(self.clock(), usegmt=True), **answer.headers}, answer.page)


_INSTEAD = {
    "error_500": Answer(500, error("INTERNAL_ERROR", "Internal server error", {})),
    "html": BAD_GATEWAY,
    "error_429": Answer(429, error("TOO_MANY_REQUESTS", "Too many requests fired", {})),
}


def _body(ask: Ask) -> Any:
    if ask.method in {"GET", "DELETE"} or not ask.body:
        return {}
    try:
        found = json.loads(ask.body)
    except ValueError as fault:
        raise Refusal(400, "INVALID_DATA", "body is no JSON") from fault
    if not isinstance(found, dict):
        raise Refusal(400, "INVALID_DATA", "body", {"expected_data_type": "jsonobject"})
    return found
