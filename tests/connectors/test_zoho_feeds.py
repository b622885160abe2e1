"""Zoho: what changed and what was removed, page by page, and the records read whole."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zoho_server import StandIn

from connectors.conformance import Answer
from connectors.contracts import Change, Page, Removal
from connectors.crms.zoho import Zoho, query
from connectors.errors import Misconfigured, Rejected
from connectors.timestamps import milliseconds
from scrm.sandbox.zoho import coql

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
MODES = ["coql", "list"]


def run(crm: Zoho, kind: str, cursor: Any = None, limit: int = 10, most: int = 100) -> tuple[list[str], dict[str, Any]]:
    """One run to its end: the ids in their order, and the cursor to go on from."""
    cursor, found = cursor or {}, []
    for _ in range(most):
        page = crm.changes(kind, json.loads(json.dumps(cursor)), limit)
        found += [item.id for item in page.items]
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("the run does not end")


TEA = {"Product_Name": {"id": "1", "name": "ほうじ茶", "Product_Code": "HJ-01"}, "Quantity": 2, "List_Price": 128.0, "Net_Total": 256.0}
TEA_LINE = {"sku": "HJ-01", "name": "ほうじ茶", "quantity": "2", "unit_price": "128"}


class TestLinesOfOrders:
    def alone(self, zoho: StandIn) -> list[str]:
        return [seen.path for seen in zoho.server.seen if "/Sales_Orders/" in seen.path]

    @pytest.mark.parametrize("listed", [True, False])
    def test_come_with_the_list_or_else_each_order_is_read_by_itself(self, zoho: StandIn, listed: bool) -> None:
        zoho.knobs(subforms_in_lists=listed)
        orders = [zoho.add("Sales_Orders", NOON, Subject=str(number), Ordered_Items=[TEA]).id for number in range(3)]
        found = zoho.crm().read("order", orders)
        assert [each.fields["Ordered_Items"] for each in found] == [[TEA_LINE]] * 3
        assert len(self.alone(zoho)) == (0 if listed else 3)

    def test_a_page_reads_fifty_by_themselves_at_most(self, zoho: StandIn) -> None:
        made = {zoho.add("Sales_Orders", NOON, Subject=str(number), Ordered_Items=[TEA]).id for number in range(60)}
        page = zoho.crm().changes("order", {}, 200)
        assert (len(page.items), page.more, len(self.alone(zoho))) == (50, True, 50)
        assert {*run(zoho.crm(), "order", limit=200)[0]} == made

    def test_calls_can_be_spared(self, zoho: StandIn) -> None:
        order = zoho.add("Sales_Orders", NOON, Subject="1", Ordered_Items=[TEA])
        (found,) = zoho.crm(order_lines="list").read("order", [order.id])
        assert (self.alone(zoho), "Ordered_Items" in found.fields) == ([], False)

    def test_codes_that_a_row_lacks_are_looked_up_together(self, zoho: StandIn) -> None:
        products = [zoho.add("Products", NOON, Product_Name=f"茶 {number}", Product_Code=f"T-{number}") for number in range(3)]
        rows = [{"Product_Name": {"id": each.id, "name": "茶"}, "Quantity": 1, "List_Price": 5} for each in products]
        zoho.knobs(subforms_in_lists=True)
        order = zoho.add("Sales_Orders", NOON, Subject="1", Ordered_Items=rows)
        (found,) = zoho.crm().read("order", [order.id])
        assert [each["sku"] for each in found.fields["Ordered_Items"]] == ["T-0", "T-1", "T-2"]
        assert len([seen for seen in zoho.server.seen if seen.path.endswith("/Products")]) == 1

    def test_rows_that_are_none_do_no_harm(self, zoho: StandIn) -> None:
        zoho.knobs(subforms_in_lists=True)
        order = zoho.add("Sales_Orders", NOON, Subject="1", Ordered_Items=[None, {"Quantity": "many"}])
        (found,) = zoho.crm().read("order", [order.id])
        assert [each["quantity"] for each in found.fields["Ordered_Items"]] == ["", "many"]


class TestChanges:
    @pytest.mark.parametrize("mode", MODES)
    def test_37_of_one_moment_once_and_then_none(self, zoho: StandIn, mode: str) -> None:
        made = {zoho.add("Contacts", NOON, Last_Name=str(number)).id for number in range(37)}
        crm = zoho.crm(changes_by=mode)
        found, cursor = run(crm, "contact")
        assert len(found) == 37 and set(found) == made
        assert run(crm, "contact", cursor)[0] == []

    @pytest.mark.parametrize("mode", MODES)
    def test_next_run_gives_what_changed_since(self, zoho: StandIn, mode: str) -> None:
        zoho.now = NOON
        old, other = zoho.add("Contacts", Last_Name="陳"), zoho.add("Contacts", Last_Name="田中")
        crm = zoho.crm(changes_by=mode)
        zoho.now = NOON + timedelta(minutes=10)
        assert set(run(crm, "contact")[0]) == {old.id, other.id}
        _, cursor = run(crm, "contact")
        other.modified_at = zoho.now + timedelta(minutes=1)
        zoho.now += timedelta(minutes=5)
        crm.check()  # time went by in a leap here: an answer tells it
        assert run(crm, "contact", cursor)[0] == [other.id]

    def test_window_is_closed_and_pages_follow_the_id(self, zoho: StandIn) -> None:
        rows = [zoho.add("Deals", NOON, Deal_Name=str(number)) for number in range(5)]
        crm = zoho.crm()
        first = crm.changes("deal", {}, 2)
        second = crm.changes("deal", first.cursor, 2)
        asked = [seen.json["select_query"] for seen in zoho.calls if seen.path.endswith("/coql")]
        assert asked[0].split("where")[1].split(" and ")[0].strip(" (") == asked[1].split("where")[1].split(" and ")[0].strip(" (")
        assert f"id > '{rows[1].id}'" in asked[1] and first.cursor["last"] == rows[1].id
        assert [item.id for item in second.items] == [rows[2].id, rows[3].id]

    @pytest.mark.parametrize("mode", MODES)
    def test_late_rows_are_caught_by_the_overlap(self, zoho: StandIn, mode: str) -> None:
        zoho.now = NOON
        crm = zoho.crm(changes_by=mode)
        zoho.knobs(late_ms=30_000)
        late = zoho.add("Contacts", Last_Name="陳")
        found, cursor = run(crm, "contact")
        assert found == []
        zoho.now += timedelta(seconds=60)
        crm.check()
        assert run(crm, "contact", cursor)[0] == [late.id]

    def test_window_ends_by_zohos_clock(self, zoho: StandIn) -> None:
        zoho.now = datetime.now(UTC) - timedelta(hours=2)
        crm = zoho.crm()
        _, cursor = run(crm, "contact")
        behind = (milliseconds(zoho.now) - 120_000) - cursor["since"]
        assert abs(behind) < 5_000

    def test_clock_of_this_machine_that_jumped_ahead_loses_nothing(self, zoho: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        crm = zoho.crm()
        crm.describe()
        crm._org.wire.clock_offset = timedelta(hours=1)
        _, cursor = run(crm, "contact")
        held = zoho.add("Contacts", Last_Name="陳")
        assert run(crm, "contact", cursor)[0] == [held.id]

    def test_nothing_is_told_by_204_and_304(self, zoho: StandIn) -> None:
        for mode in MODES:
            crm = zoho.crm(changes_by=mode)
            _, cursor = run(crm, "contact")
            assert run(crm, "contact", cursor)[0] == []

    def test_list_goes_on_by_token_beyond_2000_rows(self, zoho: StandIn) -> None:
        for number in range(2450):
            zoho.add("Notes", NOON + timedelta(seconds=number), Note_Title="x", Note_Content="x")
        found, _ = run(zoho.crm(), "communication", limit=200)
        assert len(set(found)) == len(found) == 2450
        asked = [seen.query for seen in zoho.calls if seen.path == "/api/crm/v8/Notes" and "ids" not in seen.query]
        assert [("page" in each, "page_token" in each) for each in asked] == [(True, False)] * 10 + [(False, True)] * 3

    def test_more_rows_without_a_token_are_told(self, zoho: StandIn) -> None:
        rows = [{"id": str(number), "Modified_Time": "2026-11-20T12:00:00+08:00"} for number in range(1, 201)]
        crm = zoho.crm(changes_by="list")
        crm.describe()
        zoho.server.say({"data": rows, "info": {"more_records": True}})
        with pytest.raises(Misconfigured, match="page token"):
            crm.changes("contact", {"from": 0, "to": milliseconds(NOON), "page": 10}, 200)

    def test_rows_from_before_the_window_end_a_list_that_ignores_the_header(self, zoho: StandIn) -> None:
        for number in range(50):
            zoho.add("Notes", NOON + timedelta(minutes=number), Note_Title="x", Note_Content="x")
        real = zoho.server.respond

        def deaf(request: Any) -> Answer:
            request.headers.pop("if-modified-since", None)
            answer: Answer = real(request)
            return answer

        zoho.server.respond = deaf
        found, _ = run(zoho.crm(), "communication", {"since": milliseconds(NOON + timedelta(minutes=45))})
        assert len(found) == 5

    def test_query_that_ignores_its_conditions_is_noticed(self, zoho: StandIn) -> None:
        zoho.add("Contacts", NOON, Last_Name="陳")
        zoho.knobs(ignore_conditions=True)
        with pytest.raises(Misconfigured, match="ignores"):
            run(zoho.crm(), "contact", {"since": milliseconds(NOON) + 3_600_000})

    def test_cursor_from_the_future_is_refused(self, zoho: StandIn) -> None:
        with pytest.raises(Misconfigured, match="future"):
            zoho.crm().changes("contact", {"since": milliseconds(datetime.now(UTC)) + 600_000}, 10)

    @pytest.mark.parametrize(
        "cursor", [{"since": "x"}, {"to": None}, {"from": [], "to": {}, "last": True}, {"token": 7, "to": 1, "page": "-"}]
    )
    def test_damaged_cursor_begins_anew(self, zoho: StandIn, cursor: dict[str, Any]) -> None:
        assert isinstance(zoho.crm().changes("contact", cursor, 10), Page)


class TestReading:
    def test_fields_beyond_fifty_are_joined(self, zoho: StandIn) -> None:
        for number in range(120):
            zoho.store.add_field("Contacts", {"field_label": f"Own {number}", "data_type": "text"})
        held = zoho.add("Contacts", NOON, Last_Name="陳", **{f"Own_{number}": str(number) for number in range(120)})
        (change,) = zoho.crm().read("contact", [held.id])
        assert all(change.fields[f"Own_{number}"] == str(number) for number in range(120)) and change.fields["Last_Name"] == "陳"
        asked = [seen.query["fields"].split(",") for seen in zoho.calls if "ids" in seen.query]
        assert len(asked) == 3 and all(len(each) <= 50 and "Modified_Time" in each for each in asked)

    def test_record_that_changes_between_two_parts_is_read_again(self, zoho: StandIn) -> None:
        for number in range(60):
            zoho.store.add_field("Contacts", {"field_label": f"Own {number}", "data_type": "text"})
        held = zoho.add("Contacts", NOON, Last_Name="old", Own_59="old")
        real, reads = zoho.server.respond, []

        def changing(request: Any) -> Answer:
            if "ids" in request.query:
                reads.append(request)
                if len(reads) == 2:
                    held.values |= {"Last_Name": "new", "Own_59": "new"}
                    held.modified_at += timedelta(seconds=9)
            answer: Answer = real(request)
            return answer

        zoho.server.respond = changing
        (change,) = zoho.crm().read("contact", [held.id])
        assert (change.fields["Last_Name"], change.fields["Own_59"], len(reads)) == ("new", "new", 4)

    def test_values_as_the_product_takes_them(self, zoho: StandIn) -> None:
        person = zoho.add("Contacts", Last_Name="陳")
        tags = [{"name": "VIP", "id": "1"}]
        held = zoho.add("Deals", NOON, Deal_Name="A1", Amount=12.5, Contact_Name={"id": person.id, "name": "陳"}, Tag=tags)
        (change,) = zoho.crm().read("deal", [held.id])
        assert change == Change("deal", held.id, "2026-11-20T04:00:00+00:00", NOON, change.fields)
        assert (change.fields["Amount"], change.fields["Contact_Name"], change.fields["Tag"]) == (12.5, person.id, ["VIP"])
        assert change.fields["Modified_Time"] == "2026-11-20T04:00:00.000Z"

    def test_missing_and_foreign_ids_are_left_out(self, zoho: StandIn) -> None:
        held = [zoho.add("Contacts", Last_Name=str(number)) for number in range(230)]
        ids = [each.id for each in held]
        assert [change.id for change in zoho.crm().read("contact", [*ids, "x", "999", "1,2", *ids])] == ids

    def test_server_that_ignores_the_ids_is_not_believed(self, zoho: StandIn) -> None:
        crm = zoho.crm()
        crm.describe()
        zoho.server.always(Answer(200, json.dumps({"data": [{"id": "1"}, {"id": "2"}, "x"]}).encode()))
        assert [change.id for change in crm.read("contact", ["2"])] == ["2"]


class TestRemovals:
    def _all(self, crm: Zoho, known: set[str], cursor: Any = None) -> tuple[list[Removal], dict[str, Any]]:
        found: list[Removal] = []
        page = crm.removals("contact", cursor or {}, known)
        found += [item for item in page.items if isinstance(item, Removal)]
        while page.more:
            page = crm.removals("contact", page.cursor, known)
            found += [item for item in page.items if isinstance(item, Removal)]
        return found, page.cursor

    def _remove(self, zoho: StandIn, count: int, at: datetime, kind: str = "recycle") -> list[str]:
        made = [zoho.add("Contacts", at, Last_Name=str(number)) for number in range(count)]
        for held in made:
            held.removed, held.removed_at = kind, at
        return [held.id for held in made]

    def test_both_ways_of_deleting_with_their_time(self, zoho: StandIn) -> None:
        (binned,), (erased,) = self._remove(zoho, 1, NOON), self._remove(zoho, 1, NOON, "permanent")
        found, _ = self._all(zoho.crm(), set())
        assert sorted(found, key=lambda each: each.id) == [Removal("contact", each, "", NOON) for each in (binned, erased)]

    def test_pages_and_known_ones_only(self, zoho: StandIn) -> None:
        ids = self._remove(zoho, 450, NOON)
        crm = zoho.crm()
        found, cursor = self._all(crm, set(ids[:30]))
        assert {each.id for each in found} == set(ids[:30])
        assert self._all(crm, set(), cursor)[0] == []

    def test_beyond_2000_rows_by_token(self, zoho: StandIn) -> None:
        ids = self._remove(zoho, 2210, NOON)
        assert {each.id for each in self._all(zoho.crm(), set())[0]} == set(ids)

    def test_row_from_before_the_window_is_left_out(self, zoho: StandIn) -> None:
        self._remove(zoho, 3, NOON)
        crm = zoho.crm()
        crm.describe()
        zoho.server.say({"data": [{"id": "7", "deleted_time": "2020-01-01T00:00:00+08:00"}], "info": {"more_records": False}})
        assert self._all(crm, set(), {"since": milliseconds(NOON)})[0] == []

    def test_notes_have_no_such_list(self, zoho: StandIn) -> None:
        page = zoho.crm().removals("communication", {}, set())
        assert page.items == () and not page.more and page.cursor["since"] > 0


class TestQueries:
    @given(st.text(max_size=60))
    def test_any_text_is_read_back_as_one_value(self, text: str) -> None:
        found = coql.parse(f"select id from Contacts where Last_Name = {query.literal(text)}")
        assert isinstance(found.where, coql.Criterion) and len(found.where.values) == 1
        held = found.where.values[0]
        assert len(held) == len(text.replace("\x00", "")) and held.count("'") == text.count("'")

    @given(st.text(max_size=40))
    def test_no_name_but_an_api_name_becomes_part_of_a_query(self, text: str) -> None:
        with contextlib.suppress(Rejected):
            assert query.name(text) == text and text.isascii() and text.replace("_", "a").isalnum()

    @given(st.datetimes(datetime(2015, 1, 1), datetime(2090, 1, 1)), st.integers(0, 10**18), st.integers(1, 200))
    def test_statement_of_changes_is_well_formed(self, when: datetime, last: int, limit: int) -> None:
        since = when.replace(tzinfo=UTC)
        found = coql.parse(query.changed("Sales_Orders", since, since + timedelta(days=1), str(last), limit))
        assert (found.module, found.columns[0], found.limit) == ("Sales_Orders", "id", limit)
        assert coql.columns_of(found.where) == {"Modified_Time", "id"}

    @pytest.mark.parametrize(
        "text",
        ["", "select", "select id from", "select id from Contacts"]
        + [f"select id from Contacts where {where}" for where in ("id > '1' and id > '2' and id > '3'", "id ~ '1'", "id > x", "(id > '1'")],
    )
    def test_stand_in_refuses_what_zoho_refuses(self, text: str) -> None:
        with pytest.raises(coql.SyntaxFault):
            coql.parse(text)


class TestAnyHistory:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_nothing_is_lost_whatever_changes_while_paging(self, loopback: Any, data: st.DataObject) -> None:
        """Records are changed and deleted between the pages: after the next run every one that stays was given at its last state."""
        loopback.respond = standin = StandIn(loopback)
        crm, now = standin.crm(), NOON
        stamps = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=25))
        held = [
            standin.store.add("Contacts", {"Last_Name": str(place)}, NOON + timedelta(seconds=stamp)) for place, stamp in enumerate(stamps)
        ]
        standin.now = now = NOON + timedelta(minutes=10)
        seen: dict[str, str] = {}
        cursor: dict[str, Any] = {}
        for first in (True, False):
            more = True
            while more:
                page = crm.changes("contact", json.loads(json.dumps(cursor)), data.draw(st.integers(1, 10)))
                seen |= {item.id: item.version for item in page.items if isinstance(item, Change)}
                cursor, more = page.cursor, page.more
                standin.now = now = now + timedelta(seconds=1)
                for place in data.draw(st.lists(st.integers(0, len(held) - 1), max_size=2)) if first else []:
                    held[place].modified_at = now
                    if data.draw(st.booleans()) and data.draw(st.booleans()):
                        held[place].removed, held[place].removed_at = "recycle", now
            standin.now = now = now + timedelta(minutes=5)
            crm.check()
        for each in held:
            if not each.removed:
                assert seen.get(each.id) == query.stamp(each.modified_at)
