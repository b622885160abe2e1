"""HubSpot's orders: their lines, which are records of their own, whose they are, and what is said of products."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.conformance import Answer
from connectors.contracts import Change, Hint, Link, Write
from connectors.crms.hubspot import HubSpot
from connectors.crms.hubspot.hints import read_hints
from connectors.errors import ConnectorError, Misconfigured, Rejected
from connectors.timestamps import milliseconds
from tests.connectors.test_hubspot_wire import crm_at

TEA = {"name": "ほうじ茶", "hs_sku": "HJ-01", "quantity": "2", "price": "128.00"}


@pytest.fixture
def crm(loopback: Any, fake_hubspot: Any) -> HubSpot:
    return crm_at(loopback.url)


def order(fake: Any, *lines: dict[str, str], **fields: str) -> str:
    made = str(fake.add("orders", {"hs_order_name": "SO-1", **fields})["id"])
    for line in lines:
        put_into(fake, made, line)
    return made


def put_into(fake: Any, order_id: str, line: dict[str, str]) -> str:
    item = str(fake.add("line_items", line)["id"])
    fake.links += [("orders", order_id, "line_items", item), ("line_items", item, "orders", order_id)]
    return item


def read_all(crm: HubSpot, cursor: Any = None) -> tuple[list[Change], Any]:
    found: list[Change] = []
    cursor = cursor or {}
    for _ in range(20):
        page = crm.changes("order", cursor)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("the feed does not end")


def line(sku: str, name: str, quantity: str, price: str) -> dict[str, str]:
    return {"sku": sku, "name": name, "quantity": quantity, "unit_price": price}


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


def refusing(fake: Any, part: str, status: int) -> Any:
    return lambda request: Answer(status, b'{"category": "MISSING_SCOPES"}', {}) if part in request.path else fake(request)


class TestLines:
    def test_are_read_with_the_page_in_the_order_in_which_they_were_made(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        made = order(fake_hubspot, TEA, {"name": "包裝費", "quantity": "1", "price": "20"})
        empty = order(fake_hubspot)
        found, _ = read_all(crm)
        lines = {each.id: each.fields["line_items"] for each in found}
        assert lines == {made: [line("HJ-01", "ほうじ茶", "2", "128"), line("", "包裝費", "1", "20")], empty: []}
        assert [each.fields["line_items"] for each in crm.read("order", [made])] == [lines[made]]

    def test_a_page_costs_a_fixed_number_of_calls(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        for _ in range(60):
            order(fake_hubspot, TEA)
        crm.describe()
        before = len(loopback.seen)
        read_all(crm)
        asked = [seen.path.removeprefix("/crm/") for seen in loopback.seen[before:]]
        assert asked == [
            "properties/2026-03/orders",
            "objects/2026-03/orders/search",
            "associations/2026-03/orders/contacts/batch/read",
            "associations/2026-03/orders/line_items/batch/read",
            "objects/2026-03/line_items/batch/read",
        ]

    def test_a_line_without_sku_has_that_of_its_product(self, crm: HubSpot, fake_hubspot: Any) -> None:
        tea = fake_hubspot.add("products", {"name": "ほうじ茶", "hs_sku": "HJ-01"})["id"]
        order(fake_hubspot, {**TEA, "hs_sku": "", "hs_product_id": tea}, {"name": "XX", "hs_product_id": "999"})
        (found,), _ = read_all(crm)
        assert [each["sku"] for each in found.fields["line_items"]] == ["HJ-01", ""]

    def test_without_access_to_products_its_lines_have_no_sku(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        order(fake_hubspot, {**TEA, "hs_sku": "", "hs_product_id": "7"})
        loopback.respond = refusing(fake_hubspot, "products/batch", 403)
        (found,), _ = read_all(crm)
        assert [each["sku"] for each in found.fields["line_items"]] == [""]

    @pytest.mark.parametrize("part", ["orders/line_items", "line_items/batch"])
    @pytest.mark.parametrize(("status", "goes_on"), [(400, True), (403, True), (429, False), (503, False)])
    def test_an_account_that_does_not_show_them_is_read_without(
        self, crm: HubSpot, loopback: Any, fake_hubspot: Any, part: str, status: int, goes_on: bool
    ) -> None:
        order(fake_hubspot, TEA)
        loopback.respond = refusing(fake_hubspot, part, status)
        if goes_on:
            (found,), _ = read_all(crm)
            assert "line_items" not in found.fields
        else:
            with pytest.raises(ConnectorError):
                read_all(crm)

    def test_an_order_of_which_not_all_were_read_is_told_without(self, crm: HubSpot, fake_hubspot: Any) -> None:
        order(fake_hubspot, *[TEA] * 30)
        whole = order(fake_hubspot, TEA)
        fake_hubspot.page = 5
        found, _ = read_all(crm)
        assert [each.id for each in found if "line_items" in each.fields] == [whole]

    def test_one_that_the_answer_refuses_to_tell_of_is_told_without(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        made, other = order(fake_hubspot, TEA), order(fake_hubspot, TEA)

        def refuses(request: Any) -> Answer:
            answer: Answer = fake_hubspot(request)
            if "orders/line_items" in request.path:
                error = {"category": "FORBIDDEN", "context": {"fromObjectId": [made]}}
                body = {"results": [{"from": {"id": other}, "to": []}], "errors": [error], "numErrors": 1}
                return Answer(207, _json(body), {})
            return answer

        loopback.respond = refuses
        found, _ = read_all(crm)
        assert {each.id: each.fields.get("line_items") for each in found} == {made: None, other: []}


class TestChangedLines:
    """A line that changes need not move its order's time."""

    def long_ago(self, fake: Any) -> None:
        """Everything that is there was changed before the last run."""
        for rows in fake.records.values():
            for row in rows.values():
                row["stamp"] -= 86_400_000

    def test_bring_their_order_once(self, crm: HubSpot, fake_hubspot: Any) -> None:
        made, item = order(fake_hubspot), ""
        item = put_into(fake_hubspot, made, TEA)
        other = put_into(fake_hubspot, made, TEA)
        self.long_ago(fake_hubspot)
        _, cursor = read_all(crm)
        assert read_all(crm, cursor)[0] == []
        fake_hubspot.clock = milliseconds(datetime.now(UTC)) - 10
        for each in (item, other):
            fake_hubspot.touch("line_items", fake_hubspot.records["line_items"][each], {"quantity": "5"})
        found, after = read_all(crm, cursor)
        assert [(each.id, [row["quantity"] for row in each.fields["line_items"]]) for each in found] == [(made, ["5", "5"])]
        assert set(after) == {"since"}

    def test_an_order_that_changed_itself_is_not_told_twice(self, crm: HubSpot, fake_hubspot: Any) -> None:
        made = order(fake_hubspot)
        item = put_into(fake_hubspot, made, TEA)
        _, cursor = read_all(crm)
        fake_hubspot.clock = milliseconds(datetime.now(UTC)) - 10
        fake_hubspot.touch("line_items", fake_hubspot.records["line_items"][item], {"quantity": "5"})
        fake_hubspot.touch("orders", fake_hubspot.records["orders"][made], {"hs_order_name": "SO-1a"})
        assert [each.id for each in read_all(crm, cursor)[0]] == [made]

    def test_the_first_run_and_other_kinds_ask_for_none(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        order(fake_hubspot, TEA)
        _, cursor = read_all(crm)
        crm.changes("deal", {"since": 5})
        assert not [seen for seen in loopback.seen if seen.path.endswith("line_items/search")]
        read_all(crm, cursor)
        assert [seen for seen in loopback.seen if seen.path.endswith("line_items/search")]

    def test_an_account_that_does_not_show_them_goes_on(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        order(fake_hubspot, TEA)
        _, cursor = read_all(crm)
        loopback.respond = refusing(fake_hubspot, "line_items/search", 403)
        _, after = read_all(crm, cursor)
        assert set(after) == {"since"}


class TestPeople:
    def test_an_order_is_that_of_its_contact_also_when_it_is_ours(self, crm: HubSpot, fake_hubspot: Any) -> None:
        theirs, ours = order(fake_hubspot), order(fake_hubspot, scrm_id="5")
        fake_hubspot.links += [("orders", each, "contacts", "7") for each in (theirs, ours)]
        found, _ = read_all(crm)
        assert {each.id: [person.id for person in each.people] for each in found} == {theirs: ["7"], ours: ["7"]}


class TestWriting:
    def test_products_are_written_by_our_key_and_associated_with_nothing(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        (person,) = crm.apply([Write("contact", "1", {"firstname": "美玲"})])
        (tea,) = crm.apply([Write("product", "7", {"name": "ほうじ茶", "hs_sku": "HJ-01", "price": "128.00"})])
        links = (Link("contact", person.id), Link("product", tea.id))
        (made,) = crm.apply([Write("order", "5", {"hs_order_name": "HK-1042", "hs_total_price": "256.00"}, links=links)])
        assert (tea.status, made.status, made.reason) == ("created", "created", "")
        assert fake_hubspot.links == [("orders", made.id, "contacts", person.id)]
        kept = fake_hubspot.records["orders"][made.id]["properties"]
        assert (kept["hs_order_name"], kept["hs_total_price"], kept["scrm_id"]) == ("HK-1042", "256.00", "5")

    @pytest.mark.parametrize(("kind", "name"), [("order", "orders"), ("product", "products")])
    def test_a_token_that_may_not_see_them_does_everything_else(
        self, crm: HubSpot, loopback: Any, fake_hubspot: Any, kind: str, name: str
    ) -> None:
        loopback.respond = refusing(fake_hubspot, f"/{name}", 403)
        assert kind not in {each.kind for each in crm.describe()}
        crm.prepare()
        refused, person = crm.apply([Write(kind, "5", {"name": "x"}), Write("contact", "1", {"firstname": "美玲"})])
        assert (refused.status, person.status) == ("rejected", "created")

    def test_one_that_may_not_add_properties_to_orders_prepares_the_rest(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        def no_schemas(request: Any) -> Answer:
            if request.method == "POST" and request.path.endswith("properties/2026-03/orders"):
                return Answer(403, b'{"category": "MISSING_SCOPES"}', {})
            answer: Answer = fake_hubspot(request)
            return answer

        loopback.respond = no_schemas
        crm.prepare()
        assert "scrm_id" in fake_hubspot.properties["products"] and "scrm_id" not in fake_hubspot.properties["orders"]

    def test_a_contact_property_that_may_not_be_added_is_told(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        loopback.respond = lambda request: (
            Answer(403, b"{}", {}) if request.method == "POST" and request.path.endswith("/contacts") else fake_hubspot(request)
        )
        with pytest.raises(Misconfigured):
            crm.prepare()


class TestRemovals:
    def removed(self, crm: HubSpot, kind: str) -> list[str]:
        found, cursor = [], {}
        for _ in range(5):
            page = crm.removals(kind, cursor, ())
            found += [each.id for each in page.items]
            cursor = page.cursor
            if not page.more:
                return found
        raise AssertionError("the feed does not end")

    def test_an_object_that_knows_no_merges_tells_what_was_deleted(self, crm: HubSpot, loopback: Any, fake_hubspot: Any) -> None:
        fake_hubspot.archived["products"] = [{"id": "7", "archived": True}]
        loopback.respond = refusing(fake_hubspot, "/search", 400)
        assert self.removed(crm, "product") == ["7"]
        with pytest.raises(Rejected):
            self.removed(crm, "contact")


class TestNotices:
    def test_of_orders_and_products_name_them(self) -> None:
        events = [
            {"subscriptionType": "object.propertyChange", "objectTypeId": "0-123", "objectId": 5},
            {"subscriptionType": "object.creation", "objectTypeId": "0-7", "objectId": 6},
            {"subscriptionType": "product.propertyChange", "objectId": 7},
            {"subscriptionType": "object.propertyChange", "objectTypeId": "0-8", "objectId": 8},
        ]
        named = [Hint("order", "5", "propertyChange"), Hint("product", "6", "creation"), Hint("product", "7", "propertyChange")]
        assert read_hints(_json(events)) == named

    def test_of_an_association_name_its_ends(self) -> None:
        ends_of = {"DEAL_TO_CONTACT": (1, 2), "LINE_ITEM_TO_ORDER": (3, 4), "COMPANY_TO_COMPANY": (7, 8)}
        events: list[dict[str, Any]] = [
            {
                "subscriptionType": f"{what.lower().partition('_to_')[0]}.associationChange",
                "associationType": what,
                "fromObjectId": one,
                "toObjectId": other,
                "associationRemoved": False,
                "isPrimaryAssociation": False,
            }
            for what, (one, other) in ends_of.items()
        ]
        by_type_id = {"fromObjectTypeId": "0-1", "fromObjectId": 5, "toObjectTypeId": "0-5", "toObjectId": 6}
        events += [{"subscriptionType": "object.associationChange", **by_type_id}, {"subscriptionType": "object.associationChange"}]
        ends = [("deal", "1"), ("contact", "2"), ("order", "4"), ("contact", "5"), ("case", "6")]
        assert read_hints(_json(events)) == [Hint(kind, each, "associationChange") for kind, each in ends]
