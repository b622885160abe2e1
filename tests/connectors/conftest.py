"""A small HTTP server on loopback whose answers a test chooses, and a HubSpot that remembers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from connectors import guard
from connectors.conformance import Answer

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "payloads"


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Loopback:
    """`answers` are used up one by one, then `respond` decides; `seen` keeps what arrived."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    respond: Callable[[Seen], Answer] = field(default=lambda request: Answer(200, b"{}"))
    delay: float = 0.0
    half: bool = False

    def say(self, document: Any, status: int = 200, **headers: str) -> None:
        self.answers.append(
            Answer(status, json.dumps(document).encode(), {name.replace("_", "-"): value for name, value in headers.items()})
        )

    def always(self, answer: Answer) -> None:
        self.answers.clear()
        self.respond = lambda request: answer

    def answer_to(self, request: Seen) -> Answer:
        self.seen.append(request)
        time.sleep(self.delay)
        return self.answers.pop(0) if self.answers else self.respond(request)


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = loopback.answer_to(Seen(self.command, parts.path, query, headers, body))
            if answer.broken:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self._write(answer)

        def _write(self, answer: Answer) -> None:
            if "Date" in answer.headers:
                self.send_response_only(answer.status)  # the other side's clock is the answer's own
            else:
                self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + (10 if loopback.half else 0)))
            with contextlib.suppress(ConnectionError):  # whoever asked may be dead
                self.end_headers()
                self.wfile.write(answer.body)
            self.close_connection = loopback.half

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, *_: Any) -> None:
            """The test's output stays clean."""

    return Handler


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    served = Loopback()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def refused_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """In place of the fixture of the same name that empties the product's caches: adapters run without Django, so do their tests."""


@pytest.fixture(autouse=True)
def loopback_is_open() -> Iterator[None]:
    """The guard of typed addresses lets the stand-ins on loopback through, as in the sandbox."""
    before = guard.allowed()
    guard.allow(guard.LOOPBACK)
    yield
    guard.allow(before)


@pytest.fixture(autouse=True)
def short_waits() -> Iterator[None]:
    """Retries happen, without the waits between them."""
    stamina.set_testing(True, attempts=3, cap=True)
    yield
    stamina.set_testing(False)


def captured(prefix: str) -> list[Path]:
    """Captured payloads of other projects, when they lie beside the repository."""
    return sorted(PAYLOADS.glob(f"{prefix}*.json")) if PAYLOADS.is_dir() else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "captured_webhook" in metafunc.fixturenames:
        paths = captured("wa_webhook")
        metafunc.parametrize("captured_webhook", paths, ids=[path.stem for path in paths])


@pytest.fixture
def captured_signatures() -> list[dict[str, Any]]:
    path = PAYLOADS / "signatures.json"
    if not path.exists():
        pytest.skip("captured signatures are not beside the repository")
    vectors: list[dict[str, Any]] = json.loads(path.read_text())
    return vectors


# --- a HubSpot that remembers ---------------------------------------------------------------------------------------

_REFUSED_VALUE = "not-a-number"


