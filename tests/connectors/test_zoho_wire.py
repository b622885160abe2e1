"""Zoho: what is written, read, listed, and what its refusals become."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from zoho_server import StandIn, contact

from connectors import conformance
from connectors.conformance import Answer
from connectors.contracts import Link, Subscriber, Write
from connectors.crms.zoho import Zoho
from connectors.crms.zoho.values import to_wire
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable

BAD = "not-an-address"


@pytest.fixture
def crm(zoho: StandIn) -> Zoho:
    made = zoho.crm()
    made.prepare()
    zoho.server.seen.clear()
    return made


class TestConformance:
    def test_schema(self, crm: Zoho) -> None:
        conformance.check_schema(crm, ["contact", "deal", "case", "order", "product"])

    def test_apply(self, crm: Zoho) -> None:
        conformance.check_apply(
            crm,
            [
                contact(1),
                Write("deal", "order:1", {"Deal_Name": "訂單 A1"}),
                contact(2),
                Write("case", "case:1", {"Subject": "包裹在哪裡?"}),
                Write("product", "SKU-7", {"Product_Name": "護手霜"}),
                Write("order", "order:7", {"Subject": "HK-1042"}),
            ],
        )

    def test_bad_record_harms_no_neighbour(self, crm: Zoho) -> None:
        conformance.check_neighbours(crm, [contact(1), contact(2), contact(3)], contact(4, Email=BAD))

    def test_reading_back(self, crm: Zoho) -> None:
        conformance.check_reading_back(crm, [contact(1), contact(2)], ["First_Name", "Last_Name", "Phone"])

    @pytest.mark.parametrize("changes_by", ["coql", "list"])
    def test_changes_of_one_moment_are_all_seen(self, zoho: StandIn, changes_by: str) -> None:
        at = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
        for number in range(37):
            zoho.add("Contacts", at, Last_Name=str(number))
        assert len(conformance.check_changes(zoho.crm(changes_by=changes_by), "contact", 10)) == 37

    def test_notices_can_be_switched_on(self, crm: Zoho) -> None:
        assert isinstance(crm, Subscriber)


class TestApply:
    def test_request(self, crm: Zoho, zoho: StandIn) -> None:
        (outcome,) = crm.apply([contact(1, Email=None)])
        (seen,) = zoho.writes
        assert (seen.method, seen.path) == ("POST", "/api/crm/v8/Contacts/upsert")
        assert seen.headers["authorization"].startswith("Zoho-oauthtoken 1000.")
        row = {"First_Name": "美玲", "Last_Name": "陳", "Phone": "+85291230001", "Email": None, "Scrm_ID": "scrm-1"}
        assert seen.json == {"data": [row], "duplicate_check_fields": ["Scrm_ID"], "trigger": []}
        assert (outcome.status, outcome.version) == ("created", crm.read("contact", [outcome.id])[0].version)

    def test_automations_are_started_when_the_connection_says_so(self, zoho: StandIn) -> None:
        made = zoho.crm(trigger="workflow, blueprint")
        made.prepare()
        made.apply([contact(1)])
        assert zoho.writes[-1].json["trigger"] == ["workflow", "blueprint"]

    def test_hundred_a_call_in_order(self, crm: Zoho, zoho: StandIn) -> None:
        outcomes = crm.apply([contact(number) for number in range(250)])
        assert [outcome.key for outcome in outcomes] == [f"scrm-{number}" for number in range(250)]
        assert len({outcome.id for outcome in outcomes}) == 250
        assert [len(seen.json["data"]) for seen in zoho.writes] == [100, 100, 50]

    def test_same_record_twice_is_written_in_turn(self, crm: Zoho, zoho: StandIn) -> None:
        first, second = crm.apply([contact(1, First_Name="美"), contact(1, First_Name="美玲")])
        assert (first.status, second.status, first.id) == ("created", "updated", second.id)
        assert zoho.held("Contacts", first.id).values["First_Name"] == "美玲"

    def test_known_and_unknown_id_of_one_record_keep_their_order(self, crm: Zoho, zoho: StandIn) -> None:
        (made,) = crm.apply([contact(1)])
        first, second = crm.apply([contact(1, First_Name="一"), Write("contact", "scrm-1", {"First_Name": "二"}, id=made.id)])
        assert first.id == second.id == made.id and zoho.held("Contacts", made.id).values["First_Name"] == "二"

    def test_known_id_is_updated_and_given_our_key(self, crm: Zoho, zoho: StandIn) -> None:
        held = zoho.add("Contacts", Last_Name="Mei")
        (outcome,) = crm.apply([Write("contact", "scrm-1", {"First_Name": "美玲"}, id=held.id)])
        assert (outcome.status, outcome.id) == ("updated", held.id)
        assert held.values["Scrm_ID"] == "scrm-1" and zoho.writes[-1].method == "PUT"

    def test_missing_record_is_gone(self, crm: Zoho) -> None:
        outcomes = crm.apply([Write("contact", "scrm-1", {}, id="999"), contact(2)])
        assert [outcome.status for outcome in outcomes] == ["gone", "created"]

    def test_duplicate_names_the_other(self, crm: Zoho, zoho: StandIn) -> None:
        (first,) = crm.apply([contact(1)])
        other = zoho.add("Contacts", Last_Name="Mei")
        (outcome,) = crm.apply([Write("contact", "scrm-1", {}, id=other.id)])
        assert (outcome.status, outcome.candidates) == ("duplicate", (first.id,))

    def test_field_that_zoho_does_not_have_is_told(self, crm: Zoho, zoho: StandIn) -> None:
        told, fine = crm.apply([contact(1, Shoe_Size="38"), contact(2)])
        assert told.status == "rejected" and "Shoe_Size" in told.reason and fine.status == "created"

    def test_field_added_later_is_found(self, crm: Zoho, zoho: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.crms.zoho.schema.STALE_SECONDS", 0.0)
        crm.apply([contact(1)])
        zoho.store.add_field("Contacts", {"field_label": "Shoe Size", "data_type": "text"})
        (outcome,) = crm.apply([contact(1, Shoe_Size="38")])
        assert zoho.held("Contacts", outcome.id).values["Shoe_Size"] == "38"

    def test_lost_answer_makes_no_second_record(self, crm: Zoho, zoho: StandIn) -> None:
        zoho.knobs(lost_answer=1.0, remaining=1, path="upsert")
        (outcome,) = crm.apply([contact(1)])
        assert outcome.status == "updated" and len(zoho.store.records["Contacts"]) == 1

    def test_row_errors_inside_200_are_read(self, crm: Zoho, zoho: StandIn) -> None:
        rows = [
            {
                "code": "SUCCESS",
                "status": "success",
                "action": "insert",
                "details": {"id": "1", "Modified_Time": "2026-11-22T17:00:00+08:00"},
            },
            {"code": "RECORD_LOCKED", "status": "error", "message": "The record is locked", "details": {}},
            {"code": "RECORD_IN_BLUEPRINT", "status": "error", "message": "in a blueprint", "details": {"api_name": "Stage"}},
        ]
        zoho.server.say({"data": rows})
        fine, locked, blueprint = crm.apply([contact(1), contact(2), contact(3)])
        assert (fine.id, fine.version) == ("1", "2026-11-22T09:00:00+00:00")
        assert (locked.status, locked.reason) == ("rejected", "RECORD_LOCKED: The record is locked")
        assert (blueprint.status, blueprint.reason) == ("rejected", "RECORD_IN_BLUEPRINT: in a blueprint (Stage)")

    def test_refused_whole_is_halved_until_the_bad_row_stands_alone(self, crm: Zoho, zoho: StandIn) -> None:
        real = zoho.server.respond

        def strict(request: Any) -> Answer:
            if request.path.endswith("/upsert") and any(row.get("Email") == BAD for row in request.json["data"]):
                return Answer(400, b'{"code": "INVALID_DATA", "status": "error", "message": "invalid", "details": {"api_name": "Email"}}')
            answer: Answer = real(request)
            return answer

        zoho.server.respond = strict
        outcomes = crm.apply([contact(1), contact(2), contact(3, Email=BAD), contact(4), contact(5)])
        assert [outcome.status for outcome in outcomes] == ["created", "created", "rejected", "created", "created"]
        assert "Email" in outcomes[2].reason

    @pytest.mark.parametrize("rows", [[], [{"code": "SUCCESS", "details": {}}], ["x"]])
    def test_answer_that_says_nothing_leaves_the_outcome_open(self, crm: Zoho, zoho: StandIn, rows: list[Any]) -> None:
        zoho.server.always(Answer(200, json.dumps({"data": rows}).encode()))
        with pytest.raises(OutcomeUnknown):
            crm.apply([contact(1)])

    def test_what_a_new_record_may_not_lack_stands_in_and_moves_nothing_back(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([Write("contact", "scrm-9", {"First_Name": "Mei"})])
        (made,) = crm.apply([Write("deal", "deal-1", {"Deal_Name": "訂單 A1"})])
        assert zoho.held("Contacts", person.id).values["Last_Name"] == "Mei"
        held = zoho.held("Deals", made.id)
        assert held.values["Stage"] == "Qualification" and held.values["Closing_Date"] == zoho.clock().date().isoformat()
        held.values["Stage"] = "Closed Won"
        crm.apply([Write("deal", "deal-1", {"Deal_Name": "訂單 A1"})])
        assert held.values["Stage"] == "Closed Won"

    def test_leads_as_people(self, zoho: StandIn) -> None:
        made = zoho.crm(contact_module="leads")
        made.prepare()
        (outcome,) = made.apply([contact(1)])
        assert zoho.held("Leads", outcome.id).values["Company"] == "陳" and "Contacts" not in zoho.store.records

    def test_unknown_kind_is_a_setting(self, crm: Zoho) -> None:
        with pytest.raises(Misconfigured):
            crm.apply([Write("invoice", "i-1", {})])

    def test_nothing_to_write_calls_nobody(self, crm: Zoho, zoho: StandIn) -> None:
        assert crm.apply([]) == [] and not zoho.server.seen

    @pytest.mark.parametrize(
        ("value", "data_type", "wanted"),
        [
            (None, "text", None),
            ("", "currency", None),
            ("1280.50", "currency", 1280.5),
            (Decimal("1E+3"), "double", 1000.0),
            ("1e999", "double", "1e999"),
            ("NaN", "double", "NaN"),
            ("七", "integer", "七"),
            ("-7", "integer", -7),
            ("true", "boolean", True),
            (False, "boolean", False),
            ("2026-11-22T09:30:00.123Z", "datetime", "2026-11-22T09:30:00+00:00"),
            (datetime(2026, 11, 22, 17, 0, 0, 999, tzinfo=UTC), "datetime", "2026-11-22T17:00:00+00:00"),
            ("2026-11-22T09:30:00.123Z", "date", "2026-11-22"),
            (date(2026, 11, 22), "date", "2026-11-22"),
            (["b", "a"], "multiselectpicklist", ["b", "a"]),
            ("b;a", "multiselectpicklist", ["b", "a"]),
            ({"b", "a"}, "text", "a;b"),
            ("5411", "lookup", {"id": "5411"}),
            ({"id": "1"}, "lookup", {"id": "1"}),
            ("a\x00\ud800", "text", "a\ufffd"),
            ("whenever", "datetime", "whenever"),
        ],
    )
    def test_value_for_the_type_of_its_field(self, value: Any, data_type: str, wanted: Any) -> None:
        assert to_wire(value, data_type) == wanted


class TestConditions:
    def _changed(self, zoho: StandIn, record_id: str) -> None:
        held = zoho.held("Contacts", record_id)
        held.modified_at += timedelta(seconds=5)

    def test_stale_version_is_a_conflict_by_412(self, crm: Zoho, zoho: StandIn) -> None:
        (made,) = crm.apply([contact(1)])
        self._changed(zoho, made.id)
        (stale,) = crm.apply([Write("contact", "scrm-1", {"First_Name": "舊"}, id=made.id, if_version=made.version)])
        assert zoho.writes[-1].headers["if-unmodified-since"] == made.version
        (now,) = crm.read("contact", [made.id])
        assert (stale.status, stale.version) == ("conflict", now.version) and now.fields["First_Name"] == "美玲"
        (fresh,) = crm.apply([Write("contact", "scrm-1", {"First_Name": "新"}, id=made.id, if_version=stale.version)])
        assert fresh.status == "updated"

    def test_many_go_together_and_only_the_stale_one_is_refused(self, crm: Zoho, zoho: StandIn) -> None:
        made = crm.apply([contact(number) for number in range(5)])
        self._changed(zoho, made[2].id)
        zoho.server.seen.clear()
        writes = [Write("contact", one.key, {"Department": "油尖旺"}, id=one.id, if_version=one.version) for one in made]
        assert [outcome.status for outcome in crm.apply(writes)] == ["updated", "updated", "conflict", "updated", "updated"]
        assert len(zoho.writes) == 1 and len(zoho.writes[0].json["data"]) == 4

    def test_change_between_look_and_write_is_refused_for_that_row_alone(self, crm: Zoho, zoho: StandIn) -> None:
        made = crm.apply([contact(number) for number in range(3)])
        real = zoho.server.respond

        def meanwhile(request: Any) -> Answer:
            answer: Answer = real(request)
            if request.method == "GET" and "ids" in request.query and not changed:
                changed.append(True)
                self._changed(zoho, made[1].id)
            return answer

        changed: list[bool] = []
        zoho.server.respond = meanwhile
        writes = [Write("contact", one.key, {"Department": "灣仔"}, id=one.id, if_version=one.version) for one in made]
        outcomes = crm.apply(writes)
        assert [outcome.status for outcome in outcomes] == ["updated", "conflict", "updated"] and outcomes[1].version

    def test_plain_412_without_rows(self, crm: Zoho, zoho: StandIn) -> None:
        (made,) = crm.apply([contact(1)])
        zoho.server.say({"code": "ALREADY_MODIFIED", "status": "error", "message": "modified", "details": {}}, 412)
        (outcome,) = crm.apply([Write("contact", "scrm-1", {}, id=made.id, if_version=made.version)])
        assert (outcome.status, outcome.version) == ("conflict", made.version)


class TestLinks:
    def test_deal_and_case_hang_on_the_person(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        deal, case = crm.apply(
            [
                Write("deal", "deal-1", {"Deal_Name": "A1"}, links=(Link("contact", person.id),)),
                Write("case", "case-1", {"Subject": "遲到"}, links=(Link("contact", person.id),)),
            ]
        )
        assert zoho.held("Deals", deal.id).values["Contact_Name"]["id"] == person.id
        assert zoho.held("Cases", case.id).values["Related_To"]["id"] == person.id
        assert crm.read("deal", [deal.id])[0].fields["Contact_Name"] == person.id

    def test_refused_link_is_told_and_the_record_stands(self, crm: Zoho, zoho: StandIn) -> None:
        (deal,) = crm.apply([Write("deal", "deal-1", {"Deal_Name": "A1"}, links=(Link("contact", "999"),))])
        assert deal.status == "created" and "Contact_Name" in deal.reason and "Contact_Name" not in zoho.held("Deals", deal.id).values

    def test_first_of_several_people_counts(self, crm: Zoho, zoho: StandIn) -> None:
        one, two = crm.apply([contact(1), contact(2)])
        (deal,) = crm.apply([Write("deal", "d", {"Deal_Name": "A1"}, links=(Link("contact", one.id), Link("contact", two.id)))])
        assert zoho.held("Deals", deal.id).values["Contact_Name"]["id"] == one.id


class TestNotes:
    def _day(self, person: str, body: str = "09:30 陳美玲: 你好", key: str = "17:2026-11-22", **parts: Any) -> Write:
        return Write("communication", key, {"Note_Content": body}, links=(Link("contact", person),), **parts)

    def test_one_note_a_day_updated_in_place(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        (made,) = crm.apply([self._day(person.id)])
        held = zoho.held("Notes", made.id)
        assert held.values["Note_Title"] == "Conversation [17:2026-11-22]" and held.values["Parent_Id"]["id"] == person.id
        (again,) = crm.apply([self._day(person.id, "09:31 陳美玲: 在嗎")])
        (known,) = crm.apply([Write("communication", "17:2026-11-22", {"Note_Content": "09:32"}, id=made.id)])
        assert (made.status, again.status, known.status) == ("created", "updated", "updated") and made.id == again.id == known.id
        assert held.values["Note_Content"] == "09:32" and len(zoho.store.records["Notes"]) == 1

    def test_lost_answer_makes_no_second_note(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        zoho.knobs(lost_answer=1.0, remaining=1, path="v8/Notes")
        with pytest.raises(OutcomeUnknown):
            crm.apply([self._day(person.id)])
        (outcome,) = crm.apply([self._day(person.id)])
        assert outcome.status == "updated" and len(zoho.store.records["Notes"]) == 1

    def test_hangs_on_the_deal_when_there_is_no_person(self, crm: Zoho, zoho: StandIn) -> None:
        (deal,) = crm.apply([Write("deal", "d", {"Deal_Name": "A1"})])
        (note,) = crm.apply([Write("communication", "1:2026-11-22", {"Note_Content": "x"}, links=(Link("deal", deal.id),))])
        assert zoho.held("Notes", note.id).values["Parent_Id"]["id"] == deal.id

    def test_without_a_parent_it_is_refused_in_words(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        lone, fine, orphan = crm.apply(
            [Write("communication", "1:2026-11-22", {"Note_Content": "x"}), self._day(person.id), self._day("999", key="2:2026-11-22")]
        )
        assert (lone.status, fine.status, orphan.status) == ("rejected", "created", "rejected")
        assert "linked to none" in lone.reason and "Parent_Id" in orphan.reason

    def test_long_day_keeps_its_newest_messages(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        (note,) = crm.apply([self._day(person.id, "字" * 40_000 + "最後一句")])
        content = zoho.held("Notes", note.id).values["Note_Content"]
        assert len(content) <= 32_000 and content.endswith("最後一句") and content.startswith("[earlier")

    def test_stale_note_is_a_conflict(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        (made,) = crm.apply([self._day(person.id)])
        zoho.held("Notes", made.id).modified_at += timedelta(seconds=3)
        (outcome,) = crm.apply([self._day(person.id, id=made.id, if_version=made.version)])
        assert outcome.status == "conflict" and outcome.version > made.version

    def test_is_found_among_hundreds(self, crm: Zoho, zoho: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        (made,) = crm.apply([self._day(person.id)])
        for number in range(450):
            zoho.add("Notes", Note_Title=f"by hand {number}", Note_Content="x", Parent_Id={"id": person.id})
        assert crm.apply([self._day(person.id)])[0].id == made.id


class TestTags:
    def test_of_other_people_stay(self, crm: Zoho, zoho: StandIn) -> None:
        held = zoho.add("Contacts", Last_Name="Mei", Tag=[{"name": "Gold", "id": "1"}])
        crm.apply([Write("contact", "scrm-1", {"Tag": ["VIP"]}, id=held.id)])
        assert crm.read("contact", [held.id])[0].fields["Tag"] == ["Gold", "VIP"]

    def test_are_made_to_match_when_the_connection_says_so(self, crm: Zoho, zoho: StandIn) -> None:
        crm = zoho.crm(tags="match")
        (made,) = crm.apply([contact(1, Tag=["VIP", "護手霜"])])
        assert crm.read("contact", [made.id])[0].fields["Tag"] == ["VIP", "護手霜"]
        (next_,) = crm.apply([contact(1, Tag="vip;退貨")])
        assert crm.read("contact", [made.id])[0].fields["Tag"] == ["VIP", "退貨"]
        assert next_.version == crm.read("contact", [made.id])[0].version

    def test_version_after_tagging_is_the_one_to_know_again(self, crm: Zoho, zoho: StandIn) -> None:
        base = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        ticks = iter(range(100_000))
        zoho.api.clock = lambda: base + timedelta(seconds=next(ticks) // 5)
        fresh = zoho.crm()
        (made,) = fresh.apply([contact(1, Tag=["VIP"])])
        assert made.version == fresh.read("contact", [made.id])[0].version

    def test_same_tags_cost_no_write(self, crm: Zoho, zoho: StandIn) -> None:
        crm.apply([contact(1, Tag=["VIP"])])
        zoho.server.seen.clear()
        crm.apply([contact(1, Tag=["VIP"])])
        assert [seen.path for seen in zoho.writes] == ["/api/crm/v8/Contacts/upsert"]

    def test_refused_tag_is_told(self, crm: Zoho, zoho: StandIn) -> None:
        real = zoho.server.respond

        def refusing(request: Any) -> Answer:
            if request.path.endswith("add_tags"):
                return Answer(400, b'{"code": "LIMIT_EXCEEDED", "status": "error", "message": "ten tags a record", "details": {}}')
            answer: Answer = real(request)
            return answer

        zoho.server.respond = refusing
        (outcome,) = crm.apply([contact(1, Tag=["VIP"])])
        assert outcome.status == "created" and "ten tags a record" in outcome.reason


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Answer(401, b'{"code": "INVALID_TOKEN", "status": "error"}'), TryLater),  # a new token a moment after the last: not yet
            (Answer(401, b'{"code": "AUTHENTICATION_FAILURE", "status": "error"}'), NeedsLogin),
            (Answer(401, b'{"code": "OAUTH_SCOPE_MISMATCH", "status": "error"}'), Misconfigured),
            (Answer(403, b'{"code": "NO_PERMISSION", "details": {"permissions": ["Crm_Implied_Edit_Contacts"]}}'), Misconfigured),
            (Answer(400, b'{"code": "INVALID_HOST", "status": "error"}'), Misconfigured),
            (Answer(200, b'{"code": "INVALID_HOST", "status": "error"}'), Misconfigured),
            (Answer(400, b'{"code": "INVALID_MODULE", "status": "error"}'), Misconfigured),
            (Answer(404, b'{"code": "INVALID_URL_PATTERN", "status": "error"}'), Misconfigured),
            (Answer(429, b'{"code": "TOO_MANY_REQUESTS"}'), TryLater),
            (Answer(429, b"<html>"), TryLater),
            (Answer(500, b'{"code": "INTERNAL_ERROR"}'), OutcomeUnknown),
            (Answer(500, b"<html>"), OutcomeUnknown),
            (Answer(503), OutcomeUnknown),
            (Answer(503, b"", {"Retry-After": "9"}), TryLater),
            (Answer(418, b"{}"), Rejected),
            (Answer(200, b"<html>"), OutcomeUnknown),
            (Answer(200, b"[]"), OutcomeUnknown),
            (Answer(0, broken=True), OutcomeUnknown),
        ],
    )
    def test_what_concerns_the_connection_is_raised(self, crm: Zoho, zoho: StandIn, answer: Answer, error: type[ConnectorError]) -> None:
        crm.check()
        zoho.server.always(answer)
        for call in (lambda: crm.apply([contact(1)]), lambda: crm.changes("contact", {}, 10), crm.check):
            with pytest.raises(ConnectorError) as caught:
                call()
            assert type(caught.value) is error

    @pytest.mark.parametrize(
        ("code", "header", "seconds"),
        [("TOO_MANY_REQUESTS", None, 60), ("LIMIT_EXCEEDED", None, 900), ("TOO_MANY_REQUESTS", "7", 7)],
    )
    def test_patience(self, crm: Zoho, zoho: StandIn, code: str, header: str | None, seconds: int) -> None:
        zoho.server.always(Answer(429, json.dumps({"code": code}).encode(), {"Retry-After": header} if header else {}))
        with pytest.raises(TryLater) as caught:
            crm.check()
        assert (caught.value.scope, caught.value.after) == ("connection", timedelta(seconds=seconds))

    @pytest.mark.parametrize(
        ("path", "scope"),
        [("/settings", "ZohoCRM.settings.fields.ALL"), ("/coql", "ZohoCRM.coql.READ"), ("/Deals", "ZohoCRM.modules.ALL"),
         ("/watch", "ZohoCRM.notifications.ALL")],
    )  # fmt: skip
    def test_missing_scope_is_named(self, zoho: StandIn, path: str, scope: str) -> None:
        zoho.knobs(scope_missing=path)
        made = zoho.crm()
        calls = {"/settings": made.describe, "/coql": lambda: made.changes("contact", {}, 1), "/Deals": lambda: made.read("deal", ["1"]),
                 "/watch": lambda: made.subscribe("https://a.example.hk/", "x" * 20)}  # fmt: skip
        with pytest.raises(Misconfigured, match=scope.replace(".", r"\.")):
            calls[path]()

    def test_wrong_data_centre_is_named(self, zoho: StandIn) -> None:
        zoho.knobs(wrong_host=True)
        with pytest.raises(Misconfigured, match="data centre jp"):
            zoho.crm().check()

    def test_credits_used_up(self, crm: Zoho, zoho: StandIn) -> None:
        zoho.knobs(credits=1)
        with pytest.raises(TryLater, match="credits"):
            crm.apply([contact(1)])

    def test_refused_connection(self, zoho: StandIn, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            zoho.crm(accounts_url=refused_url).apply([contact(1)])

    def test_one_fault_is_repeated_because_writing_is(self, crm: Zoho, zoho: StandIn) -> None:
        zoho.server.answers.append(Answer(502))
        assert crm.apply([contact(1)])[0].status == "created" and len(zoho.writes) == 2

    def test_credentials_are_shown_nowhere(self, crm: Zoho, zoho: StandIn) -> None:
        secret = zoho.store.login["refresh_token"]
        zoho.server.always(Answer(400, json.dumps({"code": "INVALID_DATA", "message": f"bad {secret}"}).encode()))
        (outcome,) = crm.apply([contact(1)])
        assert secret not in outcome.reason
