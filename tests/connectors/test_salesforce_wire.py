"""Salesforce: log-in, and what is written. Against the stand-in, over HTTP."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors import conformance
from connectors.conformance import Answer
from connectors.contracts import AccessToken, Link, Write
from connectors.crms.salesforce import Salesforce, writing
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from connectors.tokens import MemoryTokens
from scrm.sandbox.salesforce.records import OTHER_USER
from tests.connectors.salesforce_server import DATA, StandIn, contact

BAD = {"Email": "no address"}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LOCK_WAITS", (0.0, 0.0))


@pytest.fixture
def org(loopback: Any) -> StandIn:
    stand_in = StandIn(loopback)
    loopback.respond = stand_in
    return stand_in


@pytest.fixture
def crm(org: StandIn) -> Salesforce:
    return org.prepared()


def deal(key: str = "order:1", **more: Any) -> Write:
    return Write("deal", key, {"Name": "訂單 A1", "Amount": "9299.00"}, **more)


class TestConformance:
    def test_schema(self, org: StandIn) -> None:
        kinds = ["contact", "deal", "case", "order", "product"]
        conformance.check_schema(org.crm(), kinds)

    def test_schema_where_activities_take_unique_fields(self, org: StandIn) -> None:
        org.store.add_field(
            "Activity", {"FullName": "Activity.Scrm_Id__c", "Metadata": {"type": "Text", "unique": True, "externalId": True}}
        )
        conformance.check_schema(org.crm(), ["contact", "communication"])

    def test_apply(self, crm: Salesforce) -> None:
        talk = Write("communication", "7:2026-11-29", {"Description": "09:00 美玲: 你好"})
        conformance.check_apply(crm, [contact(1), deal(), contact(2), talk, Write("case", "c1", {"Subject": "退貨"})])

    @pytest.mark.parametrize("bad", [contact(4, **BAD), contact(4, Nonsense="x"), contact(4, FirstName="長" * 50)])
    def test_bad_record_harms_no_neighbour(self, crm: Salesforce, bad: Write) -> None:
        conformance.check_neighbours(crm, [contact(1), contact(2), contact(3)], bad)

    def test_reading_back(self, crm: Salesforce) -> None:
        conformance.check_reading_back(crm, [contact(1), contact(2)], ["FirstName", "LastName", "Phone"])

    def test_changes_of_one_moment_are_all_seen(self, crm: Salesforce, org: StandIn) -> None:
        moment = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
        for number in range(37):
            org.add("Contact", moment, LastName=f"客人{number}")
        assert len(conformance.check_changes(crm, "contact", 10)) == 37


class TestLogIn:
    def test_client_credentials_at_the_orgs_own_address(self, org: StandIn) -> None:
        org.crm().check()
        (seen,) = org.log_ins
        assert (seen.method, seen.path) == ("POST", "/services/oauth2/token")
        assert seen.body == b"client_id=3MVG9.hk&client_secret=c0nsumer-secret-hk&grant_type=client_credentials"

    def test_a_refresh_token_is_used_and_its_successor_kept(self, org: StandIn) -> None:
        org.knobs(rotate_refresh=True)
        secrets = {"client_secret": "c0nsumer-secret-hk", "refresh_token": "5Aep861.refresh"}
        keeper = MemoryTokens()
        crm = org.crm(keeper, secrets)
        crm.check()
        kept = keeper.current()
        assert kept is not None and kept.refresh_token == org.store.login["refresh_token"] != "5Aep861.refresh"
        org.store.close_sessions()
        crm.check()
        assert len(org.log_ins) == 2 and kept.refresh_token.encode() in org.log_ins[1].body

    def test_a_used_up_refresh_token_needs_a_person(self, org: StandIn) -> None:
        crm = org.crm(secrets={"client_secret": "c0nsumer-secret-hk", "refresh_token": "5Aep861.used"})
        with pytest.raises(NeedsLogin, match="invalid_grant"):
            crm.check()

    def test_a_wrong_secret_needs_a_person_and_is_not_shown(self, org: StandIn) -> None:
        with pytest.raises(NeedsLogin) as caught:
            org.crm(secrets={"client_secret": "wr0ng-secret"}).check()
        assert "wr0ng-secret" not in str(caught.value)

    def test_a_session_that_ended_is_renewed_once_and_nobody_notices(self, crm: Salesforce, org: StandIn) -> None:
        crm.check()
        org.store.close_sessions()
        assert [outcome.status for outcome in crm.apply([contact(1)])] == ["created"]
        assert len(org.log_ins) == 2

    def test_a_session_that_ends_again_and_again_asks_for_a_person(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(session_ended=1.0)
        with pytest.raises(NeedsLogin, match="INVALID_SESSION_ID"):
            crm.apply([contact(1)])
        assert len(org.log_ins) == 2 and len(org.calls) == 2

    def test_the_answer_names_the_orgs_address(self, org: StandIn) -> None:
        crm = org.crm(MemoryTokens(AccessToken("old", host="http://127.0.0.1:9")))
        with pytest.raises(Unreachable):
            crm.check()

    @pytest.mark.parametrize(
        "host", ["http://evil.example", "https://salesforce.com.evil.example", "https://my.salesforce.com@evil.example"]
    )
    def test_an_address_that_is_not_salesforces_gets_no_token(self, loopback: Any, host: str) -> None:
        loopback.say({"access_token": "t0ken-value", "instance_url": host})
        with pytest.raises(Misconfigured, match="not Salesforce's"):
            StandIn(loopback).crm().check()
        assert len(loopback.seen) == 1

    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (503, {}, Unreachable),
            (429, {}, TryLater),
            (400, {"error": "login_rate_exceeded"}, TryLater),
            (404, {}, Misconfigured),
            (400, {"error": "inactive_user", "error_description": "user is inactive"}, NeedsLogin),
            (200, {"token": "none"}, Unreachable),
        ],
    )
    def test_what_a_refused_log_in_becomes(self, loopback: Any, status: int, body: Any, expected: type[ConnectorError]) -> None:
        loopback.always(Answer(status, json.dumps(body).encode()))
        with pytest.raises(expected):
            StandIn(loopback).crm().check()

    def test_a_refresh_is_never_repeated_by_itself(self, loopback: Any) -> None:
        loopback.always(Answer(500, b"", broken=True))
        crm = StandIn(loopback).crm(secrets={"client_secret": "c0nsumer-secret-hk", "refresh_token": "works once"})
        with pytest.raises(OutcomeUnknown):
            crm.check()
        assert len(loopback.seen) == 1


class TestRequests:
    def test_an_upsert_by_our_key(self, crm: Salesforce, org: StandIn) -> None:
        (outcome,) = crm.apply([contact(1, Email=None)])
        (seen,) = org.writes
        assert (seen.method, seen.path) == ("PATCH", f"{DATA}/composite/sobjects/Contact/Scrm_Id__c")
        fields = {"FirstName": "美玲", "LastName": "陳", "Phone": "+85291230001", "Email": None, "Scrm_Id__c": "1"}
        assert seen.json == {"allOrNone": False, "records": [{"attributes": {"type": "Contact"}, **fields}]}
        assert outcome.status == "created" and outcome.id == org.by_key("Contact", "1").id

    def test_every_call_carries_our_mark_and_the_rules_for_duplicates(self, crm: Salesforce, org: StandIn) -> None:
        crm.apply([contact(1)])
        assert {seen.headers["sforce-call-options"] for seen in org.calls} == {"client=scrm"}
        assert {seen.headers["sforce-duplicate-rule-header"] for seen in org.calls} == {
            "allowSave=false; includeRecordDetails=true; runAsCurrentUser=true"
        }

    def test_the_version_is_a_setting(self, org: StandIn) -> None:
        org.prepared(api_version="v65.0").check()
        assert org.calls[0].path == "/services/data/v65.0/limits"

    def test_two_hundred_a_call_one_outcome_each_in_order(self, crm: Salesforce, org: StandIn) -> None:
        outcomes = crm.apply([contact(number) for number in range(401)])
        assert [outcome.key for outcome in outcomes] == [str(number) for number in range(401)]
        assert [len(seen.json["records"]) for seen in org.writes] == [200, 200, 1]
        assert {outcome.id for outcome in outcomes} == {held.id for held in org.held("Contact")}

    def test_a_batch_with_an_unknown_column_is_halved_to_the_row(self, crm: Salesforce, org: StandIn) -> None:
        outcomes = crm.apply([contact(number, **({"Nonsense": "x"} if number == 5 else {})) for number in range(8)])
        assert [outcome.status for outcome in outcomes] == ["created"] * 5 + ["rejected"] + ["created"] * 2
        assert "INVALID_FIELD" in outcomes[5].reason and len(org.writes) <= 8

    def test_a_record_is_not_twice_in_one_call_and_the_last_word_stands(self, crm: Salesforce, org: StandIn) -> None:
        outcomes = crm.apply([contact(1, Title="first"), contact(1, Title="second")])
        assert [outcome.status for outcome in outcomes] == ["created", "updated"]
        assert org.by_key("Contact", "1").values["Title"] == "second" and len(org.writes) == 2

    def test_values(self, crm: Salesforce, org: StandIn) -> None:
        at = datetime(2026, 11, 29, 17, 0, 1, 500_000, tzinfo=UTC)
        crm.apply(
            [
                contact(1, DoNotCall="true", Scrm_Last_Message_At__c=at),
                deal(),
                Write("deal", "2", {"Name": "二", "CloseDate": date(2026, 12, 1)}),
            ]
        )
        assert org.writes[0].json["records"][0]["DoNotCall"] is True
        assert org.writes[0].json["records"][0]["Scrm_Last_Message_At__c"] == "2026-11-29T17:00:01.500Z"
        assert org.by_key("Opportunity", "order:1").values["Amount"] == Decimal("9299")
        assert org.by_key("Opportunity", "2").values["CloseDate"] == "2026-12-01"

    def test_an_empty_text_clears(self, crm: Salesforce, org: StandIn) -> None:
        crm.apply([contact(1, Title="店長")])
        crm.apply([contact(1, Title="")])
        assert "Title" not in org.by_key("Contact", "1").values

    def test_a_long_transcript_is_cut_with_a_mark(self, crm: Salesforce, org: StandIn) -> None:
        (outcome,) = crm.apply([Write("communication", "1:2026-11-29", {"Description": "語" * 40_000})])
        said = org.by_key("Task", "1:2026-11-29").values["Description"]
        assert outcome.status == "created" and len(said) == 32_000 and said.endswith(" […]")


class TestNewRecords:
    def test_a_person_with_one_name_has_it_as_last_name(self, crm: Salesforce, org: StandIn) -> None:
        crm.apply([Write("contact", "1", {"FirstName": "小美", "LastName": "", "Phone": "+85291230001"})])
        assert org.by_key("Contact", "1").values == {"LastName": "小美", "Phone": "+85291230001", "Scrm_Id__c": "1"}

    def test_a_person_without_a_name_has_the_number(self, crm: Salesforce, org: StandIn) -> None:
        crm.apply([Write("contact", "1", {"Phone": "+85291230001"})])
        assert org.by_key("Contact", "1").values["LastName"] == "+85291230001"

    def test_a_repeated_write_does_not_move_a_deal_back(self, crm: Salesforce, org: StandIn) -> None:
        crm.apply([deal()])
        held = org.by_key("Opportunity", "order:1")
        assert held.values["StageName"] == "Prospecting" and held.values["CloseDate"]
        held.values["StageName"] = "Negotiation/Review"
        crm.apply([deal()])
        assert org.by_key("Opportunity", "order:1").values["StageName"] == "Negotiation/Review"

    def test_what_a_record_cannot_be_without_is_not_cleared(self, crm: Salesforce, org: StandIn) -> None:
        (first,) = crm.apply([deal()])
        (outcome,) = crm.apply([Write("deal", "order:1", {"Name": "", "CloseDate": "", "Amount": ""}, id=first.id)])
        held = org.by_key("Opportunity", "order:1")
        assert (outcome.status, held.values["Name"], "Amount" in held.values) == ("updated", "訂單 A1", False)

    def test_new_contacts_go_under_the_account_of_the_setting(self, org: StandIn) -> None:
        crm = org.prepared(account_id="0015g00000HKACC")
        crm.apply([contact(1)])
        assert org.by_key("Contact", "1").values["AccountId"] == "0015g00000HKACC"
        org.by_key("Contact", "1").values["AccountId"] = "0015g00000OTHER"
        crm.apply([contact(1)])
        assert org.by_key("Contact", "1").values["AccountId"] == "0015g00000OTHER"

    def test_new_people_are_leads_where_the_setting_says_so(self, org: StandIn) -> None:
        crm = org.prepared(person_object="Lead")
        (outcome,) = crm.apply([contact(1)])
        assert outcome.id.startswith("00Q") and org.by_key("Lead", "1").values["Company"] == "[not provided]"
        qualified = org.add("Contact", LastName="陳", Scrm_Id__c="1")
        org.book().convert(org.by_key("Lead", "1"), qualified)
        (moved,) = crm.apply([Write("contact", "1", {"Title": "店長"}, id=outcome.id)])
        assert (moved.status, moved.id) == ("moved", qualified.id)

    @pytest.mark.parametrize("settings", [{"person_object": "Account"}, {"account_id": "0035g00000HKACC"}])
    def test_settings_that_cannot_be_are_named(self, org: StandIn, settings: dict[str, str]) -> None:
        with pytest.raises(Misconfigured, match="Setting"):
            org.crm(**settings).check()

    def test_a_kind_that_has_no_place_is_named(self, crm: Salesforce) -> None:
        with pytest.raises(Misconfigured, match="keeps no 'invoice'"):
            crm.apply([Write("invoice", "1", {})])


class TestActivities:
    """A task takes no unique field: it is looked for before it is made."""

    def talk(self, **fields: Any) -> Write:
        return Write("communication", "7:2026-11-29", {"Description": "你好", **fields})

    def test_is_made_once_and_completed(self, crm: Salesforce, org: StandIn) -> None:
        assert [crm.apply([self.talk()])[0].status for _ in range(3)] == ["created", "updated", "updated"]
        (held,) = org.held("Task")
        assert (held.values["Status"], held.values["Subject"]) == ("Completed", "Chat")

    def test_a_lost_answer_makes_no_second_one(self, crm: Salesforce, org: StandIn) -> None:
        crm.describe()
        org.knobs(lost_answer=1.0, path="/composite/sobjects", remaining=1)
        with pytest.raises(OutcomeUnknown):
            crm.apply([self.talk()])
        assert crm.apply([self.talk()])[0].status == "updated" and len(org.held("Task")) == 1

    def test_belongs_to_the_person_and_the_deal(self, crm: Salesforce, org: StandIn) -> None:
        person, opportunity = (outcome.id for outcome in crm.apply([contact(1), deal()]))
        links = (Link("contact", person), Link("deal", opportunity))
        (outcome,) = crm.apply([Write("communication", "7:2026-11-29", {"Description": "你好"}, links=links)])
        held = org.by_key("Task", "7:2026-11-29")
        assert (held.values["WhoId"], held.values["WhatId"], outcome.reason) == (person, opportunity, "")

    def test_of_a_lead_belongs_to_nothing_else(self, org: StandIn) -> None:
        crm = org.prepared(person_object="Lead")
        person, opportunity = (outcome.id for outcome in crm.apply([contact(1), deal()]))
        crm.apply([Write("communication", "7", {}, links=(Link("contact", person), Link("deal", opportunity)))])
        assert org.by_key("Task", "7").values["WhoId"] == person and "WhatId" not in org.by_key("Task", "7").values

    def test_is_written_without_a_person_who_is_gone_and_says_so(self, crm: Salesforce, org: StandIn) -> None:
        gone = org.add("Contact", LastName="黃")
        org.book().delete(gone)
        (outcome,) = crm.apply([Write("communication", "7", {"Description": "你好"}, links=(Link("contact", gone.id),))])
        assert outcome.status == "created" and outcome.reason.startswith(f"not associated with contact {gone.id}")
        assert "WhoId" not in org.by_key("Task", "7").values


class TestDealsAndPeople:
    def test_are_joined_once_by_a_role(self, crm: Salesforce, org: StandIn) -> None:
        (person,) = crm.apply([contact(1)])
        for _ in range(3):
            (outcome,) = crm.apply([deal(links=(Link("contact", person.id),))])
            assert outcome.reason == ""
        (role,) = org.held("OpportunityContactRole")
        assert (role.values["OpportunityId"], role.values["ContactId"]) == (outcome.id, person.id)

    def test_a_person_who_is_gone_is_told(self, crm: Salesforce, org: StandIn) -> None:
        gone = org.add("Contact", LastName="黃")
        org.book().delete(gone)
        (outcome,) = crm.apply([deal(links=(Link("contact", gone.id),))])
        assert outcome.status == "created" and "INVALID_CROSS_REFERENCE_KEY" in outcome.reason

    def test_a_lead_becomes_part_of_a_deal_when_it_is_qualified(self, crm: Salesforce, org: StandIn) -> None:
        lead = org.add("Lead", LastName="黃", Company="黃記")
        (outcome,) = crm.apply([deal(links=(Link("contact", lead.id),))])
        assert outcome.status == "created" and "when it is qualified" in outcome.reason


class TestDuplicates:
    @pytest.mark.parametrize("rule", ["block", "alone"])
    def test_a_rule_names_the_candidates(self, crm: Salesforce, org: StandIn, rule: str) -> None:
        """Whether the answer for many rows names them, or only the one for the row alone."""
        other = org.add("Contact", LastName="陳", Phone="+85291230002")
        org.knobs(duplicate_rule=rule)
        outcomes = crm.apply([contact(1), contact(2), contact(3)])
        assert [outcome.status for outcome in outcomes] == ["created", "duplicate", "created"]
        assert outcomes[1].candidates == (other.id,) and "DUPLICATES_DETECTED" in outcomes[1].reason
        assert len(org.held("Contact")) == 3

    def test_a_key_that_another_record_carries_names_it(self, crm: Salesforce, org: StandIn) -> None:
        other = org.add("Contact", LastName="陳", Scrm_Id__c="1")
        mine = org.add("Contact", LastName="陳")
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "店長"}, id=mine.id)])
        assert (outcome.status, outcome.candidates) == ("duplicate", (other.id[:15],))

    def test_a_key_that_two_carry_is_ambiguous(self, crm: Salesforce, org: StandIn) -> None:
        both = {org.add("Contact", LastName="陳", Scrm_Id__c="1").id for _ in range(2)}
        outcomes = crm.apply([contact(1), contact(2)])
        assert outcomes[0].status == "duplicate" and set(outcomes[0].candidates) == both
        assert outcomes[1].status == "created"

    def test_an_ambiguous_answer_of_300_names_the_choices(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        """The query does not see the two yet, and the row's own answer is the list of addresses."""
        both = {org.add("Contact", LastName="陳", Scrm_Id__c="1").id for _ in range(2)}
        org.knobs(late_ms=60_000)

        def respond(request: Any) -> Answer:
            answer = org(request)
            silent = re.sub(rb"003[A-Za-z0-9]{15}", b"...", answer.body) if b"more than one" in answer.body else answer.body
            return Answer(answer.status, silent)

        loopback.respond = respond
        (outcome,) = crm.apply([contact(1)])
        assert outcome.status == "duplicate" and both <= {*outcome.candidates}

    def test_a_stale_record_of_an_activity_that_exists_twice_is_told(self, crm: Salesforce, org: StandIn) -> None:
        both = {org.add("Task", Scrm_Id__c="7").id for _ in range(2)}
        (outcome,) = crm.apply([Write("communication", "7", {})])
        assert outcome.status == "duplicate" and set(outcome.candidates) == both