@dataclass
class FakeHubSpot:
    """Objects, properties and associations in memory; rows fail each for itself, as the vendor answers with 207."""

    unique: bool = True
    whole_batches: bool = False
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    properties: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    links: list[tuple[str, str, str, str]] = field(default_factory=list)
    primary: set[tuple[str, str, str, str]] = field(default_factory=set)
    page: int = 500
    archived: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    clock: int = 1_767_225_600_000  # 2026-01-01
    next_id: int = 100

    def __call__(self, request: Seen) -> Answer:
        parts = request.path.strip("/").split("/")
        if parts[0] != "crm" or parts[2] != "2026-03" or request.headers.get("authorization") != "Bearer pat-hk-1":
            return _answer({"category": "INVALID_AUTHENTICATION"}, 401)
        if parts[1] == "properties":
            return self._properties(request, parts[3])
        if parts[1] == "associations":
            return self._people(parts[3], parts[4], request.json)
        if request.method == "PUT":
            return self._associate(parts[3], parts[4], parts[7], parts[8])
        if len(parts) == 4:
            return _answer({"results": self.archived.get(parts[3], [])})
        serve: Callable[[str, Any], Answer] = getattr(self, "_" + "_".join(parts[4:]))
        return serve(parts[3], request.json)

    def _properties(self, request: Seen, kind: str) -> Answer:
        known = self.properties.setdefault(
            kind, {"hs_object_id": {"name": "hs_object_id", "type": "number", "groupName": f"{kind[:-1]}information"}}
        )
        if request.method == "GET":
            return _answer({"results": list(known.values())})
        wanted = request.json
        if wanted["name"] in known:
            return _answer({"category": "CONFLICT"}, 409)
        known[wanted["name"]] = {**wanted, "hasUniqueValue": bool(wanted.get("hasUniqueValue")) and self.unique}
        return _answer(known[wanted["name"]], 201)

    def _people(self, kind: str, other: str, body: Any) -> Answer:
        """Associations, `page` a record and call; a label stands beside the default type."""
        assert 1 <= len(body["inputs"]) <= 100
        results, errors = [], []
        for row in body["inputs"]:
            known = [each for each in self.links if each[:3] == (kind, row["id"], other)]
            start = int(row.get("after", 0))
            to = [{"toObjectId": each[3], "associationTypes": self._types(each)} for each in known[start : start + self.page]]
            more = {"paging": {"next": {"after": str(start + self.page)}}} if start + self.page < len(known) else {}
            if to:
                results.append({"from": {"id": row["id"]}, "to": to, **more})
            else:
                errors.append({"category": "OBJECT_NOT_FOUND", "context": {"fromObjectId": [row["id"]]}})
        return _answer({"results": results, "errors": errors, "numErrors": len(errors)}, 207 if errors else 200)

    def _types(self, link: tuple[str, str, str, str]) -> list[dict[str, Any]]:
        types: list[dict[str, Any]] = [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]
        return types + ([{"category": "USER_DEFINED", "typeId": 71, "label": "Primary"}] if link in self.primary else [])

    def _associate(self, kind: str, record_id: str, other: str, other_id: str) -> Answer:
        if other_id not in self.records.get(other, {}):
            return _answer({"category": "OBJECT_NOT_FOUND", "message": "no such object"}, 404)
        self.links.append((kind, record_id, other, other_id))
        return _answer({"status": "COMPLETE", "results": []})

    def add(self, kind: str, properties: Mapping[str, str]) -> dict[str, Any]:
        self.next_id += 1
        record: dict[str, Any] = {"id": str(self.next_id), "properties": {}, "archived": False}
        self.records.setdefault(kind, {})[record["id"]] = record
        return self.touch(kind, record, properties)

    def touch(self, kind: str, record: dict[str, Any], properties: Mapping[str, str]) -> dict[str, Any]:
        self.clock += 1
        record["properties"].update({name: value or None for name, value in properties.items()})
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock // 1000)) + f".{self.clock % 1000:03d}Z"
        record["properties"]["lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"] = stamp
        record["stamp"], record["updatedAt"] = self.clock, stamp
        return record

    def find(self, kind: str, value: str, name: str = "") -> dict[str, Any] | None:
        rows = self.records.get(kind, {})
        return rows.get(value) if not name else next((row for row in rows.values() if row["properties"].get(name) == value), None)

    def _batch_upsert(self, kind: str, body: Any) -> Answer:
        def one(row: Any) -> dict[str, Any]:
            found = self.find(kind, row["id"], row["idProperty"])
            record = (
                self.touch(kind, found, row["properties"]) if found else self.add(kind, {**row["properties"], row["idProperty"]: row["id"]})
            )
            return {**record, "new": found is None}

        return self._rows(body, one)

    def _batch_update(self, kind: str, body: Any) -> Answer:
        def one(row: Any) -> dict[str, Any]:
            found = self.find(kind, row["id"])
            if found is None:
                raise LookupError
            return self.touch(kind, found, row["properties"])

        return self._rows(body, one)

    def _rows(self, body: Any, one: Callable[[Any], dict[str, Any]]) -> Answer:
        assert 1 <= len(body["inputs"]) <= 100
        assert all(isinstance(value, str) for row in body["inputs"] for value in row["properties"].values())
        bad = [row for row in body["inputs"] if _REFUSED_VALUE in row["properties"].values()]
        if bad and self.whole_batches:
            return _answer({"category": "VALIDATION_ERROR", "message": "Property values were not valid"}, 400)
        results, errors = [], []
        for row in body["inputs"]:
            try:
                if row in bad:
                    raise ValueError
                results.append({**one(row), "objectWriteTraceId": row["objectWriteTraceId"]})
            except (ValueError, LookupError) as error:
                category = "VALIDATION_ERROR" if isinstance(error, ValueError) else "OBJECT_NOT_FOUND"
                context = {"ids": [row["id"]], "objectWriteTraceId": [row["objectWriteTraceId"]]}
                errors.append({"category": category, "message": "Property values were not valid", "context": context})
        results.reverse()  # the vendor promises no order
        return _answer({"results": results, "errors": errors, "numErrors": len(errors)}, 207 if errors else 200)

    def _batch_read(self, kind: str, body: Any) -> Answer:
        found = [self.find(kind, row["id"], body.get("idProperty", "")) for row in body["inputs"]]
        return _answer({"results": [row for row in found if row]}, 200 if all(found) else 207)

    def _search(self, kind: str, body: Any) -> Answer:
        assert body["after"] == "0" and body["sorts"] == ["hs_object_id"]
        rows = [
            row for row in self.records.get(kind, {}).values() if all(_passes(row, each) for each in body["filterGroups"][0]["filters"])
        ]
        rows.sort(key=lambda row: int(row["id"]))
        return _answer({"total": len(rows), "results": rows[: body["limit"]]})


def _passes(row: Mapping[str, Any], each: Mapping[str, str]) -> bool:
    if each["operator"] == "HAS_PROPERTY":
        return bool(row["properties"].get(each["propertyName"]))
    value = int(row["id"]) if each["propertyName"] == "hs_object_id" else row["stamp"]
    bound = int(each["value"])
    return bool({"GT": value > bound, "GTE": value >= bound, "LTE": value <= bound}[each["operator"]])


def _answer(document: Any, status: int = 200) -> Answer:
    return Answer(
        status, json.dumps(document).encode(), {"X-HubSpot-RateLimit-Remaining": "99", "X-HubSpot-RateLimit-Daily-Remaining": "649000"}
    )


@pytest.fixture
def fake_hubspot(loopback: Loopback) -> FakeHubSpot:
    fake = FakeHubSpot()
    loopback.respond = fake
    return fake


@pytest.fixture
def zoho(loopback: Loopback) -> Any:
    """Zoho's stand-in with a store in memory."""
    from zoho_server import StandIn

    loopback.respond = served = StandIn(loopback)
    return served
