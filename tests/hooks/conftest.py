"""A shop, a receiver on loopback that remembers what it got, and a clock that stands still."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scrm.core import clock

# 11:30 on Sunday 22 November in Hong Kong.
NOON = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


@dataclass
class Receiver:
    """`status` and `headers` answer by path; `got` keeps (path, headers, body)."""

    url: str = ""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: Callable[[str], int] = field(default=lambda path: 200)
    headers: dict[str, str] = field(default_factory=dict)
    hangs: str = ""

    def bodies(self, path: str = "/hook") -> list[dict[str, Any]]:
        return [json.loads(body) for where, _headers, body in self.got if where == path]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            made.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if self.path == made.hangs:
                time.sleep(1.5)
            self.send_response(made.status(self.path))
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_: Any) -> None:
            """The test's output stays clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOON):
        yield
