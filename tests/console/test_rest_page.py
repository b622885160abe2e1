"""'Try it': a set-up beside one live answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from scrm.connections.models import Connection
from tests import people
from tests.console.conftest import allow, seated

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

ANSWER = {"data": [{"uuid": "p-1", "name": "<b>陳大文</b>", "phones": [{"number": "+85291230001"}]}]}


@pytest.fixture
def crm() -> Iterator[Connection]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(ANSWER).encode()
            self.send_response(200 if self.path.startswith("/people") else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The test's output stays clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings = {"base_url": f"http://127.0.0.1:{server.server_port}", "auth": "bearer"}
    yield Connection.objects.create(
        slug="own", label="Own CRM", kind="crm", adapter="rest", settings=settings, secrets={"token": "tok-secret-1"}
    )
    server.shutdown()
    server.server_close()


def setup(**changes: Any) -> str:
    return json.dumps({"kinds": {"contact": {"list": "/people", "rows": "/data", "id": "/uuid", **changes}}})


class TryIt:
    def test_shows_what_can_be_clicked_and_escapes_it(self, owner: Client, crm: Connection) -> None:
        page = owner.post(f"/admin/setup/{crm.pk}/try/", {"definition": setup(), "kind": "contact", "try": "1"}).content.decode()
        assert 'data-pointer="/phones/0/number"' in page and 'data-pointer="/data"' in page
        assert "<b>陳大文</b>" not in page and "tok-secret-1" not in page
        crm.refresh_from_db()
        assert "definition" not in crm.settings

    @pytest.mark.parametrize(
        ("changes", "said"), [({"rows": "/rows"}, "/rows"), ({"id": "/id"}, "/id"), ({"list": "/x"}, "404"), ({"x": 1}, "contact.x")]
    )
    def test_tells_mistakes_in_words(self, owner: Client, crm: Connection, changes: Any, said: str) -> None:
        page = owner.post(f"/admin/setup/{crm.pk}/try/", {"definition": setup(**changes), "kind": "contact", "try": "1"})
        assert page.status_code == 200 and said in page.content.decode().partition('role="alert"')[2][:300]

    def test_saves_only_what_can_be_read(self, owner: Client, crm: Connection) -> None:
        owner.post(f"/admin/setup/{crm.pk}/try/", {"definition": "{", "kind": "contact", "save": "1"})
        crm.refresh_from_db()
        assert "definition" not in crm.settings
        owner.post(f"/admin/setup/{crm.pk}/try/", {"definition": setup(), "kind": "contact", "save": "1"})
        crm.refresh_from_db()
        assert crm.settings["definition"] == setup() and crm.secrets == {"token": "tok-secret-1"}

    def test_is_for_those_who_may_change_connections(self, crm: Connection) -> None:
        assert seated(people.agent("mei")).get(f"/admin/setup/{crm.pk}/try/").status_code == 403
        keeper = allow(people.agent("keeper"), "connections.change_connection")
        assert seated(keeper).get(f"/admin/setup/{crm.pk}/try/").status_code == 200
