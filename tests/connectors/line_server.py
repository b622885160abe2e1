"""LINE's side of the wire, as its reference describes it: reply tokens that work once, retry keys that are carried out once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from line_bodies import YUKI

from connectors.conformance import Answer

TOKEN = "line-token-77"


def answer(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def refusal(message: str, status: int, *details: tuple[str, str], **headers: str) -> Answer:
    parts = [{"property": place, "message": words} for place, words in details]
    return answer({"message": message, **({"details": parts} if parts else {})}, status, **headers)


@dataclass
class FakeLine:
    """`delivered` is what people see: (recipient, message object). `lost`: that many answers to sends break off after the delivery."""

    tokens: dict[str, str] = field(default_factory=lambda: {"good-token": YUKI})
    friends: dict[str, dict[str, str]] = field(
        default_factory=lambda: {YUKI: {"userId": YUKI, "displayName": "田中 由紀", "language": "ja"}}
    )
    quota: Any = field(default_factory=lambda: {"type": "limited", "value": 5000})
    used: int = 120
    lost: int = 0
    keys: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    delivered: list[tuple[str, Any]] = field(default_factory=list)
    files: dict[str, Answer] = field(default_factory=dict)
    preparing: dict[str, list[str]] = field(default_factory=dict)
    bodies: list[tuple[str, Any]] = field(default_factory=list)
    count: int = 0

    def __call__(self, request: Any) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal("Authentication failed due to the following reason: invalid token.", 401)
        path = request.path.removeprefix("/v2/bot/")
        if request.method == "GET":
            return self._get(path)
        body = request.json if request.body else None
        self.bodies.append((path, body))
        if path == "message/reply":
            return self._reply(request, body)
        if path == "message/push":
            return self._push(request, body)
        return answer({"linkToken": "NMZTNuVrPTqlr2IF8Bnymkb7rXfYv5EY"}) if path.endswith("linkToken") else Answer(200)

    def _get(self, path: str) -> Answer:
        known: dict[str, Any] = {
            "info": {"userId": "Ub", "basicId": "@216ru...", "displayName": "Harbour Beauty", "chatMode": "bot", "markAsReadMode": "auto"},
            "message/quota": self.quota,
            "message/quota/consumption": {"totalUsage": self.used},
        }
        parts = path.split("/")
        if parts[0] == "profile":
            return answer(self.friends[parts[1]]) if parts[1] in self.friends else refusal("Not found", 404)
        if parts[-1] == "transcoding":
            waiting = self.preparing.get(parts[1], [])
            return answer({"status": waiting.pop(0) if waiting else "succeeded"})
        if parts[-1] == "content":
            return self.files.get(parts[1], refusal("Not found", 404))
        return answer(known[path])

    def _reply(self, request: Any, body: Any) -> Answer:
        if "x-line-retry-key" in request.headers:
            return refusal("The retry key is not supported on this endpoint", 400)
        person = self.tokens.pop(body["replyToken"], None)
        return self._deliver(person, body["messages"]) if person else refusal("Invalid reply token", 400)

    def _push(self, request: Any, body: Any) -> Answer:
        key = request.headers.get("x-line-retry-key", "")
        if key in self.keys:
            earlier, sent = self.keys[key]
            return answer({"message": "The retry key is already accepted", "sentMessages": sent}, 409, X_Line_Accepted_Request_Id=earlier)
        self.used += 1
        return self._deliver(body["to"], body["messages"], key)

    def _deliver(self, person: str, messages: list[Any], key: str = "") -> Answer:
        self.delivered += [(person, each) for each in messages]
        self.count += 1
        sent = [{"id": f"46124097{self.count:05d}{number}", "quoteToken": f"q{self.count}"} for number, _ in enumerate(messages)]
        if key:
            self.keys[key] = (f"request-{self.count}", sent)
        if self.lost:
            self.lost -= 1
            return Answer(0, broken=True)
        return answer({"sentMessages": sent}, X_Line_Request_Id=f"request-{self.count}")
