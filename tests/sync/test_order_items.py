"""Lines of orders that a CRM gives stand here as lines, and what no line can hold stands beside them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from scrm.commerce.models import Order, OrderLine, Product
from scrm.commerce.services import LineInput, upsert_order, upsert_product
from scrm.contacts.models import Event
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync.models import FieldMapping, Pull, SyncConflict
from scrm.sync.services import want
from scrm.sync.verification import verify
from tests.sync.conftest import Shop, later
from tests.sync.test_goods_in import order_there
from tests.sync.test_goods_in import trade as trade
from tests.sync.test_pull import linked, settle


def row(sku: str, quantity: Any = "2", unit_price: Any = "128", name: str = "ほうじ茶") -> dict[str, Any]:
    return {"sku": sku, "name": name, "quantity": quantity, "unit_price": unit_price}


@pytest.fixture
def goods(trade: Shop) -> Shop:
    FieldMapping.objects.create(connection=trade.crm, kind="order", source="items", target="Items", direction="both")
    Product.objects.bulk_create([Product(sku=sku, name="茶") for sku in ("HJ-01", "MC-02")])
    return trade


def lines() -> list[tuple[str, int, Decimal]]:
    return sorted(OrderLine.objects.values_list("product__sku", "quantity", "unit_price"))


def compared(shop: Shop) -> tuple[int, int]:
    """The sample of orders: (looked at, in step)."""
    later(minutes=10)
    run = verify(shop.crm, "order")
    assert run is not None
    return run.checked, run.agreed


class TestLines:
    def test_of_a_new_order_are_there_with_it(self, goods: Shop) -> None:
        order_there(goods, linked(goods)[1], Items=[row("HJ-01"), row("MC-02", "1", "80.5")])
        settle(goods)
        assert lines() == [("HJ-01", 2, Decimal("128.00")), ("MC-02", 1, Decimal("80.50"))]
        assert Order.objects.get().other_lines == []

    def test_that_change_there_change_here_once(self, goods: Shop) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("HJ-01")])
        settle(goods)
        goods.far.put(record, {"Items": [row("HJ-01", "3"), row("MC-02", "1", "80")]})
        settle(goods)
        assert lines() == [("HJ-01", 3, Decimal("128.00")), ("MC-02", 1, Decimal("80.00"))]
        (event,) = Event.objects.filter(kind="order.changed")
        assert (event.data["changed"], event.cause) == (["lines"], "crm:crm")
        goods.far.put(record, {"Colour": "red"})
        settle(goods)
        assert Event.objects.filter(kind="order.changed").count() == 1
        assert not SyncConflict.objects.exists()

    def test_that_are_all_taken_off_there_are_off_here(self, goods: Shop) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("HJ-01"), row("XX")])
        settle(goods)
        goods.far.put(record, {"Items": []})
        settle(goods)
        assert (lines(), Order.objects.get().other_lines) == ([], [])

    def test_an_order_of_ours_that_never_had_any_there_keeps_its_own(self, goods: Shop) -> None:
        chan, _ = linked(goods)
        made = upsert_order(
            "HK-9", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now(),
            lines=[LineInput("HJ-01", 2, Decimal(128))],
        ).order  # fmt: skip
        want(goods.crm, "order", str(made.pk))
        settle(goods)
        (record,) = [each for each, kind in goods.far.kinds.items() if kind == "order"]
        assert "Items" not in goods.far.fields[record]
        for said in ([], None, ""):
            goods.far.put(record, {"Items": said})
            settle(goods)
            assert lines() == [("HJ-01", 2, Decimal("128.00"))]
        goods.far.put(record, {"Items": [row("MC-02", "1", "80")]})
        settle(goods)
        assert lines() == [("MC-02", 1, Decimal("80.00"))]
        assert all("Items" not in write.fields for write in goods.far.writes())

    def test_are_in_step_in_the_daily_sample_until_they_change_without_a_word(self, goods: Shop) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("HJ-01"), row("XX-9")])
        settle(goods)
        assert compared(goods) == (1, 1)
        goods.far.fields[record]["Items"] = [row("HJ-01", "9")]
        assert compared(goods) == (1, 0)

    def test_access_that_is_lost_takes_none_away(self, goods: Shop) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("HJ-01")])
        settle(goods)
        del goods.far.fields[record]["Items"]
        goods.far.put(record, {"Sum": 300})
        settle(goods)
        assert (Order.objects.get().total, lines()) == (Decimal(300), [("HJ-01", 2, Decimal("128.00"))])


class TestWhatNoLineCanHold:
    @pytest.mark.parametrize(
        "item",
        [
            row("XX-9", name="未上架"),
            row("", name="手工費"),
            row("HJ-01", "1.5"),
            row("HJ-01", "-1"),
            row("HJ-01", "99999999999"),
            row("HJ-01", "1", ""),
            row("HJ-01", "1", "12.345"),
            row("HJ-01", "NaN", "Infinity"),
        ],
    )
    def test_is_kept_as_it_was_said(self, goods: Shop, item: dict[str, Any]) -> None:
        order_there(goods, linked(goods)[1], Items=[row("MC-02"), item])
        settle(goods)
        assert (lines(), Order.objects.get().other_lines) == ([("MC-02", 2, Decimal("128.00"))], [item])

    def test_is_shown_on_the_orders_page_and_given_to_partners(self, goods: Shop, client: Client) -> None:
        from scrm.api.services import issue_token

        order_there(goods, linked(goods)[1], Items=[row("XX-9", name="未上架")])
        settle(goods)
        order = Order.objects.get()
        client.force_login(User.objects.create_superuser("boss", password="x"))
        assert "2 × XX-9 未上架 @ 128" in client.get(reverse("admin:commerce_order_change", args=[order.pk])).content.decode()
        headers = {"authorization": f"Bearer {issue_token('Shop', ['orders:read'])[1]}"}
        assert Client(headers=headers).get(f"/api/v1/orders/{order.pk}/").json()["other_lines"] == [row("XX-9", name="未上架")]

    def test_one_that_comes_into_the_catalogue_becomes_a_line_with_the_next_change(self, goods: Shop) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("XX-9")])
        settle(goods)
        upsert_product("XX-9", name="茶")
        goods.far.put(record, {"Items": [row("XX-9", "3")]})
        settle(goods)
        assert (lines(), Order.objects.get().other_lines) == ([("XX-9", 3, Decimal("128.00"))], [])

    def test_the_words_of_other_interfaces_are_understood(self, goods: Shop) -> None:
        order_there(goods, linked(goods)[1], Items=[{"Code": "HJ-01", "qty": 2, "Price": 128.0, "tax": 3}])
        settle(goods)
        assert lines() == [("HJ-01", 2, Decimal("128.00"))]

    @pytest.mark.parametrize("said", ["two teas", [1, 2], {"sku": "HJ-01"}])
    def test_what_is_no_list_of_lines_is_told(self, goods: Shop, said: Any) -> None:
        record = order_there(goods, linked(goods)[1], Items=[row("HJ-01")])
        settle(goods)
        goods.far.put(record, {"Items": said})
        settle(goods)
        assert lines() == [("HJ-01", 2, Decimal("128.00"))]
        assert (SyncConflict.objects.get().field, SyncConflict.objects.get().reason) == ("items", "unfit")
        assert not Pull.objects.filter(state="dead").exists()
