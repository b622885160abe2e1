"""HubSpot: what is written, read, listed, and what its refusals become."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors import conformance, signatures
from connectors.conformance import Answer
from connectors.contracts import Account, Change, Hint, Link, Outcome, Removal, Write
from connectors.crms.hubspot import HubSpot
from connectors.crms.hubspot.records import text_of
from connectors.errors import BadSignature, ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable
from connectors.timestamps import milliseconds

BAD = "not-a-number"


@pytest.fixture
def crm(loopback: Any, fake_hubspot: Any) -> HubSpot:
    return crm_at(loopback.url)


def crm_at(url: str) -> HubSpot:
    return HubSpot(Account("hubspot", {"base_url": url}, {"access_token": "pat-hk-1", "client_secret": "s3"}))


def contact(number: int, **fields: Any) -> Write:
    return Write("contact", f"scrm-{number}", {"firstname": "美玲", "phone": f"+8529123{number:04d}", **fields})


class TestConformance:
    def test_schema(self, crm: HubSpot) -> None:
        conformance.check_schema(crm, ["contact", "communication", "deal", "case", "order", "product"])

    def test_apply(self, crm: HubSpot) -> None:
        conformance.check_apply(
            crm,
            [
                contact(1),
                Write("deal", "deal-1", {"dealname": "訂單 A1"}),
                contact(2),
                Write("communication", "talk-1", {"hs_communication_body": "你好"}),
                Write("product", "7", {"name": "ほうじ茶", "hs_sku": "HJ-01"}),
                Write("order", "5", {"hs_order_name": "HK-1042"}),
            ],
        )

    @pytest.mark.parametrize("whole_batches", [False, True])
    def test_bad_record_harms_no_neighbour(self, crm: HubSpot, fake_hubspot: Any, whole_batches: bool) -> None:
        fake_hubspot.whole_batches = whole_batches
        conformance.check_neighbours(crm, [contact(1), contact(2), contact(3)], contact(4, age=BAD))

    def test_reading_back(self, crm: HubSpot) -> None:
        conformance.check_reading_back(crm, [contact(1), contact(2)], ["firstname", "phone"])

    def test_changes_of_one_moment_are_all_seen(self, crm: HubSpot, fake_hubspot: Any) -> None:
        for number in range(37):
            fake_hubspot.add("contacts", {"firstname": str(number)})["stamp"] = fake_hubspot.clock
        assert len(conformance.check_changes(crm, "contact", 10)) == 37


class TestPeopleOfDeals:
    def begun_there(self, fake: Any, **fields: str) -> str:
        return str(fake.add("deals", {"dealname": "曲奇", **fields})["id"])

    def people(self, crm: HubSpot) -> dict[str, list[tuple[str, bool]]]:
        changes = [item for item in crm.changes("deal", {}).items if isinstance(item, Change)]
        return {each.id: [(person.id, person.primary) for person in each.people] for each in changes}

    def test_are_read_a_hundred_deals_a_call_and_never_of_ours(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        deals = [self.begun_there(fake_hubspot) for _ in range(150)]
        ours = self.begun_there(fake_hubspot, scrm_id="order:5")
        fake_hubspot.links = [("deals", each, "contacts", "7") for each in (deals[0], deals[149], ours)]
        found = self.people(crm)
        assert len(found) == 151 and {each for each, people in found.items() if people} == {deals[0], deals[149]}
        asked = [seen for seen in loopback.seen if "/associations/" in seen.path]
        assert {seen.path for seen in asked} == {"/crm/associations/2026-03/deals/contacts/batch/read"}
        assert [len(seen.json["inputs"]) for seen in asked] == [100, 50]
        assert {"id": ours} not in [row for seen in asked for row in seen.json["inputs"]]

    def test_the_primary_one_is_marked_and_further_pages_are_read(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        deal = self.begun_there(fake_hubspot)
        fake_hubspot.links = [("deals", deal, "contacts", each) for each in ("11", "12", "13")]
        fake_hubspot.primary, fake_hubspot.page = {fake_hubspot.links[2]}, 2
        assert self.people(crm) == {deal: [("11", False), ("12", False), ("13", True)]}
        assert loopback.seen[-1].json == {"inputs": [{"id": deal, "after": "2"}]}

    def test_pages_without_end_are_left(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        deal = self.begun_there(fake_hubspot)
        fake_hubspot.links, fake_hubspot.page = [("deals", deal, "contacts", str(each)) for each in range(50)], 1
        assert len(self.people(crm)[deal]) == 4
        assert len([seen for seen in loopback.seen if "/associations/" in seen.path]) == 4

    @pytest.mark.parametrize(("status", "goes_on"), [(400, True), (403, True), (404, True), (429, False), (503, False), (401, False)])
    def test_an_account_that_does_not_show_them_is_read_without(
        self, crm: HubSpot, loopback: Any, fake_hubspot: Any, status: int, goes_on: bool
    ) -> None:
        deal = self.begun_there(fake_hubspot)

        def answers(request: Any) -> Answer:
            return Answer(status, b'{"category": "X"}', {}) if "/associations/" in request.path else fake_hubspot(request)

        loopback.respond = answers
        if goes_on:
            assert self.people(crm) == {deal: []}
        else:
            with pytest.raises(ConnectorError):
                self.people(crm)

    @pytest.mark.parametrize(
        "answer", [[], {"results": None}, {"results": [None, {"from": 5}, {"from": {"id": "999"}, "to": [{"toObjectId": "7"}]}]}]
    )
    def test_an_answer_that_is_none_names_nobody(self, crm: HubSpot, loopback: Any, fake_hubspot: Any, answer: Any) -> None:
        deal = self.begun_there(fake_hubspot)
        loopback.respond = lambda request: (
            Answer(200, json.dumps(answer).encode(), {}) if "/associations/" in request.path else fake_hubspot(request)
        )
        assert self.people(crm) == {deal: []}

    def test_people_and_chats_cost_no_further_call(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        fake_hubspot.add("contacts", {"firstname": "美玲"})
        crm.changes("contact", {})
        assert not [seen for seen in loopback.seen if "/associations/" in seen.path]


class TestApply:
    def test_request(self, crm: HubSpot, loopback: Any) -> None:
        (outcome,) = crm.apply([contact(1, email=None)])
        (seen,) = loopback.seen
        assert (seen.method, seen.path, seen.headers["authorization"]) == (
            "POST",
            "/crm/objects/2026-03/contacts/batch/upsert",
            "Bearer pat-hk-1",
        )
        assert seen.json["inputs"] == [
            {
                "id": "scrm-1",
                "idProperty": "scrm_id",
                "objectWriteTraceId": "0",
                "properties": {"firstname": "美玲", "phone": "+85291230001", "email": "", "scrm_id": "scrm-1"},
            }
        ]
        assert outcome.status == "created" and outcome.id == "101" and outcome.version

    def test_hundred_a_batch_in_order(self, crm: HubSpot, loopback: Any) -> None:
        outcomes = crm.apply([contact(number) for number in range(250)])
        assert [outcome.key for outcome in outcomes] == [f"scrm-{number}" for number in range(250)]
        assert [len(seen.json["inputs"]) for seen in loopback.seen] == [100, 100, 50]

    def test_same_record_twice_is_written_in_turn(self, crm: HubSpot, fake_hubspot: Any) -> None:
        first, second = crm.apply([contact(1, firstname="美"), contact(1, firstname="美玲")])
        assert (first.status, second.status) == ("created", "updated") and first.id == second.id
        assert fake_hubspot.records["contacts"][first.id]["properties"]["firstname"] == "美玲"

    def test_known_id_is_updated_and_given_our_key(self, crm: HubSpot, fake_hubspot: Any) -> None:
        record = fake_hubspot.add("contacts", {"firstname": "Mei"})
        (outcome,) = crm.apply([Write("contact", "scrm-1", {"firstname": "美玲"}, id=record["id"])])
        assert (outcome.status, outcome.id) == ("updated", record["id"])
        assert record["properties"]["scrm_id"] == "scrm-1" and len(fake_hubspot.records["contacts"]) == 1

    def test_missing_record_is_gone(self, crm: HubSpot) -> None:
        outcomes = crm.apply([Write("contact", "scrm-1", {}, id="999"), contact(2)])
        assert [outcome.status for outcome in outcomes] == ["gone", "created"]

    def test_merged_record_has_moved(self, crm: HubSpot, loopback: Any) -> None:
        loopback.say(
            {
                "results": [
                    {"id": "555", "updatedAt": "2026-01-01T00:00:00.001Z", "objectWriteTraceId": "0", "properties": {"scrm_id": "scrm-1"}}
                ]
            }
        )
        assert crm.apply([Write("contact", "scrm-1", {}, id="101")]) == [Outcome("scrm-1", "moved", "555", "2026-01-01T00:00:00.001Z")]

    def test_stale_version_is_a_conflict(self, crm: HubSpot, fake_hubspot: Any) -> None:
        record = fake_hubspot.add("contacts", {"firstname": "Mei"})
        version = record["updatedAt"]
        fake_hubspot.touch("contacts", record, {"firstname": "May"})
        stale, fresh = crm.apply([
            Write("contact", "scrm-1", {"firstname": "美玲"}, id=record["id"], if_version=version),
            Write("contact", "scrm-1", {"firstname": "美"}, id=record["id"], if_version=record["updatedAt"]),
        ])  # fmt: skip
        assert (stale.status, fresh.status) == ("conflict", "updated")
        assert stale.version not in {"", version}
        assert record["properties"]["firstname"] == "美"

    def test_rows_without_trace_are_matched_by_key(self, crm: HubSpot, loopback: Any) -> None:
        rows = [{"id": str(number), "new": True, "properties": {"scrm_id": f"scrm-{number}"}} for number in (2, 1)]
        errors = [{"category": "CONFLICT", "message": "Contact already exists. Existing ID: 4711", "context": {"ids": ["scrm-3"]}}]
        loopback.say({"results": rows, "errors": errors}, 207)
        one, two, three = crm.apply([contact(1), contact(2), contact(3)])
        assert (one.id, two.id) == ("1", "2")
        assert (three.status, three.candidates) == ("duplicate", ("4711",))

    def test_row_that_the_answer_forgets_is_asked_again(self, crm: HubSpot, loopback: Any) -> None:
        loopback.say({"results": [{"id": "7", "new": True, "properties": {"scrm_id": "scrm-1"}}]})
        one, two = crm.apply([contact(1), contact(2)])
        assert (one.id, two.status) == ("7", "created")

    def test_answer_that_says_nothing_leaves_the_outcome_open(self, crm: HubSpot, loopback: Any) -> None:
        loopback.always(Answer(200, b'{"results": []}'))
        with pytest.raises(OutcomeUnknown):
            crm.apply([contact(1)])

    def test_communication_has_its_channel(self, crm: HubSpot, fake_hubspot: Any) -> None:
        (outcome,) = crm.apply(
            [
                Write(
                    "communication",
                    "talk-1",
                    {"hs_communication_body": "你好", "hs_timestamp": datetime(2026, 11, 22, 9, 0, 0, 123000, UTC)},
                )
            ]
        )
        stored = fake_hubspot.records["communications"][outcome.id]["properties"]
        assert stored["hs_communication_channel_type"] == "WHATS_APP" and stored["hs_communication_logged_from"] == "CRM"
        assert stored["hs_timestamp"] == "2026-11-22T09:00:00.123Z"

    def test_repeated_deal_keeps_the_stage_that_people_chose(self, crm: HubSpot, fake_hubspot: Any) -> None:
        (made,) = crm.apply([Write("deal", "deal-1", {"dealname": "訂單 A1"})])
        record = fake_hubspot.records["deals"][made.id]
        assert record["properties"]["pipeline"] == "default" and record["properties"]["dealstage"] == "appointmentscheduled"
        record["properties"]["dealstage"] = "closedwon"
        crm.apply([Write("deal", "deal-1", {"dealname": "訂單 A1"})])
        assert record["properties"]["dealstage"] == "closedwon"

    def test_links_are_made_and_a_refused_one_is_told(self, crm: HubSpot, fake_hubspot: Any) -> None:
        (person,) = crm.apply([contact(1)])
        write = Write(
            "communication", "talk-1", {"hs_communication_body": "你好"}, links=(Link("contact", person.id), Link("contact", "999"))
        )
        (outcome,) = crm.apply([write])
        assert fake_hubspot.links == [("communications", outcome.id, "contacts", person.id)]
        assert outcome.status == "created" and "999" in outcome.reason

    def test_unknown_kind_is_a_setting(self, crm: HubSpot) -> None:
        with pytest.raises(Misconfigured):
            crm.apply([Write("invoice", "i-1", {})])

    def test_nothing_to_write_calls_nobody(self, crm: HubSpot, loopback: Any) -> None:
        assert crm.apply([]) == [] and not loopback.seen

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, ""),
            (True, "true"),
            (False, "false"),
            (7, "7"),
            (Decimal("1E+3"), "1000"),
            (date(2026, 11, 22), "2026-11-22"),
            (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), "2026-11-22T17:00:00.000Z"),
            (["b", "a"], "b;a"),
            ({"b", "a"}, "a;b"),
            ("a\x00\ud800", "a\ufffd"),
        ],
    )
    def test_every_value_is_a_string(self, value: Any, text: str) -> None:
        assert text_of(value) == text


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Answer(401, b'{"category": "INVALID_AUTHENTICATION"}'), NeedsLogin),
            (
                Answer(403, b'{"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}'),
                Misconfigured,
            ),
            (Answer(429, b"{}"), TryLater),
            (Answer(500, b"<html>"), OutcomeUnknown),
            (Answer(503), OutcomeUnknown),
            (Answer(418, b"{}"), Rejected),
            (Answer(200, b"<html>"), OutcomeUnknown),
            (Answer(0, broken=True), OutcomeUnknown),
        ],
    )
    def test_what_concerns_the_connection_is_raised(self, crm: HubSpot, loopback: Any, answer: Answer, error: type[ConnectorError]) -> None:
        loopback.always(answer)
        with pytest.raises(ConnectorError) as caught:
            crm.apply([contact(1)])
        assert type(caught.value) is error

    def test_missing_scope_is_named(self, crm: HubSpot, loopback: Any) -> None:
        loopback.always(Answer(403, b'{"context": {"requiredGranularScopes": ["crm.objects.deals.write"]}}'))
        with pytest.raises(Misconfigured, match=r"crm\.objects\.deals\.write"):
            crm.read("deal", ["1"])

    def test_a_token_that_may_not_see_tickets_does_everything_else(self, crm: HubSpot, loopback: Any) -> None:
        """Apps that were made before tickets were written lack their scope."""
        hubspot = loopback.respond

        def without_tickets(request: Any) -> Answer:
            if "tickets" in request.path:
                return Answer(403, b'{"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["tickets"]}}')
            return hubspot(request)

        loopback.respond = without_tickets
        assert sorted(kind.kind for kind in crm.describe()) == ["communication", "contact", "deal", "order", "product"]
        crm.prepare()
        ticket, person = crm.apply([Write("case", "case-1", {"subject": "退貨"}), contact(1)])
        assert (ticket.status, person.status) == ("rejected", "created") and "tickets" in ticket.reason

    def test_refused_connection(self, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            crm_at(refused_url).apply([contact(1)])
        with pytest.raises(Unreachable):
            crm_at(refused_url).check()

    @pytest.mark.parametrize(
        ("headers", "policy", "least", "most"),
        [
            ({"Retry-After": "7"}, "DAILY", 7, 7),
            ({}, "TEN_SECONDLY_ROLLING", 10, 10),
            ({}, "SECONDLY", 1, 1),
            ({}, "DAILY", 0, 3600),
            ({}, "", 10, 10),
        ],
    )
    def test_patience(self, crm: HubSpot, loopback: Any, headers: dict[str, str], policy: str, least: int, most: int) -> None:
        loopback.always(Answer(429, json.dumps({"policyName": policy}).encode(), headers))
        with pytest.raises(TryLater) as caught:
            crm.apply([contact(1)])
        assert caught.value.scope == "connection" and timedelta(seconds=least) <= caught.value.after <= timedelta(seconds=most)

    def test_limits_are_kept(self, crm: HubSpot) -> None:
        assert crm.check().ok
        assert crm.last_limits == {"remaining": "99", "daily-remaining": "649000"}

    def test_one_fault_is_repeated_because_writing_is(self, crm: HubSpot, loopback: Any) -> None:
        loopback.answers.append(Answer(502))
        assert crm.apply([contact(1)])[0].status == "created" and len(loopback.seen) == 2


class TestSchema:
    def test_prepare_creates_what_is_missing(self, crm: HubSpot, fake_hubspot: Any) -> None:
        crm.prepare()
        assert all(fake_hubspot.properties[kind]["scrm_id"]["hasUniqueValue"] for kind in ("contacts", "communications", "deals"))
        assert fake_hubspot.properties["contacts"]["scrm_last_message_at"]["type"] == "datetime"
        assert fake_hubspot.properties["contacts"]["scrm_id"]["groupName"] == "contactinformation"
        assert "scrm_last_message_at" not in fake_hubspot.properties["deals"]

    def test_property_that_is_not_unique_is_refused(self, crm: HubSpot, fake_hubspot: Any) -> None:
        fake_hubspot.unique = False
        with pytest.raises(Misconfigured, match="not unique"):
            crm.prepare()


class TestFeeds:
    def test_next_run_finds_only_what_changed_since(self, crm: HubSpot, fake_hubspot: Any) -> None:
        record = fake_hubspot.add("deals", {"dealname": "A1"})
        first = crm.changes("deal", {}, 100)
        assert [item.id for item in first.items] == [record["id"]] and not first.more
        assert crm.changes("deal", first.cursor, 100).items == ()
        fake_hubspot.clock = milliseconds(datetime.now(UTC)) - 10
        fake_hubspot.touch("deals", record, {"dealname": "A2"})
        (change,) = crm.changes("deal", first.cursor, 100).items
        assert isinstance(change, Change)
        assert (
            change.version == record["updatedAt"]
            and change.modified_at is not None
            and abs(milliseconds(change.modified_at) - record["stamp"]) == 0
        )

    def test_window_is_fixed_and_pages_follow_the_id(self, crm: HubSpot, fake_hubspot: Any, loopback: Any) -> None:
        for number in range(5):
            fake_hubspot.add("contacts", {"firstname": str(number)})
        first = crm.changes("contact", {}, 2)
        crm.changes("contact", first.cursor, 2)
        searches = [seen.json for seen in loopback.seen if seen.path.endswith("/search")]
        until = [each["filters"][0] for each in (search["filterGroups"][0] for search in searches)]
        assert until[0] == until[1] and until[0]["propertyName"] == "lastmodifieddate" and until[0]["operator"] == "LTE"
        assert searches[1]["filterGroups"][0]["filters"][-1] == {"propertyName": "hs_object_id", "operator": "GT", "value": "102"}

    def test_cursor_from_the_future_is_refused(self, crm: HubSpot) -> None:
        with pytest.raises(Misconfigured, match="future"):
            crm.changes("contact", {"since": milliseconds(datetime.now(UTC)) + 600_000}, 10)

    def test_search_that_ignores_the_filter_is_noticed(self, crm: HubSpot, loopback: Any) -> None:
        loopback.say({"results": [{"name": "firstname"}]})
        loopback.say({"results": [{"id": "1"}, {"id": "2"}]})
        with pytest.raises(Misconfigured, match="ignores"):
            crm.changes("contact", {"from": 0, "to": 1, "last": 50}, 2)

    def test_removals_are_archived_and_merged_ones(self, crm: HubSpot, fake_hubspot: Any) -> None:
        fake_hubspot.archived["contacts"] = [
            {"id": "7", "archived": True, "archivedAt": "2026-01-02T00:00:00Z"},
            {"id": "8", "archived": True},
        ]
        survivor = fake_hubspot.add("contacts", {"hs_merged_object_ids": "5;6"})
        page = crm.removals("contact", {}, {"7", "5"})
        found = list(page.items)
        while page.more:
            page = crm.removals("contact", page.cursor, {"7", "5"})
            found += page.items
        assert found == [Removal("contact", "7", "", datetime(2026, 1, 2, tzinfo=UTC)), Removal("contact", "5", survivor["id"])]


class TestHints:
    URL = "https://crm.example.hk/webhooks/crm/hubspot/"

    def _headers(self, body: bytes, when: datetime, secret: str = "s3") -> dict[str, str]:
        stamp = str(milliseconds(when))
        return {
            "x-hubspot-request-timestamp": stamp,
            "x-hubspot-signature-v3": signatures.sign_hubspot_v3(body, method="POST", url=self.URL, timestamp=stamp, secret=secret),
        }

    def test_names_each_record_once(self, crm: HubSpot) -> None:
        events = [
            {"subscriptionType": "contact.propertyChange", "objectId": 101},
            {"subscriptionType": "contact.propertyChange", "objectId": 101},
            {"subscriptionType": "object.creation", "objectTypeId": "0-3", "objectId": 9},
            {"subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 3},
            {"subscriptionType": "company.creation", "objectId": 5},
            "x",
        ]
        body = json.dumps(events).encode()
        assert crm.hints(body, self._headers(body, datetime.now(UTC)), self.URL) == [
            Hint("contact", "101", "propertyChange"),
            Hint("deal", "9", "creation"),
            Hint("contact", "1", "merge"),
            Hint("contact", "3", "merge"),
            Hint("contact", "2", "merge"),
        ]

    def test_strangers_are_refused(self, crm: HubSpot) -> None:
        now = datetime.now(UTC)
        for headers in (
            {},
            self._headers(b"[]", now, "s4"),
            self._headers(b"[1]", now),
            self._headers(b"[]", now - timedelta(minutes=6)),
            self._headers(b"[]", now + timedelta(days=1)),
        ):
            with pytest.raises(BadSignature):
                crm.hints(b"[]", headers, self.URL)

    @pytest.mark.parametrize("body", conformance.GARBAGE)
    def test_signed_garbage_gives_nothing(self, crm: HubSpot, body: bytes) -> None:
        assert crm.hints(body, self._headers(body, datetime.now(UTC)), self.URL) == []
