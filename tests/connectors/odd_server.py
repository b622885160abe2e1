"""A REST server whose answers have the shapes of real ones: what a new record is answered with, empty lists, filters in one parameter."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from poor_server import PATH, PoorServer

from connectors.conformance import Answer


@dataclass
class OddServer(PoorServer):
    """`made`: what answers a new record: "bare" its id alone, "wrapped" {id, message}, "deep" {result: {insert: id}}, "location" the
    header, "nothing" no body. A record is `inside` a member of its own answer. One parameter takes conditions such as
    (changed:>=:'...').

    Times stand in the server's `zone` and do not name it. An `extra` without members is written as PHP does, as an empty list.
    """

    made: str = "bare"
    inside: str = ""
    zone: str = "UTC"
    known: frozenset[str] = frozenset({"name", "phone", "extra"})

    def stamp(self) -> str:
        return self.now.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M:%S")

    def add(self, **fields: Any) -> int:
        return super().add(**{"extra": [], **fields})

    def __call__(self, request: Any) -> Answer:
        answer = super().__call__(request)
        one = request.path.removeprefix(PATH).strip("/")
        if answer.status >= 400:
            return answer
        if request.method == "POST":
            return self._told(answer)
        if request.method != "GET":
            return replace(answer, body=b'{"error": false, "message": "Changed."}')
        if one and self.inside:
            return replace(answer, body=json.dumps({self.inside: json.loads(answer.body)}).encode())
        return answer

    def _list(self, query: dict[str, str]) -> Answer:
        rows = [row for row in self.rows.values() if _fits(row, query.get("filter", ""))]
        size, page = int(query.get("limit") or 100), int(query.get("page") or 0)
        part = rows[page * size : page * size + size]
        return Answer(200, json.dumps(part).encode()) if part else Answer(404, b'{"error": {"message": "No people found"}}')

    def _told(self, answer: Answer) -> Answer:
        number = self.last
        bodies: dict[str, Any] = {
            "bare": number,
            "wrapped": {"error": False, "message": "Made.", "id": number},
            "deep": {"result": {"insert": str(number)}},
        }
        if self.made in bodies:
            return Answer(201, json.dumps(bodies[self.made]).encode())
        return Answer(201, b"", {"Location": f"{self.url}{PATH}{number}/"} if self.made == "location" else {})


def _fits(row: dict[str, Any], conditions: str) -> bool:
    if wanted := re.search(r"key:=:'([^']*)'", conditions):
        return bool(row["extra"]) and row["extra"].get("scrm_id") == wanted[1]
    since = re.search(r"changed:>=:'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)'", conditions)
    return not since or bool(row["updated"] >= since[1])


def setup(server: OddServer, **changes: Any) -> str:
    """What fits it, by the labels of the set-up page; None leaves an entry out."""
    kind = {
        "list": PATH,
        "modified": "/updated",
        "zone": server.zone,
        "paging": {"style": "page", "param": "page", "first": 0, "size_param": "limit", "size": 20},
        "since": {"param": "filter=(changed:>=:'{since}')", "format": "sql"},
        "item": PATH + "{id}/",
        "item_at": f"/{server.inside}" if server.inside else "",
        "empty_404": True,
        "create": PATH,
        "update": "PUT " + PATH + "{id}/",
        "key": "/extra/scrm_id",
        "search": "filter=(key:=:'{key}')",
        **changes,
    }
    return json.dumps({"kinds": {"contact": {name: value for name, value in kind.items() if value is not None}}})


def server_at(url: str, **knobs: Any) -> OddServer:
    return OddServer(url=url, now=datetime(2026, 11, 22, 3, 30, tzinfo=UTC), **knobs)