class TestLocks:
    def test_a_locked_row_is_sent_again(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(lock_error=1.0, remaining=2)
        assert [outcome.status for outcome in crm.apply([contact(1), contact(2), contact(3)])] == ["created"] * 3
        assert [len(seen.json["records"]) for seen in org.writes] == [3, 2]

    def test_one_that_stays_locked_is_told_and_harms_nobody(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(lock_error=1.0, remaining=3)
        outcomes = crm.apply([contact(1)])
        assert outcomes[0].status == "rejected" and "UNABLE_TO_LOCK_ROW" in outcomes[0].reason


class TestVersions:
    def test_the_version_of_a_write_is_the_one_that_is_read(self, crm: Salesforce) -> None:
        (outcome,) = crm.apply([contact(1)])
        (change,) = crm.read("contact", [outcome.id])
        assert outcome.version == change.version != ""

    def test_an_edit_in_the_same_second_is_another_version(self, crm: Salesforce, org: StandIn) -> None:
        org.now = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
        (outcome,) = crm.apply([contact(1)])
        org.book().update(org.by_key("Contact", "1"), {"Title": "店長"}, by=OTHER_USER)
        (change,) = crm.read("contact", [outcome.id])
        assert change.modified_at == org.now and change.version != outcome.version

    def test_a_colleague_who_edits_right_after_our_write_is_not_taken_for_us(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(touch_after_write=True)
        (outcome,) = crm.apply([contact(1)])
        assert (outcome.status, outcome.version) == ("created", "")

    def test_a_stale_write_is_a_conflict_and_is_not_made(self, crm: Salesforce, org: StandIn) -> None:
        (first, second) = crm.apply([contact(1), contact(2)])
        org.book().update(org.by_key("Contact", "1"), {"Title": "店長"}, by=OTHER_USER)
        writes = [
            Write("contact", "1", {"Title": "經理"}, id=first.id, if_version=first.version),
            Write("contact", "2", {"Title": "經理"}, id=second.id, if_version=second.version),
        ]
        stale, good = crm.apply(writes)
        assert (stale.status, good.status) == ("conflict", "updated")
        assert org.by_key("Contact", "1").values["Title"] == "店長"
        assert stale.version == crm.read("contact", [first.id])[0].version

    def test_a_single_write_is_refused_when_somebody_was_faster_than_our_look(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        (first,) = crm.apply([contact(1)])

        def respond(request: Any) -> Answer:
            if request.method == "PATCH":
                org.by_key("Contact", "1").modified_at += timedelta(seconds=5)
            return org(request)

        loopback.respond = respond
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "經理"}, id=first.id, if_version=first.version)])
        assert outcome.status == "conflict" and "if-unmodified-since" in org.writes[-1].headers

    def test_a_system_change_without_an_edit_is_no_conflict(self, crm: Salesforce, org: StandIn) -> None:
        (first,) = crm.apply([contact(1)])
        org.by_key("Contact", "1").modified_at += timedelta(minutes=1)
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "經理"}, id=first.id, if_version=first.version)])
        assert outcome.status == "updated"


