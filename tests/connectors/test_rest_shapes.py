"""Answers as real servers give them, each of which the set-up can describe."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from odd_server import OddServer, server_at, setup

from connectors import conformance
from connectors.conformance import Answer
from connectors.contracts import Account, Change, Write
from connectors.crms.rest import EXAMPLES, RestCrm, parse
from connectors.errors import Misconfigured, NeedsLogin


def crm_at(server: OddServer, **changes: Any) -> RestCrm:
    return RestCrm(Account("rest", {"base_url": server.url, "auth": "none", "definition": setup(server, **changes)}))


def contact(number: int, **fields: Any) -> Write:
    return Write("contact", f"scrm-{number}", {"/name": f"陳大文{number}", "/phone": f"+8529123{number:04d}", **fields})


SHAPES = [
    pytest.param({"made": "bare"}, {}, id="bare_id"),
    pytest.param({"made": "wrapped", "inside": "person"}, {}, id="wrapped_id"),
    pytest.param({"made": "deep"}, {"new_id": "/result/insert"}, id="named_place"),
    pytest.param({"made": "location"}, {}, id="location"),
    pytest.param({"made": "nothing"}, {}, id="no_answer"),
    pytest.param({"made": "bare", "zone": "Asia/Tokyo"}, {}, id="local_times"),
]


class TestShapes:
    @pytest.mark.parametrize(("knobs", "changes"), SHAPES)
    def test_are_written_and_read_back(self, loopback: Any, knobs: Any, changes: Any) -> None:
        server = loopback.respond = server_at(loopback.url, **knobs)
        crm = crm_at(server, **changes)
        assert crm.check().ok  # nothing is there, and the server says 404
        conformance.check_apply(crm, [contact(number) for number in range(12)])
        conformance.check_reading_back(crm, [contact(31), contact(32)], ["/name", "/phone"])
        conformance.check_neighbours(crm, [contact(1), contact(2)], contact(33, **{"/name": "bad"}))
        assert len(server.rows) == 14
        assert [found.fields["scrm_id"] for found in crm.read("contact", ["1", "14"])] == ["scrm-0", "scrm-32"]

    @pytest.mark.parametrize("made", ["bare", "wrapped", "deep", "location"])
    def test_an_id_that_was_told_is_believed_where_there_is_no_field_for_ours(self, loopback: Any, made: str) -> None:
        server = loopback.respond = server_at(loopback.url, made=made)
        changes = {"key": None, "search": None, "new_id": "/result/insert" if made == "deep" else None}
        outcomes = crm_at(server, **changes).apply([contact(1), contact(2)])
        assert [(outcome.status, outcome.id) for outcome in outcomes] == [("created", "1"), ("created", "2")]

    def test_a_number_that_is_no_record_is_no_id(self, loopback: Any) -> None:
        """Some servers answer with how many records they made, or with true."""
        server = server_at(loopback.url)
        server.add(name="陳小文")
        for said in (b"0", b"true", b"99"):
            loopback.respond = lambda request, said=said: (
                Answer(201, said) if request.method == "POST" and server(request) else server(request)
            )
            (outcome,) = crm_at(server).apply([contact(server.last + 1)])
            assert (outcome.status, outcome.id) == ("created", str(server.last))

    def test_what_php_writes_as_an_empty_list_takes_members(self, loopback: Any) -> None:
        server = loopback.respond = server_at(loopback.url)
        number = server.add(name="陳小文")
        (outcome,) = crm_at(server).apply([Write("contact", "scrm-5", {"/phone": "1"}, id=str(number))])
        assert outcome.status == "updated" and server.rows[number]["extra"] == {"scrm_id": "scrm-5"}


class TestRemovals:
    def test_an_interface_that_is_switched_off_removes_nobody(self, loopback: Any) -> None:
        server = server_at(loopback.url)
        numbers = [str(server.add(name="陳小文")) for _ in range(3)]
        crm = crm_at(server)
        loopback.always(Answer(404, b'{"error": {"message": "No such module"}}'))
        with pytest.raises(Misconfigured):
            crm.removals("contact", {}, numbers)
        loopback.respond = server
        del server.rows[2]
        assert [item.id for item in crm.removals("contact", {}, numbers).items] == ["2"]


class TestFilters:
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
    def test_one_parameter_takes_conditions_in_the_servers_time(self, loopback: Any, zone: str) -> None:
        server = loopback.respond = server_at(loopback.url, zone=zone)
        for number in range(3):
            server.add(name=f"黃美玲{number}")
        crm = crm_at(server)
        page = crm.changes("contact", {}, 100)
        server.tick(3600)
        server.edit(2, name="黃小玲")
        found = {item.id: item for item in crm.changes("contact", _seen_to_the_end(crm, page), 100).items if isinstance(item, Change)}
        assert found["2"].modified_at == server.now
        local = server.now.replace(hour=3, minute=27, second=59).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
        assert loopback.seen[-1].query["filter"] == f"(changed:>=:'{local}')"

    def test_nothing_new_is_no_mistake_in_the_path(self, loopback: Any) -> None:
        """404 for a list that is narrowed says that nothing is in it; for the whole list only where the set-up says so."""
        server = loopback.respond = server_at(loopback.url)
        server.add(name="黃美玲")
        crm = crm_at(server, empty_404=None)
        cursor = _seen_to_the_end(crm, crm.changes("contact", {}, 100))
        server.rows.clear()
        assert crm.changes("contact", cursor, 100).items == ()
        with pytest.raises(Misconfigured):
            crm.check()

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"search": "filter=(key:=:1)"}, "{key}"),
            ({"since": {"param": "filter=(changed:>=:1)"}}, "{since}"),
            ({"zone": "Tokyo"}, "Asia/Tokyo"),
            ({"empty_404": "yes"}, "true or false"),
        ],
    )
    def test_mistakes_are_told(self, changes: Any, said: str) -> None:
        with pytest.raises(Misconfigured) as raised:
            parse(setup(OddServer(), **changes))
        assert said in str(raised.value)


class TestExamples:
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_can_be_read(self, name: str) -> None:
        kind = parse(EXAMPLES[name]).kinds["contact"]
        assert kind.create and kind.update and kind.key and kind.item


class TestLoggingIn:
    SETTINGS = {"auth": "login", "username": "mei", "token_at": "/data/jwt"}

    def crm(self, server: OddServer, **settings: str) -> RestCrm:
        given = {"base_url": server.url, "definition": setup(server), "token_url": server.url + "/login", **self.SETTINGS, **settings}
        return RestCrm(Account("rest", given, {"password": "pass-hk-1"}))

    def test_a_token_is_fetched_with_name_and_password_and_renewed_when_it_ends(self, loopback: Any) -> None:
        server, asked = server_at(loopback.url), []

        def respond(request: Any) -> Answer:
            if request.path == "/login":
                asked.append(json.loads(request.body))
                return Answer(200, json.dumps({"data": {"jwt": f"jwt-{len(asked)}"}}).encode())
            return server(request) if request.headers.get("authorization") == "JWT jwt-2" else Answer(401, b"{}")

        loopback.respond = respond
        crm = self.crm(server, auth_scheme="JWT", login_body='{"user": {"name": "{username}", "word": "{password}"}}')
        assert crm.check().ok and crm.check().ok
        assert asked == [{"user": {"name": "mei", "word": "pass-hk-1"}}] * 2

    def test_what_a_password_holds_changes_nothing_in_what_is_sent(self, loopback: Any) -> None:
        server, asked = server_at(loopback.url), []
        loopback.respond = lambda request: (
            Answer(200, b'{"data": {"jwt": "j"}}') if request.path == "/login" and not asked.append(request.body) else server(request)
        )
        settings = {"base_url": server.url, "definition": setup(server), "token_url": server.url + "/login", **self.SETTINGS}
        RestCrm(Account("rest", settings, {"password": '"}, {username}'})).check()
        assert json.loads(asked[0]) == {"username": "mei", "password": '"}, {username}'}

    def test_wrong_credentials_are_asked_for_again(self, loopback: Any) -> None:
        server = server_at(loopback.url)
        loopback.respond = lambda request: Answer(401, b'{"detail": "pass-hk-1 is wrong"}')
        with pytest.raises(NeedsLogin) as raised:
            self.crm(server).check()
        assert "pass-hk-1" not in str(raised.value)

    @pytest.mark.parametrize("body", ["[", "{}x", '"x"'])
    def test_a_body_that_is_no_object_is_told(self, loopback: Any, body: str) -> None:
        with pytest.raises(Misconfigured):
            self.crm(server_at(loopback.url), login_body=body).check()


def _seen_to_the_end(crm: RestCrm, page: Any) -> Any:
    while page.more:
        page = crm.changes("contact", json.loads(json.dumps(page.cursor)), 100)
    return page.cursor
