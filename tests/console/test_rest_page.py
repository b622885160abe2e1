"""'Try it': a set-up beside one live answer."""

from __future__ import annotations

import json
import re
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


# A set-up with each kind of mistake: of JSON, of the set-up, and against what the server answers.
WRONG = (
    "{", "[]", '{"kinds": []}', '{"kinds": {}}', '{"kinds": {"lead": {}}}', '{"kinds": {"contact": []}}', '{"x": 1}',
    setup(x=1), setup(list=""), setup(list="people"), setup(list="/a b"), setup(list=7), setup(rows="/a~2"), setup(rows="/" * 40),
    setup(id="/" + "x" * 400), setup(item="/people"), setup(create="DELETE /people"), setup(whole=1), setup(whole=True),
    setup(zone="Mars"), setup(resolution="week"), setup(search="q={key}"), setup(search="a=b", key="/k"), setup(since={"param": "since"}),
    setup(paging={"style": "cursor"}), setup(paging={"style": "book"}), setup(paging={"size": 0}), setup(paging={"first": True}),
    setup(types={"/a": "money"}), setup(rows="/rows"), setup(rows=""), setup(id="/id"), setup(list="/x"),
)  # fmt: skip
ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}")


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

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    @pytest.mark.parametrize("text", WRONG, ids=str)
    def test_tells_mistakes_in_the_readers_language(self, owner: Client, crm: Connection, text: str, language: str) -> None:
        given = {"definition": text, "kind": "contact", "try": "1"}
        page = owner.post(f"/admin/setup/{crm.pk}/try/", given, headers={"accept-language": language}).content.decode()
        told = page.partition('role="alert">')[2].partition("</p>")[0]
        assert told and not ENGLISH.search(told)

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_tells_what_to_know_of_an_answer_in_the_readers_language(self, owner: Client, crm: Connection, language: str) -> None:
        given = {"definition": setup(key="/scrm_id", modified="/at"), "kind": "contact", "try": "1"}
        page = owner.post(f"/admin/setup/{crm.pk}/try/", given, headers={"accept-language": language}).content.decode()
        told = re.findall(r'<p class="console-dim">(.*?)</p>', page)
        assert len(told) >= 3 and not [each for each in told if ENGLISH.search(each)]

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
