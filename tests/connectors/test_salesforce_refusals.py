"""Salesforce: what its refusals become, our own fields, the test call, and notices. Against the stand-in, over HTTP."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.conformance import Answer
from connectors.contracts import Hint
from connectors.crms.salesforce import Salesforce, wire, writing
from connectors.errors import BadSignature, ConnectorError, Misconfigured, OutcomeUnknown, TryLater
from tests.connectors.salesforce_server import WEBHOOK_TOKEN, StandIn, contact


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


class TestRefusals:
    @pytest.mark.parametrize(
        ("knob", "expected", "scope"),
        [
            ("request_limit", TryLater, "connection"),
            ("error_503", TryLater, "connection"),
            ("error_500", OutcomeUnknown, ""),
            ("html", OutcomeUnknown, ""),
        ],
    )
    def test_what_concerns_the_connection_is_raised(
        self, crm: Salesforce, org: StandIn, knob: str, expected: type[ConnectorError], scope: str
    ) -> None:
        org.knobs(**{knob: 1.0})
        with pytest.raises(expected) as caught:
            crm.apply([contact(1)])
        assert getattr(caught.value, "scope", "") == scope

    def test_used_up_calls_pause_the_whole_connection_for_long(self, crm: Salesforce, org: StandIn) -> None:
        crm.check()
        org.knobs(daily_calls=1)
        with pytest.raises(TryLater, match="REQUEST_LIMIT_EXCEEDED") as caught:
            crm.check()
        assert caught.value.after == timedelta(minutes=30) and caught.value.times is None

    def test_a_crowd_of_long_requests_pauses_for_a_moment(self, crm: Salesforce, loopback: Any) -> None:
        crm.check()
        loopback.always(Answer(403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentPerOrgLongTxn Limit exceeded."}]'))
        with pytest.raises(TryLater) as caught:
            crm.check()
        assert caught.value.after == timedelta(seconds=30)

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (403, "API_DISABLED_FOR_ORG", Misconfigured),
            (403, "INSUFFICIENT_ACCESS", Misconfigured),
            (400, "STORAGE_LIMIT_EXCEEDED", Misconfigured),
            (404, "UNSUPPORTED_API_VERSION", Misconfigured),
            (429, "", TryLater),
            (500, "", OutcomeUnknown),
        ],
    )
    def test_codes(self, crm: Salesforce, loopback: Any, status: int, code: str, expected: type[ConnectorError]) -> None:
        crm.check()
        loopback.always(Answer(status, f'[{{"errorCode":"{code}","message":"no"}}]'.encode()))
        with pytest.raises(expected):
            crm.apply([contact(1)])

    def test_a_row_that_says_the_storage_is_full_stops_all(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        row = b'[{"success":false,"errors":[{"statusCode":"STORAGE_LIMIT_EXCEEDED","message":"storage limit exceeded","fields":[]}]}]'
        loopback.respond = lambda request: Answer(200, row) if request.method == "PATCH" else org(request)
        with pytest.raises(Misconfigured, match="storage is full"):
            crm.apply([contact(1)])

    def test_an_answer_with_too_few_rows_is_no_answer(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        loopback.respond = lambda request: Answer(200, b"[]") if request.method == "PATCH" else org(request)
        with pytest.raises(OutcomeUnknown):
            crm.apply([contact(1)])

    def test_a_lost_answer_to_an_upsert_is_repeated_and_makes_nothing_twice(self, crm: Salesforce, org: StandIn) -> None:
        crm.describe()
        org.knobs(lost_answer=1.0, path="/composite/sobjects/Contact/", remaining=1)
        (outcome,) = crm.apply([contact(1)])
        assert outcome.status == "updated" and len(org.held("Contact")) == 1


class TestPreparing:
    def test_makes_what_is_missing_and_nothing_twice(self, org: StandIn) -> None:
        org.crm().prepare()
        made = [seen.json["FullName"] for seen in org.calls if "tooling" in seen.path]
        assert sorted(made) == [
            "Activity.Scrm_Id__c", "Case.Scrm_Id__c", "Contact.Scrm_Id__c", "Contact.Scrm_Last_Message_At__c",
            "Opportunity.Scrm_Id__c", "Order.Scrm_Id__c", "Product2.Scrm_Id__c",
        ]  # fmt: skip
        org.server.seen.clear()
        org.crm().prepare()
        assert not [seen for seen in org.calls if "tooling" in seen.path]

    def test_leads_get_them_too_where_people_begin_as_leads(self, org: StandIn) -> None:
        org.crm(person_object="lead").prepare()
        assert [each["FullName"] for each in org.store.custom_fields("Lead")] == ["Lead.Scrm_Id__c", "Lead.Scrm_Last_Message_At__c"]

    @pytest.mark.parametrize("knob", ["forbid_fields", "hide_fields"])
    def test_says_in_words_what_a_person_must_make_or_grant(self, org: StandIn, knob: str) -> None:
        org.knobs(**{knob: True})
        with pytest.raises(Misconfigured) as caught:
            org.crm().prepare()
        assert "Contact: Scrm_Id__c (Text 80, External ID, Unique)" in str(caught.value)
        assert "Activity: Scrm_Id__c (Text 80)" in str(caught.value)

    def test_a_key_that_is_not_unique_is_refused(self, org: StandIn) -> None:
        org.store.add_field("Contact", {"FullName": "Contact.Scrm_Id__c", "Metadata": {"type": "Text", "externalId": True}})
        with pytest.raises(Misconfigured, match="of Contact must be both External ID and Unique"):
            org.crm().prepare()

    def test_an_org_without_orders_and_cases_works(self, org: StandIn) -> None:
        org.knobs(missing_objects=["Order", "Case", "Product2"])
        crm = org.prepared()
        assert [each.kind for each in crm.describe()] == ["contact", "communication", "deal"]

    def test_an_app_that_may_not_see_people_is_told(self, org: StandIn) -> None:
        org.knobs(missing_objects=["Contact"])
        with pytest.raises(Misconfigured, match="may not see Contact"):
            org.crm().prepare()


class TestCheck:
    def test_tells_the_calls_left_and_the_clock(self, crm: Salesforce, org: StandIn) -> None:
        health = crm.check()
        assert health.ok and health.facts["api_limit"] == 15_000 and abs(health.facts["clock_offset_seconds"]) <= 1
        assert "14999 of 15000 API calls left" in health.detail
        assert crm.last_limits["api_limit"] == 15_000 and crm.last_limits["api_used"] >= 1

    def test_says_that_the_key_is_still_to_be_made(self, org: StandIn) -> None:
        health = org.crm().check()
        assert health.ok and "Scrm_Id__c is not there yet on Contact" in health.detail

    def test_finds_a_key_that_is_not_unique(self, org: StandIn) -> None:
        org.store.add_field("Contact", {"FullName": "Contact.Scrm_Id__c", "Metadata": {"type": "Text"}})
        health = org.crm().check()
        assert not health.ok and "must be both External ID and Unique" in health.detail

    def test_a_clock_that_is_off_is_told(self, crm: Salesforce, monkeypatch: pytest.MonkeyPatch) -> None:
        class Fast(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(minutes=7)

        monkeypatch.setattr(wire, "datetime", Fast)
        health = crm.check()
        assert health.ok and "its clock is -42" in health.detail


class TestHints:
    def test_a_flow_tells_what_to_read(self, crm: Salesforce) -> None:
        ids = ["0035g00000AAAAA", "00Q5g00000AAAAA", "0035g00000AAAAA", "a015g00000AAAAA", 7, None]
        body = json.dumps({"records": [{"object": "Contact", "id": each} for each in ids]}).encode()
        found = crm.hints(body, {"x-webhook-token": WEBHOOK_TOKEN}, "")
        assert found == [Hint("contact", "0035g00000AAAAA"), Hint("contact", "00Q5g00000AAAAA")]

    @pytest.mark.parametrize("headers", [{}, {"x-webhook-token": ""}, {"x-scrm-token": "guess"}])
    def test_strangers_are_refused(self, crm: Salesforce, headers: dict[str, str]) -> None:
        with pytest.raises(BadSignature):
            crm.hints(b"{}", headers, "")

    def test_without_a_token_everybody_is_a_stranger(self, org: StandIn) -> None:
        with pytest.raises(BadSignature):
            org.crm(secrets={"client_secret": "s"}).hints(b"{}", {"x-webhook-token": ""}, "")
