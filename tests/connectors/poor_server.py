"""A REST server as poor as they come in the wild, in memory, for the stand-in on loopback.

It ignores query parameters that it does not know, cuts pages that are too large, deletes without a trace, gives one time to many rows or
none at all, drops unknown fields without a word, and pages in one of five ways. Each weakness is a knob.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.conformance import Answer

PATH = "/api/people/"


@dataclass
class PoorServer:
    """`rows` by number. `most` is the largest page, `known` the fields that are kept; `lose` answers of writes never arrive."""

    style: str = "page"
    modified: bool = True
    filters: bool = False
    searches: bool = False
    most: int = 20
    whole: bool = False
    known: frozenset[str] = frozenset({"name", "phone", "contact", "scrm_id", "tags", "amount", "active"})
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    lose: int = 0
    url: str = ""
    gets: int = 0
    writes: int = 0
    last: int = 0

    def add(self, **fields: Any) -> int:
        self.last += 1
        self.rows[self.last] = {"id": self.last, **fields} | ({"updated": self.stamp()} if self.modified else {})
        return self.last

    def edit(self, number: int, **fields: Any) -> None:
        self.rows[number] |= fields | ({"updated": self.stamp()} if self.modified else {})

    def stamp(self) -> str:
        return self.now.isoformat(timespec="seconds").replace("+00:00", "Z")

    def tick(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)

    # --- answers ------------------------------------------------------------------------------------------------------

    def __call__(self, request: Any) -> Answer:
        number = request.path.removeprefix(PATH).strip("/")
        if not request.path.startswith(PATH):
            return _answer(404, {"detail": "Not found."})
        if request.method == "GET":
            self.gets += 1
            return self._item(number) if number else self._list(request.query)
        return self._write(request.method, number, json.loads(request.body))

    def _item(self, number: str) -> Answer:
        row = self.rows.get(int(number)) if number.isdigit() else None
        return _answer(200, row) if row else _answer(404, {"detail": "Not found."})

    def _list(self, query: dict[str, str]) -> Answer:
        rows = list(self.rows.values())
        if self.searches and query.get("scrm_id"):
            rows = [row for row in rows if row.get("scrm_id") == query["scrm_id"]]
        if self.filters and query.get("since"):
            rows = [row for row in rows if row["updated"] >= query["since"]]
        size = min(int(query.get("size") or self.most), self.most)
        if self.style == "none":
            return _answer(200, {"results": rows})
        start = int(query.get("offset") or 0) if self.style in {"offset", "cursor"} else (int(query.get("page") or 1) - 1) * size
        part, end = rows[start : start + size], start + size >= len(rows)
        if self.style == "page" and start and not part:
            return _answer(404, {"detail": "Invalid page."})
        if self.style == "offset":
            return _answer(200, {"results": part})
        if self.style == "cursor":
            return _answer(200, {"results": part, "paging": {} if end else {"next": str(start + size)}})
        following = f"{self.url}{PATH}?" + urlencode({**query, "page": int(query.get("page") or 1) + 1})
        if self.style == "link":
            return _answer(200, {"results": part}, {} if end else {"Link": f'<{following}>; rel="next", <{self.url}>; rel="first"'})
        return _answer(200, {"results": part, "next": None if end else following})

    def _write(self, method: str, number: str, body: dict[str, Any]) -> Answer:
        self.writes += 1
        if not isinstance(body.get("name", ""), str) or body.get("name") == "bad":
            return _answer(400, {"name": ["This name is not allowed."]})
        kept = {name: value for name, value in body.items() if name in self.known}
        if not number:
            made = self.add(**kept)
            return self._said(201, self.rows[made])
        if int(number) not in self.rows:
            return _answer(404, {"detail": "Not found."})
        if method == "PUT" and self.whole:
            self.rows[int(number)] = {"id": int(number)}
        self.edit(int(number), **kept)
        return self._said(200, self.rows[int(number)])

    def _said(self, status: int, row: dict[str, Any]) -> Answer:
        if self.lose:
            self.lose -= 1
            return Answer(status, b"", broken=True)
        return _answer(status, row)


def _answer(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(document, ensure_ascii=False).encode(), headers or {})


PAGINGS: dict[str, dict[str, Any]] = {
    "none": {"style": "none"},
    "page": {"style": "page", "size_param": "size", "size": 50},
    "page_next": {"style": "page", "next": "/next"},
    "offset": {"style": "offset", "size_param": "size", "size": 50},
    "cursor": {"style": "cursor", "param": "offset", "next": "/paging/next"},
    "link": {"style": "link"},
    "link_body": {"style": "link", "next": "/next"},
}


def styled(name: str) -> str:
    """How the server pages for a set-up of `PAGINGS`."""
    return {"page_next": "page", "link_body": "page"}.get(name, name)


def definition(paging: str = "page", **changes: Any) -> str:
    """A set-up that fits the server; None leaves an entry out."""
    kind = {
        "list": PATH,
        "rows": "/results",
        "id": "/id",
        "modified": "/updated",
        "paging": PAGINGS[paging],
        "since": {"param": "since"},
        "item": PATH + "{id}/",
        "create": PATH,
        "update": PATH + "{id}/",
        "key": "/scrm_id",
        "search": "scrm_id",
        **changes,
    }
    return json.dumps({"kinds": {"contact": {name: value for name, value in kind.items() if value is not None}}})