class TestGoneAndMerged:
    def test_a_deleted_record_is_gone(self, crm: Salesforce, org: StandIn) -> None:
        (first, other) = crm.apply([contact(1), contact(2)])
        org.book().delete(org.by_key("Contact", "1"))
        outcomes = crm.apply([Write("contact", "1", {"Title": "x"}, id=first.id), Write("contact", "2", {"Title": "x"}, id=other.id)])
        assert [outcome.status for outcome in outcomes] == ["gone", "updated"]

    def test_a_merged_record_has_moved(self, crm: Salesforce, org: StandIn) -> None:
        (first,) = crm.apply([contact(1)])
        winner = org.add("Contact", LastName="陳")
        org.book().merge(winner, org.by_key("Contact", "1"))
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "x"}, id=first.id)])
        assert (outcome.status, outcome.id) == ("moved", winner.id)
        assert crm.apply([Write("contact", "1", {"Title": "x"}, id=winner.id)])[0].status == "updated"
        assert winner.values["Scrm_Id__c"] == "1"

    def test_a_chain_of_merges_is_followed(self, crm: Salesforce, org: StandIn) -> None:
        (first,) = crm.apply([contact(1)])
        middle, last = org.add("Contact", LastName="陳"), org.add("Contact", LastName="陳")
        org.book().merge(middle, org.by_key("Contact", "1"))
        org.book().merge(last, middle)
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "x"}, id=first.id)])
        assert (outcome.status, outcome.id) == ("moved", last.id)

    def test_merged_into_another_person_of_ours_is_for_a_reviewer(self, crm: Salesforce, org: StandIn) -> None:
        (first, other) = crm.apply([contact(1), contact(2)])
        org.book().merge(org.by_key("Contact", "2"), org.by_key("Contact", "1"))
        (outcome,) = crm.apply([Write("contact", "1", {"Title": "x"}, id=first.id)])
        assert (outcome.status, outcome.candidates) == ("duplicate", (other.id,))
        assert org.by_key("Contact", "2").values.get("Title") is None
