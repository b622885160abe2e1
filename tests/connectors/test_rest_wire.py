"""The generic REST connector against a server that ignores, forgets and repeats."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from poor_server import PAGINGS, PATH, PoorServer, definition, styled

from connectors import conformance
from connectors.conformance import Answer, damaged
from connectors.contracts import Account, Change, Outcome, Write
from connectors.crms.rest import RestCrm, records
from connectors.crms.rest.definition import parse
from connectors.errors import BadSignature, ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable

NO_TIME = {"modified": None, "since": None}


def crm_at(url: str, text: str, **given: Any) -> RestCrm:
    return RestCrm(Account("rest", {"base_url": url, "definition": text, **given}, {"token": "tok-hk-1", "oauth_secret": "oauth-secret-1"}))


@pytest.fixture
def server(loopback: Any) -> PoorServer:
    made = PoorServer(url=loopback.url)
    loopback.respond = made
    return made


def contact(number: int, **fields: Any) -> Write:
    return Write("contact", f"scrm-{number}", {"/name": f"陳大文{number}", "/contact/phones/0/number": f"+8529123{number:04d}", **fields})


def everything(crm: RestCrm, cursor: Any = None, limit: int = 200) -> tuple[list[Change], Any]:
    found, cursor = [], cursor or {}
    for _ in range(500):
        page = crm.changes("contact", json.loads(json.dumps(cursor)), limit)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("the feed does not end")


SETUPS = [
    pytest.param({}, {"searches": True, "filters": True}, id="good"),
    pytest.param({}, {}, id="parameters_ignored"),
    pytest.param({"search": None}, {}, id="no_search"),
    pytest.param(NO_TIME, {"modified": False}, id="no_time"),
    pytest.param({"update": f"PUT {PATH}{{id}}/", "whole": True}, {"whole": True}, id="whole_records"),
]


class TestConformance:
    @pytest.mark.parametrize(("changes", "knobs"), SETUPS)
    def test_writes_and_reads_back(self, loopback: Any, server: PoorServer, changes: Any, knobs: Any) -> None:
        vars(server).update(knobs)
        crm = crm_at(loopback.url, definition(**changes))
        conformance.check_schema(crm, ["contact"])
        conformance.check_apply(crm, [contact(number) for number in range(12)])
        conformance.check_reading_back(crm, [contact(31), contact(32)], ["/name", "/contact/phones/0/number"])
        conformance.check_neighbours(crm, [contact(1), contact(2)], contact(33, **{"/name": "bad"}))
        assert len(server.rows) == 14

    @pytest.mark.parametrize("paging", PAGINGS)
    @pytest.mark.parametrize("limit", [10, 200])
    def test_37_rows_of_one_moment_are_all_seen(self, loopback: Any, server: PoorServer, paging: str, limit: int) -> None:
        server.style, server.most = styled(paging), 10
        for number in range(37):
            server.add(name=f"黃美玲{number}")
        found = conformance.check_changes(crm_at(loopback.url, definition(paging)), "contact", limit)
        assert len(found) == 37


class TestChanges:
    @pytest.mark.parametrize("filters", [True, False])
    def test_tell_what_is_newer_whether_or_not_the_filter_is_heard(self, loopback: Any, server: PoorServer, filters: bool) -> None:
        server.filters = filters
        numbers = [server.add(name="陳大文") for _ in range(45)]
        crm = crm_at(loopback.url, definition())
        _, cursor = everything(crm)
        server.tick(3600)
        server.edit(numbers[7], name="陳小文")
        changes, cursor = everything(crm, cursor)
        assert len(changes) == 45  # all lie within the overlap before the newest
        server.tick(3600)
        server.edit(numbers[8], name="陳小文")
        changes, cursor = everything(crm, cursor)
        assert [(change.id, change.fields["/name"]) for change in changes] == [("8", "陳小文"), ("9", "陳小文")]

    def test_edits_of_the_same_second_are_two_versions(self, loopback: Any, server: PoorServer) -> None:
        number = server.add(name="陳大文")
        crm = crm_at(loopback.url, definition())
        (first,), cursor = everything(crm)
        server.edit(number, name="陳小文")
        (second,), _ = everything(crm, cursor)
        assert first.modified_at == second.modified_at and first.version != second.version

    def test_without_a_time_the_content_tells(self, loopback: Any, server: PoorServer) -> None:
        server.modified = False
        one, other = server.add(name="陳大文"), server.add(name="黃美玲")
        crm = crm_at(loopback.url, definition(**NO_TIME))
        before, cursor = everything(crm)
        server.edit(one, name="陳小文")
        after, _ = everything(crm, cursor)
        assert {old.id for old, new in zip(before, after, strict=True) if old.version != new.version} == {str(one)}
        assert str(other) in {change.id for change in after} and all(change.modified_at is None for change in after)

    def test_a_time_in_the_future_holds_up_nothing(self, loopback: Any, server: PoorServer) -> None:
        server.add(name="陳大文", updated="2099-01-01T00:00:00Z")
        crm = crm_at(loopback.url, definition())
        _, cursor = everything(crm)
        assert cursor["since"] <= datetime.now(UTC).timestamp() * 1000
        server.now = datetime.now(UTC)
        server.add(name="黃美玲")
        assert "黃美玲" in {change.fields["/name"] for change in everything(crm, cursor)[0]}

    def test_an_error_inside_a_good_answer_is_a_failure_and_no_record(self, loopback: Any, server: PoorServer) -> None:
        """Neither the set-up is wrong nor has a record lost its values."""
        server.add(name="陳大文")
        crm = crm_at(loopback.url, definition())
        everything(crm)
        loopback.always(Answer(200, b'{"error": "It broke.", "status": 500}'))
        for call in (lambda: crm.changes("contact", {}, 10), lambda: crm.read("contact", ["1"])):
            with pytest.raises(OutcomeUnknown):
                call()

    @pytest.mark.parametrize("spoilt", [b"<html>Bad gateway</html>", b'{"results": [{"id": 1', b"\xff\xfe{}", b'{"error": "It broke."}'])
    def test_a_page_that_comes_spoilt_is_asked_for_again(self, loopback: Any, server: PoorServer, spoilt: bytes) -> None:
        """Else a long list that is read from its beginning each time would never be read to its end."""
        for number in range(45):
            server.add(name=f"陳大文{number}", scrm_id=f"scrm-{number}")
        last = iter([True, False] * 20)
        loopback.respond = lambda request: Answer(200, spoilt) if request.method == "GET" and next(last) else server(request)
        crm = crm_at(loopback.url, definition())
        assert len(everything(crm)[0]) == 45
        assert crm.removals("contact", {}, [str(number) for number in range(1, 46)]).items == ()
        assert len(crm.read("contact", ["1", "2", "3"])) == 3

    def test_a_server_that_ignores_the_pages_number_ends(self, loopback: Any, server: PoorServer) -> None:
        server.style = "none"
        for _ in range(5):
            server.add(name="陳大文")
        assert len(everything(crm_at(loopback.url, definition("page")))[0]) == 5

    def test_the_next_page_stays_on_the_server(self, loopback: Any, server: PoorServer) -> None:
        loopback.respond = lambda _: Answer(200, b'{"results": [{"id": 1}], "next": "https://evil.example.com/?page=2"}')
        with pytest.raises(Misconfigured):
            everything(crm_at(loopback.url, definition("link_body")))


class TestRemovals:
    def test_hard_deletes_are_found_by_comparing(self, loopback: Any, server: PoorServer) -> None:
        numbers = [server.add(name="陳大文") for _ in range(45)]
        for gone in numbers[10:15]:
            del server.rows[gone]
        page = crm_at(loopback.url, definition()).removals("contact", {}, [str(number) for number in numbers])
        assert sorted(int(item.id) for item in page.items) == numbers[10:15] and not page.more

    def test_what_the_list_hides_is_not_gone(self, loopback: Any, server: PoorServer) -> None:
        """A row that moved between two pages, or that a view leaves out, is still there when asked for by itself."""
        numbers = [server.add(name="陳大文") for _ in range(5)]
        shown = Answer(200, json.dumps({"results": list(server.rows.values())[:3]}).encode())
        loopback.respond = lambda request: shown if request.path == PATH else server(request)
        assert crm_at(loopback.url, definition()).removals("contact", {}, [str(number) for number in numbers]).items == ()

    @pytest.mark.parametrize("item", [PATH + "{id}/", None])
    def test_an_outage_removes_nobody(self, loopback: Any, server: PoorServer, item: str | None) -> None:
        loopback.always(Answer(500, b"oops"))
        with pytest.raises(OutcomeUnknown):
            crm_at(loopback.url, definition(item=item)).removals("contact", {}, ["1", "2"])

    @pytest.mark.parametrize("kept", [0, 5_000])
    def test_many_are_told_in_parts(self, loopback: Any, server: PoorServer, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
        for name, value in (("CONFIRMED", 10), ("FEW_CONFIRMED", 10), ("KEPT", kept)):
            monkeypatch.setattr(f"connectors.crms.rest.feeds.{name}", value)
        crm, known, gone, cursor = crm_at(loopback.url, definition()), [str(number) for number in range(1, 26)], [], {}
        for _ in range(3):
            page = crm.removals("contact", cursor, known)
            gone += [item.id for item in page.items]
            cursor = page.cursor
        assert sorted(gone) == sorted(known) and not page.more

    def test_a_long_list_is_read_a_few_pages_at_a_time(self, loopback: Any, server: PoorServer) -> None:
        """Where one of its pages fails, the next call goes on there."""
        numbers = [server.add(name="陳大文") for _ in range(190)]
        for gone in numbers[3::60]:
            del server.rows[gone]
        known, found, cursor, calls = [str(number) for number in numbers], [], "{}", 0
        crm, failing = crm_at(loopback.url, definition()), {"3", "7", "10"}

        def respond(request: Any) -> Answer:
            number = request.query.get("page", "")
            if number in failing:
                failing.discard(number)
                return Answer(429, b"{}", {"Retry-After": "1"})
            return server(request)

        loopback.respond = respond
        more = True
        while more:
            calls += 1
            with contextlib.suppress(TryLater):
                page = crm.removals("contact", json.loads(cursor), known)
                found += [item.id for item in page.items]
                cursor, more = json.dumps(page.cursor), page.more
        assert sorted(map(int, found)) == numbers[3::60]
        # Ten pages and one that is not there, five in a call; three calls broke off.
        assert calls == 6


class TestWriting:
    def test_a_lost_answer_makes_no_second_record(self, loopback: Any, server: PoorServer) -> None:
        server.lose = 1
        (outcome,) = crm_at(loopback.url, definition()).apply([contact(1)])
        assert (outcome.status, outcome.id, len(server.rows)) == ("created", "1", 1)

    def test_without_a_key_a_lost_answer_is_left_to_a_person(self, loopback: Any, server: PoorServer) -> None:
        server.lose = 1
        (outcome,) = crm_at(loopback.url, definition(key=None, search=None)).apply([contact(1)])
        assert outcome.status == "uncertain" and "not known" in outcome.reason and server.writes == 1

    @pytest.mark.parametrize("said", [b'{"error": "It broke."}', b'{"name": "\xe9', b"", b'"OK"'])
    def test_without_a_key_an_answer_that_names_no_record_is_left_to_a_person(self, loopback: Any, server: PoorServer, said: bytes) -> None:
        loopback.respond = lambda request: Answer(201, said if request.method == "POST" and server(request) else b"{}")
        (outcome,) = crm_at(loopback.url, definition(key=None, search=None)).apply([contact(1)])
        assert (outcome.status, server.writes) == ("uncertain", 1)

    def test_an_error_inside_a_good_answer_is_told_as_one(self, loopback: Any, server: PoorServer) -> None:
        broke = Answer(200, b'{"error": "No room.", "status": 500}')
        loopback.respond = lambda request: broke if request.method == "POST" else server(request)
        (outcome,) = crm_at(loopback.url, definition()).apply([contact(1)])
        assert (outcome.status, outcome.reason) == ("rejected", "The server answered with an error inside a good answer: No room.")

    def test_a_list_that_was_read_since_is_not_looked_through(self, loopback: Any, server: PoorServer) -> None:
        for number in range(90):
            server.add(name=f"客人 {number}")
        outcomes = crm_at(loopback.url, definition(search=None, item=None)).apply(
            [replace(contact(number), sought=True) for number in (1, 2)]
        )
        assert [each.status for each in outcomes] == ["created", "created"]
        assert (server.gets, server.writes) == (0, 2)

    @pytest.mark.parametrize("spoilt", [Answer(201, b"", broken=True), Answer(201, b'{"id": 9'), Answer(201, b"<html></html>")])
    def test_then_a_lost_answer_waits_for_the_next_reading(self, loopback: Any, server: PoorServer, spoilt: Answer) -> None:
        loopback.respond = lambda request: spoilt if server(request) and request.method == "POST" else server(request)
        with pytest.raises(OutcomeUnknown) as caught:
            crm_at(loopback.url, definition(search=None)).apply([replace(contact(1), sought=True)])
        assert (caught.value.before, server.gets, server.writes) == ((), 0, 1)

    def test_a_server_that_can_be_asked_is_asked_all_the_same(self, loopback: Any, server: PoorServer) -> None:
        server.searches, server.lose = True, 1
        crm = crm_at(loopback.url, definition())
        (lost,) = crm.apply([replace(contact(7), sought=True)])
        assert (lost.status, lost.id, len(server.rows)) == ("created", "1", 1)
        server.rows.clear()
        server.last = 0
        server.add(name="陳大文", scrm_id="scrm-1")
        (outcome,) = crm_at(loopback.url, definition()).apply([replace(contact(1), sought=True)])
        assert (outcome.id, len(server.rows)) == ("1", 1)

    def test_what_is_there_already_is_not_written(self, loopback: Any, server: PoorServer) -> None:
        crm = crm_at(loopback.url, definition())
        (first,) = crm.apply([contact(1)])
        writes = server.writes
        (again,) = crm.apply([Write("contact", "scrm-1", contact(1).fields, id=first.id)])
        assert again.status == "unchanged" and server.writes == writes

    def test_updates_keep_what_others_wrote_beside_it(self, loopback: Any, server: PoorServer) -> None:
        number = server.add(name="陳大文", contact={"phones": [{"number": "1", "kind": "work"}], "fax": "2"})
        crm = crm_at(loopback.url, definition())
        crm.apply([Write("contact", "scrm-1", {"/contact/phones/0/number": "+85291230001"}, id=str(number))])
        assert server.rows[number]["contact"] == {"phones": [{"number": "+85291230001", "kind": "work"}], "fax": "2"}

    def test_whole_records_go_back_whole(self, loopback: Any, server: PoorServer) -> None:
        server.whole = True
        number = server.add(name="陳大文", phone="1", tags=["VIP"])
        crm = crm_at(loopback.url, definition(update=f"PUT {PATH}{{id}}/", whole=True))
        crm.apply([Write("contact", "scrm-1", {"/phone": "2"}, id=str(number))])
        assert (server.rows[number]["name"], server.rows[number]["tags"]) == ("陳大文", ["VIP"])

    def test_what_stands_in_the_field_of_our_key_is_never_replaced(self, loopback: Any, server: PoorServer) -> None:
        """A record that was made over there may hold its own number in that field, and the server may refuse another."""
        number = server.add(name="台北客戶", scrm_id="T-0019")
        (outcome,) = crm_at(loopback.url, definition()).apply([Write("contact", "scrm-1", {"/name": "我改"}, id=str(number))])
        assert outcome.status == "updated" and (server.rows[number]["name"], server.rows[number]["scrm_id"]) == ("我改", "T-0019")

    def test_a_server_that_refuses_our_key_later_takes_the_rest(self, loopback: Any, server: PoorServer) -> None:
        number = server.add(name="台北客戶")
        refused = Answer(400, b'{"scrm_id": ["You may not change this."]}')
        loopback.respond = lambda request: refused if b"scrm_id" in request.body else server(request)
        (outcome,) = crm_at(loopback.url, definition()).apply([Write("contact", "scrm-1", {"/name": "我改"}, id=str(number))])
        assert outcome.status == "updated" and server.rows[number]["name"] == "我改"

    def test_fields_that_the_server_drops_are_told(self, loopback: Any, server: PoorServer) -> None:
        (outcome,) = crm_at(loopback.url, definition()).apply([contact(1, **{"/rank": "A"})])
        assert outcome.status == "created" and "/rank" in outcome.reason

    @pytest.mark.parametrize("said", [b'{"error": "It broke.", "status": 500}', b"<html>Bad gateway</html>", b'{"id": 1, "na'])
    def test_a_good_status_over_a_failure_is_no_success(self, loopback: Any, server: PoorServer, said: bytes) -> None:
        crm = crm_at(loopback.url, definition())
        crm.apply([contact(1)])
        loopback.respond = lambda request: Answer(200, said) if request.method == "PATCH" else server(request)
        with pytest.raises(OutcomeUnknown):
            crm.apply([Write("contact", "scrm-1", {"/name": "陳小文"}, id="1")])
        loopback.respond = lambda request: Answer(200, said) if server(request) and request.method == "PATCH" else server(request)
        (outcome,) = crm.apply([Write("contact", "scrm-1", {"/name": "陳小文"}, id="1")])
        assert (outcome.status, outcome.reason, server.rows[1]["name"]) == ("updated", "", "陳小文")

    def test_a_call_that_fails_in_the_middle_tells_what_it_wrote_before(self, loopback: Any, server: PoorServer) -> None:
        posts = iter(range(1, 10))
        loopback.respond = lambda request: Answer(500, b"") if request.method == "POST" and next(posts) == 3 else server(request)
        with pytest.raises(OutcomeUnknown) as failed:
            crm_at(loopback.url, definition()).apply([contact(number) for number in range(1, 6)])
        assert [(outcome.key, outcome.status, outcome.id) for outcome in failed.value.before or ()] == [
            ("scrm-1", "created", "1"),
            ("scrm-2", "created", "2"),
        ]

    def test_a_failure_in_a_good_answer_counts_where_no_record_can_be_looked_at(self, loopback: Any, server: PoorServer) -> None:
        crm = crm_at(loopback.url, definition(item=None))
        crm.apply([contact(1)])
        write = Write("contact", "scrm-1", {"/name": "陳小文"}, id="1")
        loopback.respond = lambda request: Answer(200, b"OK") if request.method == "PATCH" else server(request)
        assert crm.apply([write])[0].status == "updated"
        loopback.respond = lambda request: Answer(200, b'{"error": "It broke."}') if request.method == "PATCH" else server(request)
        with pytest.raises(OutcomeUnknown):
            crm.apply([write])

    def test_values_go_in_the_types_that_the_set_up_names(self, loopback: Any, server: PoorServer) -> None:
        types = {"/amount": "number", "/active": "boolean", "/tags": "list"}
        crm = crm_at(loopback.url, definition(types=types))
        good = {"/amount": "1280.50", "/active": "true", "/tags": ["VIP", "茶"]}
        outcomes = crm.apply([contact(1, **good), contact(2, **{"/amount": "一千"})])
        assert [outcome.status for outcome in outcomes] == ["created", "rejected"] and "/amount" in outcomes[1].reason
        row = server.rows[1]
        assert (row["amount"], row["active"], row["tags"]) == (1280.5, True, ["VIP", "茶"])

    def test_deleted_and_changed_records_are_told(self, loopback: Any, server: PoorServer) -> None:
        crm = crm_at(loopback.url, definition())
        (made,) = crm.apply([contact(1)])
        server.tick(5)
        server.edit(1, name="別人改的")
        stale = Write("contact", "scrm-1", {"/name": "我們改的"}, id="1", if_version=made.version)
        assert crm.apply([stale])[0].status == "conflict" and server.rows[1]["name"] == "別人改的"
        del server.rows[1]
        assert crm.apply([Write("contact", "scrm-1", {"/name": "x"}, id="1")])[0].status == "gone"

    def test_two_records_with_our_key_are_for_a_person(self, loopback: Any, server: PoorServer) -> None:
        server.add(name="a", scrm_id="scrm-1")
        server.add(name="b", scrm_id="scrm-1")
        assert crm_at(loopback.url, definition()).apply([contact(1)]) == [
            Outcome("scrm-1", "duplicate", candidates=("1", "2"), reason="Several records carry our key")
        ]


class TestAccess:
    @pytest.mark.parametrize(
        ("given", "header", "value"),
        [
            ({"auth": "bearer"}, "authorization", "Bearer tok-hk-1"),
            ({"auth": "bearer", "auth_scheme": "Token"}, "authorization", "Token tok-hk-1"),
            ({"auth": "header", "auth_header": "X-Key"}, "x-key", "tok-hk-1"),
            ({"auth": "none"}, "authorization", None),
        ],
    )
    def test_headers(self, loopback: Any, server: PoorServer, given: Any, header: str, value: str | None) -> None:
        crm_at(loopback.url, definition(), **given).check()
        assert loopback.seen[-1].headers.get(header) == value

    def test_an_ended_token_is_renewed_once(self, loopback: Any, server: PoorServer) -> None:
        given_out: list[str] = []

        def respond(request: Any) -> Answer:
            if request.path == "/token":
                given_out.append(f"access-{len(given_out)}")
                return Answer(200, json.dumps({"access_token": given_out[-1], "expires_in": 3600}).encode())
            ok = request.headers["authorization"] == "Bearer access-1"
            return server(request) if ok else Answer(401, b"{}")

        loopback.respond = respond
        crm = crm_at(loopback.url, definition(), auth="oauth", token_url=loopback.url + "/token", client_id="c")
        assert crm.check().ok and crm.check().ok
        assert given_out == ["access-0", "access-1"]

    @pytest.mark.parametrize(
        ("status", "error"), [(401, NeedsLogin), (403, Misconfigured), (429, TryLater), (500, OutcomeUnknown), (302, Misconfigured)]
    )
    def test_refusals(self, loopback: Any, status: int, error: type[ConnectorError]) -> None:
        loopback.always(Answer(status, b'{"detail": "tok-hk-1 is wrong"}'))
        with pytest.raises(error) as raised:
            crm_at(loopback.url, definition()).apply([contact(1)])
        assert "tok-hk-1" not in str(raised.value)

    def test_servers_inside_the_house_are_not_called(self, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            crm_at(refused_url, definition()).check()
        for url in ("http://169.254.169.254", "http://10.1.2.3:8069"):
            with pytest.raises(Misconfigured):
                crm_at(url, definition()).check()

    def test_hints_need_the_token(self, loopback: Any) -> None:
        crm = RestCrm(Account("rest", {"base_url": loopback.url, "definition": definition()}, {"webhook_token": "hook-token-1"}))
        body = b'[{"kind": "contact", "id": 7}, {"kind": "planet", "id": 1}, 3]'
        assert [(hint.kind, hint.id) for hint in crm.hints(body, {"x-webhook-token": "hook-token-1"}, "")] == [("contact", "7")]
        for headers in ({}, {"x-webhook-token": ""}, {"x-webhook-token": "other"}):
            with pytest.raises(BadSignature):
                crm.hints(body, headers, "")


class TestDamagedAnswers:
    def test_end_in_our_errors_or_outcomes_only(self, loopback: Any, server: PoorServer) -> None:
        for _ in range(3):
            server.add(name="陳大文", contact={"phones": [{"number": "1"}]})
        good = [server._list({}).body, server._item("1").body]
        statuses = (200, 200, 200, 201, 400, 404, 409)
        crm = crm_at(loopback.url, definition())
        for count, body in enumerate(damaged(good, 120)):
            loopback.always(Answer(statuses[count % len(statuses)], body))
            for call in (
                lambda: crm.changes("contact", {}, 10),
                lambda: crm.read("contact", ["1"]),
                lambda: crm.apply([Write("contact", "scrm-1", {"/contact/phones/0/number": "2"}, id="1")]),
            ):
                try:
                    json.dumps([vars(call) if hasattr(call, "__dict__") else None, str(call())])
                except ConnectorError as error:
                    assert str(error)


class TestOrders:
    def test_show_their_lines_as_records_beside_the_leaves(self) -> None:
        rows = [{"code": "HJ-01", "qty": 2, "price": 128.5, "gift": True, "note": None}]
        order = {"id": 7, "no": "SO-1", "cart": {"lines": rows, "empty": [], "mixed": [1, {}]}, "tags": ["vip"]}
        (setup,) = parse(json.dumps({"kinds": {"order": {"list": "/orders", "rows": "/data", "id": "/id"}}})).kinds.values()
        fields = records.change_of(setup, order).fields
        assert fields["/cart/lines"] == [{"code": "HJ-01", "qty": "2", "price": "128.5", "gift": "true", "note": ""}]
        assert (fields["/cart/lines/0/code"], fields["/cart/empty"], fields["/tags"]) == ("HJ-01", [], ["vip"])
        assert "/cart/mixed" not in fields
