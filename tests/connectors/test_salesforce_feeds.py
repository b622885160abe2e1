"""Salesforce: reading what changed and what was removed, page by page, against the stand-in over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.conformance import Answer
from connectors.contracts import Change, Page, Removal
from connectors.crms.salesforce import Salesforce, windows
from connectors.errors import ConnectorError, Gone, Misconfigured, OutcomeUnknown
from scrm.sandbox.salesforce.records import OTHER_USER
from tests.connectors.salesforce_server import StandIn, contact

LONG_AGO = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def org(loopback: Any) -> StandIn:
    stand_in = StandIn(loopback)
    loopback.respond = stand_in
    return stand_in


@pytest.fixture
def crm(org: StandIn) -> Salesforce:
    return org.prepared()


def all_pages(read: Callable[[Any], Page], cursor: Any = None, most: int = 60) -> tuple[list[Any], Any]:
    """Every item until the feed ends, each cursor stored as JSON in between, and the last cursor."""
    found: list[Any] = []
    cursor = cursor or {}
    for _ in range(most):
        page = read(json.loads(json.dumps(cursor)))
        found += page.items
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError(f"the feed did not end after {most} pages")


def changes(crm: Salesforce, kind: str = "contact", cursor: Any = None, limit: int = 10) -> tuple[list[Change], Any]:
    return all_pages(lambda at: crm.changes(kind, at, limit), cursor)


def removals(crm: Salesforce, kind: str = "contact", cursor: Any = None, known: Any = ()) -> tuple[list[Removal], Any]:
    return all_pages(lambda at: crm.removals(kind, at, known), cursor)


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


class TestPeopleOfDeals:
    def deal(self, org: StandIn, **values: Any) -> str:
        given = {"Name": "曲奇", "StageName": "Prospecting", "CloseDate": "2026-12-01", **values}
        return org.add("Opportunity", ago(minutes=1), **given).id

    def role(self, org: StandIn, deal: str, person: str, **values: Any) -> None:
        org.add("OpportunityContactRole", ago(minutes=1), OpportunityId=deal, ContactId=person, **values)

    def test_are_read_with_a_page_in_one_query_and_never_of_ours(self, crm: Salesforce, org: StandIn) -> None:
        one, two = (org.add("Contact", ago(minutes=1), LastName=name).id for name in ("黃", "陳"))
        first, second = self.deal(org), self.deal(org)
        ours = self.deal(org, Scrm_Id__c="order:5")
        self.role(org, first, one)
        self.role(org, first, two, IsPrimary=True)
        self.role(org, ours, one)
        before = len(org.queries)
        found, _ = changes(crm, "deal")
        assert {each.id: [(person.id, person.primary) for person in each.people] for each in found} == {
            first: [(one, False), (two, True)],
            second: [],
            ours: [],
        }
        asked = [query for query in org.queries[before:] if "OpportunityContactRole" in query]
        assert len(asked) == 1 and ours not in asked[0]

    def test_more_than_an_answer_holds_are_asked_for_by_halves(self, crm: Salesforce, org: StandIn) -> None:
        people = [org.add("Contact", ago(minutes=1), LastName=str(number)).id for number in range(3)]
        deals = [self.deal(org) for _ in range(4)]
        for each in deals:
            for person in people:
                self.role(org, each, person)
        org.knobs(query_page=4)
        found = crm.read("deal", deals)
        assert [len(each.people) for each in found] == [3] * 4

    def test_an_org_that_hides_them_is_read_without(self, crm: Salesforce, org: StandIn) -> None:
        deal = self.deal(org)
        org.knobs(missing_objects=["OpportunityContactRole"])
        (found,) = crm.read("deal", [deal])
        assert (found.id, found.people) == (deal, ())

    def test_a_busy_org_is_asked_again(self, crm: Salesforce, org: StandIn) -> None:
        deal = self.deal(org)
        org.knobs(error_503=1.0, path="/query")
        with pytest.raises(ConnectorError):
            crm.read("deal", [deal])


class TestChangedRoles:
    """Whose a deal is changes in a record of its own, and the deal's time stands still."""

    def deals(self, org: StandIn, number: int) -> list[str]:
        given = {"Name": "曲奇", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
        return [org.add("Opportunity", ago(days=3), **given).id for _ in range(number)]

    def person(self, org: StandIn) -> str:
        return org.add("Contact", ago(days=3), LastName="黃").id

    def role(self, org: StandIn, deal: str, person: str, at: datetime | None = None) -> None:
        org.add("OpportunityContactRole", at or ago(minutes=1), OpportunityId=deal, ContactId=person)

    def since(self, **span: float) -> dict[str, str]:
        return {"since": windows.text(ago(**span))}

    def test_bring_their_deals_once(self, crm: Salesforce, org: StandIn) -> None:
        (deal, _), one, two = self.deals(org, 2), self.person(org), self.person(org)
        self.role(org, deal, one, ago(days=2))
        for _ in range(2):
            self.role(org, deal, two)
        found, cursor = changes(crm, "deal", self.since(hours=1))
        assert [(each.id, {person.id for person in each.people}) for each in found] == [(deal, {one, two})]
        assert set(cursor) == {"since"}

    def test_are_read_page_by_page(self, crm: Salesforce, org: StandIn) -> None:
        deals, person = self.deals(org, 25), self.person(org)
        for deal in deals:
            self.role(org, deal, person)
        found, _ = changes(crm, "deal", self.since(hours=1), limit=10)
        assert sorted(each.id for each in found) == sorted(deals)

    def test_a_deal_that_changed_itself_is_not_told_twice(self, crm: Salesforce, org: StandIn) -> None:
        deal = org.add("Opportunity", ago(minutes=2), Name="曲奇", StageName="Prospecting", CloseDate="2026-12-01").id
        self.role(org, deal, self.person(org))
        found, _ = changes(crm, "deal", self.since(hours=1))
        assert [each.id for each in found] == [deal]

    def test_the_first_run_and_other_kinds_do_without(self, crm: Salesforce, org: StandIn) -> None:
        self.deals(org, 1)
        before = len(org.queries)
        changes(crm, "deal")
        changes(crm, "case", self.since(hours=1))
        assert not [query for query in org.queries[before:] if "FROM OpportunityContactRole" in query and windows.STAMP in query]

    def test_an_org_that_hides_them_goes_on(self, crm: Salesforce, org: StandIn) -> None:
        self.deals(org, 1)
        org.knobs(missing_objects=["OpportunityContactRole"])
        found, cursor = changes(crm, "deal", self.since(hours=1))
        assert (found, set(cursor)) == ([], {"since"})


class TestLinesOfOrders:
    def order(self, org: StandIn) -> str:
        return org.add("Order", ago(minutes=1), AccountId="001000000000001", EffectiveDate="2026-11-20", Status="Draft").id

    def test_come_with_the_page_in_one_query(self, crm: Salesforce, org: StandIn) -> None:
        tea = org.add("Product2", ago(minutes=1), Name="ほうじ茶", ProductCode="HJ-01").id
        cup = org.add("Product2", ago(minutes=1), Name="杯").id
        one, two = self.order(org), self.order(org)
        org.add("OrderItem", ago(minutes=1), OrderId=one, Product2Id=tea, Quantity=2.0, UnitPrice=128.0)
        org.add("OrderItem", ago(minutes=1), OrderId=one, Product2Id=cup, Quantity=1.5, UnitPrice=None)
        before = len(org.queries)
        found, _ = changes(crm, "order")
        assert {each.id: each.fields["OrderItems"] for each in found} == {
            one: [
                {"sku": "HJ-01", "name": "ほうじ茶", "quantity": "2", "unit_price": "128"},
                {"sku": "", "name": "杯", "quantity": "1.5", "unit_price": ""},
            ],
            two: [],
        }
        assert len([query for query in org.queries[before:] if "FROM OrderItem " in query]) == 1
        assert any(
            each.name == "OrderItems" and not each.writable for kind in crm.describe() if kind.kind == "order" for each in kind.fields
        )

    def test_a_line_that_changes_makes_the_order_change(self, crm: Salesforce, org: StandIn) -> None:
        order = self.order(org)
        tea = org.add("Product2", Name="ほうじ茶", ProductCode="HJ-01").id
        org.now = datetime.now(UTC) + timedelta(minutes=10)
        item = org.book().create("OrderItem", {"OrderId": order, "Product2Id": tea, "Quantity": 2, "UnitPrice": 10}, by=OTHER_USER)
        (found,) = crm.read("order", [order])
        assert (found.fields["TotalAmount"], [each["quantity"] for each in found.fields["OrderItems"]]) == (20.0, ["2"])
        org.now += timedelta(seconds=2)
        org.book().delete(item)
        (after,) = crm.read("order", [order])
        assert (after.fields["OrderItems"], after.version != found.version) == ([], True)

    def test_an_org_that_hides_them_says_nothing_of_them(self, crm: Salesforce, org: StandIn) -> None:
        order = self.order(org)
        org.knobs(missing_objects=["OrderItem"])
        (found,) = crm.read("order", [order])
        assert "OrderItems" not in found.fields


class TestChanges:
    def test_37_rows_of_one_moment_in_pages_of_10_come_once_each_and_the_feed_ends(self, crm: Salesforce, org: StandIn) -> None:
        for number in range(37):
            org.add("Contact", LONG_AGO, LastName=f"客人{number}")
        found, cursor = changes(crm)
        assert sorted(change.fields["LastName"] for change in found) == sorted(f"客人{number}" for number in range(37))
        again, _ = changes(crm, cursor=cursor)
        assert again == []

    def test_the_queries(self, crm: Salesforce, org: StandIn) -> None:
        for number in range(3):
            org.add("Contact", LONG_AGO + timedelta(seconds=number), LastName="陳")
        page = crm.changes("contact", {"since": "2026-10-01T00:00:00Z"}, 2)
        crm.changes("contact", page.cursor, 2)
        to = page.cursor["to"]
        last = page.items[-1].id
        assert org.queries == [
            f"SELECT Id, SystemModstamp FROM Contact WHERE SystemModstamp < {to} AND SystemModstamp >= 2026-10-01T00:00:00Z"
            " ORDER BY SystemModstamp, Id LIMIT 2",
            f"SELECT Id, SystemModstamp FROM Contact WHERE SystemModstamp < {to} AND SystemModstamp >= 2026-10-01T00:00:00Z"
            f" AND (SystemModstamp > 2026-11-01T09:00:01Z OR (SystemModstamp = 2026-11-01T09:00:01Z AND Id > '{last}'))"
            " ORDER BY SystemModstamp, Id LIMIT 2",
        ]

    def test_the_next_run_begins_five_minutes_before_the_end_of_the_last(self, crm: Salesforce, org: StandIn) -> None:
        _, cursor = changes(crm)
        assert list(cursor) == ["since"]
        assert timedelta(minutes=5) <= datetime.now(UTC) - datetime.fromisoformat(cursor["since"]) < timedelta(minutes=6)

    def test_a_row_that_appears_late_is_seen_by_the_next_run(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(late_ms=60_000)
        org.add("Contact", ago(seconds=30), LastName="陳")
        found, cursor = changes(crm)
        assert found == []
        org.knobs(late_ms=0)
        found, _ = changes(crm, cursor=cursor)
        assert [change.fields["LastName"] for change in found] == ["陳"]

    def test_an_edit_during_a_run_is_left_to_the_next_one(self, crm: Salesforce, org: StandIn) -> None:
        held = [org.add("Contact", LONG_AGO, LastName=f"客人{number}") for number in range(5)]
        page = crm.changes("contact", {}, 2)
        org.now = ago(seconds=-5)
        org.book().update(held[4], {"Title": "店長"}, by=OTHER_USER)
        found, cursor = changes(crm, cursor=page.cursor, limit=2)
        assert len(page.items) + len(found) == 4
        org.now = None
        found, _ = changes(crm, cursor={**cursor})
        assert [change.fields["Title"] for change in found if change.id == held[4].id] in ([], ["店長"])

    def test_a_record_as_it_is_read(self, crm: Salesforce, org: StandIn) -> None:
        at = "2026-11-20T01:02:03.000+0000"
        held = org.add("Contact", LONG_AGO, LastName="陳", Scrm_Last_Message_At__c=at, DoNotCall=True)
        ((change,), _) = changes(crm)
        assert (change.kind, change.id, change.modified_at) == ("contact", held.id, LONG_AGO)
        assert change.fields["Scrm_Last_Message_At__c"] == "2026-11-20T01:02:03.000Z"
        assert change.fields["DoNotCall"] is True and change.fields["Email"] is None
        assert "attributes" not in change.fields and "MailingAddress" not in change.fields

    def test_a_record_deleted_between_the_list_and_the_reading_is_left_out(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        held = [org.add("Contact", LONG_AGO, LastName=f"客人{number}") for number in range(3)]

        def respond(request: Any) -> Answer:
            if request.method == "POST" and request.path.endswith("/composite/sobjects/Contact"):
                held[1].deleted = True
            return org(request)

        loopback.respond = respond
        found, _ = changes(crm)
        assert [change.id for change in found] == [held[0].id, held[2].id]

    def test_a_server_that_ignores_the_conditions_is_found_out(self, crm: Salesforce, org: StandIn) -> None:
        for number in range(4):
            org.add("Contact", LONG_AGO + timedelta(seconds=number), LastName="陳")
        org.knobs(ignore_conditions=True)
        with pytest.raises(Misconfigured, match="ignores the condition"):
            changes(crm, limit=2)

    def test_a_position_in_the_future_is_refused(self, crm: Salesforce) -> None:
        with pytest.raises(Misconfigured, match="future"):
            crm.changes("contact", {"since": "2090-01-01T00:00:00Z"}, 10)

    @pytest.mark.parametrize("cursor", [{"to": "rubbish"}, {"since": []}, {"to": None, "from": {}}, {"since": "", "part": "x"}])
    def test_a_damaged_position_reads_from_the_beginning(self, crm: Salesforce, org: StandIn, cursor: Any) -> None:
        org.add("Contact", LONG_AGO, LastName="陳")
        assert len(changes(crm, cursor=cursor)[0]) == 1

    def test_people_are_leads_and_contacts_where_new_ones_are_leads(self, org: StandIn) -> None:
        crm = org.prepared(person_object="Lead")
        for number in range(3):
            org.add("Lead", LONG_AGO, LastName=f"潛在{number}", Company="黃記")
            org.add("Contact", LONG_AGO, LastName=f"客人{number}")
        converted, qualified = org.add("Lead", LONG_AGO, LastName="黃", Company="黃記"), org.add("Contact", LONG_AGO, LastName="黃")
        org.book().convert(converted, qualified)
        found, _ = changes(crm, limit=2)
        assert sorted(change.id[:3] for change in found) == ["003"] * 4 + ["00Q"] * 3

    def test_a_missing_object_is_told(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(missing_objects=["Order"])
        with pytest.raises(Gone, match="no such"):
            crm.changes("order", {}, 10)


class TestReading:
    def test_only_what_exists_each_once_in_order(self, crm: Salesforce, org: StandIn) -> None:
        one, two = org.add("Contact", LastName="一"), org.add("Contact", LastName="二")
        org.book().delete(org.add("Contact", LastName="三"))
        ids = [two.id, "nonsense", one.id[:15], two.id, "0035g00000NOBODYAA", ""]
        assert [change.fields["LastName"] for change in crm.read("contact", ids)] == ["二", "一"]

    def test_nothing_costs_no_call(self, crm: Salesforce, org: StandIn) -> None:
        assert crm.read("contact", []) == [] and org.calls == []

    def test_many_take_a_call_for_each_two_hundred(self, crm: Salesforce, org: StandIn) -> None:
        ids = [org.add("Contact", LastName=str(number)).id for number in range(250)]
        assert [change.id for change in crm.read("contact", ids)] == ids
        assert len([seen for seen in org.calls if seen.method == "POST"]) == 2


class TestRemovals:
    def test_deleted_ones_and_those_that_a_merge_swallowed(self, crm: Salesforce, org: StandIn) -> None:
        gone, loser, winner = (org.add("Contact", LastName=name) for name in ("走", "輸", "贏"))
        org.now = ago(minutes=3)
        org.book().delete(gone)
        org.book().merge(winner, loser)
        org.now = None
        found, cursor = removals(crm)
        assert [(each.id, each.merged_into) for each in found] == [(gone.id, ""), (loser.id, winner.id)]
        assert found[0].removed_at is not None and list(cursor) == ["since"]

    def test_many_merges_of_one_moment_come_once_each(self, crm: Salesforce, org: StandIn) -> None:
        winner = org.add("Contact", LastName="贏")
        losers = [org.add("Contact", LastName=str(number)) for number in range(437)]
        org.now = ago(minutes=3)
        for loser in losers:
            loser.deleted, loser.deleted_at, loser.modified_at, loser.master = True, org.now, org.now, winner.id
        org.now = None
        found, _ = removals(crm)
        assert sorted(each.id for each in found) == sorted(loser.id for loser in losers)
        assert {each.merged_into for each in found} == {winner.id}

    def test_only_known_ones_where_they_are_named(self, crm: Salesforce, org: StandIn) -> None:
        held = [org.add("Contact", LastName=str(number)) for number in range(4)]
        org.now = ago(minutes=3)
        for each in held:
            org.book().delete(each)
        org.now = None
        found, _ = removals(crm, known={held[1].id})
        assert [each.id for each in found] == [held[1].id]

    def test_a_qualified_lead_lives_on_as_a_contact(self, org: StandIn) -> None:
        crm = org.prepared(person_object="Lead")
        lead, person = org.add("Lead", LastName="黃", Company="黃記"), org.add("Contact", LastName="黃")
        org.now = ago(minutes=3)
        org.book().convert(lead, person)
        org.now = None
        found, _ = removals(crm)
        assert [(each.id, each.merged_into) for each in found] == [(lead.id, person.id)]

    def test_a_restored_record_is_no_removal_any_more(self, crm: Salesforce, org: StandIn) -> None:
        held = org.add("Contact", LastName="陳")
        org.now = ago(minutes=3)
        org.book().delete(held)
        org.now = None
        held.deleted, held.deleted_at = False, None
        assert removals(crm)[0] == []

    def test_a_position_older_than_the_feed_says_that_a_full_comparison_is_needed(
        self, crm: Salesforce, org: StandIn, caplog: pytest.LogCaptureFixture
    ) -> None:
        since = ago(days=20)
        stamp = since.isoformat().replace("+00:00", "Z")
        found, cursor = removals(crm, cursor={"since": stamp})
        assert found == [] and cursor["full_comparison"] == stamp
        assert "a full comparison is needed" in caplog.text
        _, later = removals(crm, cursor=cursor)
        assert later["full_comparison"] == stamp  # until the caller drops it
        _, dropped = removals(crm, cursor={"since": later["since"]})
        assert "full_comparison" not in dropped

    def test_a_log_that_was_emptied_early_says_so_too(self, crm: Salesforce, org: StandIn) -> None:
        org.knobs(log_begins=ago(hours=1).isoformat())
        _, cursor = removals(crm, cursor={"since": ago(hours=3).isoformat()})
        assert "full_comparison" in cursor

    def test_the_first_run_goes_as_far_back_as_the_feed(self, crm: Salesforce, org: StandIn) -> None:
        _, cursor = removals(crm)
        (start,) = {datetime.fromisoformat(seen.query["start"]) for seen in org.calls if "start" in seen.query}
        assert timedelta(days=14, hours=23) < datetime.now(UTC) - start < timedelta(days=15)
        assert "full_comparison" not in cursor

    def test_two_runs_within_a_minute_ask_for_a_minute_at_least(self, crm: Salesforce, org: StandIn) -> None:
        _, cursor = removals(crm, cursor={"since": ago(seconds=1).isoformat()})
        assert removals(crm, cursor=cursor)[0] == []

    def test_of_deals_are_deletions_only(self, crm: Salesforce, org: StandIn) -> None:
        removals(crm, "deal")
        assert [query for query in org.queries if "MasterRecordId" in query] == []


class TestDamagedAnswers:
    def test_a_query_without_records_is_no_empty_page(self, crm: Salesforce, org: StandIn, loopback: Any) -> None:
        """An answer that cannot be read must not end a run as if nothing had changed."""
        crm.describe()
        loopback.always(Answer(200, b'{"done":true}'))
        with pytest.raises(OutcomeUnknown):
            crm.changes("contact", {}, 10)

    def test_a_description_without_fields_is_none(self, crm: Salesforce, loopback: Any, org: StandIn) -> None:
        crm.check()
        loopback.always(Answer(200, b"{}"))
        with pytest.raises(OutcomeUnknown):
            crm.describe()

    def test_what_is_written_is_read_once_its_second_has_passed(
        self, crm: Salesforce, org: StandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A window ends before the second in which it is read: another row may still be written in that one."""
        second = ago()
        org.now = second
        monkeypatch.setattr(windows, "present", lambda: second)
        crm.apply([contact(number) for number in range(3)])
        found, cursor = changes(crm)
        assert found == []
        monkeypatch.setattr(windows, "present", lambda: second + timedelta(seconds=1))
        found, _ = changes(crm, cursor=cursor)
        assert len(found) == 3
