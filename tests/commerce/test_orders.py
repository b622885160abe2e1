from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scrm.commerce.models import Order, Product
from scrm.commerce.orders import latest_order
from scrm.commerce.services import LineInput, OrderResult, ShipmentInput, UnknownProduct, upsert_order, upsert_product
from scrm.contacts.models import Contact, Event
from tests.tags.customers import NOON, conversation

pytestmark = pytest.mark.django_db

TEA = LineInput("SHP-TEA500", 2, Decimal("12.50"))
PARCEL = ShipmentInput("SF Express", "SF1029384756", expected_at=NOON)


@pytest.fixture
def customer() -> Contact:
    upsert_product("SHP-TEA500", name="烏龍茶 500ml", aliases=["烏龍茶"])
    return conversation("hk").identity.contact


def order(customer: Contact | None, number: str = "HK-10234", **fields: Any) -> OrderResult:
    values: dict[str, Any] = {
        "status": "paid",
        "currency": "hkd",
        "total": Decimal("25.00"),
        "placed_at": NOON,
        "lines": [TEA],
        "shipment": PARCEL,
    }
    return upsert_order(number, contact=customer, **{**values, **fields})


class UpsertOrder:
    def test_creates_the_order_with_lines_and_shipment_and_records_it(self, customer: Contact) -> None:
        result = order(customer)
        assert (result.created, result.order.currency) == (True, "HKD")
        assert list(result.order.lines.values_list("product__sku", "quantity", "unit_price")) == [("SHP-TEA500", 2, Decimal("12.50"))]
        assert result.order.shipments.get().tracking_number == "SF1029384756"
        placed = Event.objects.get(kind="order.placed")
        assert (placed.contact, placed.occurred_at, placed.data["number"]) == (customer, NOON, "HK-10234")

    def test_again_changes_nothing(self, customer: Contact) -> None:
        order(customer)
        again = order(customer)
        assert (again.created, again.changed) == (False, ())
        assert Event.objects.exclude(kind="order.placed").count() == 0
        assert (Order.objects.count(), again.order.lines.count(), again.order.shipments.count()) == (1, 1, 1)

    def test_records_what_changed(self, customer: Contact) -> None:
        order(customer)
        moved = order(
            customer, status="shipped", shipment=ShipmentInput("SF Express", "SF1029384756", expected_at=NOON + timedelta(days=1))
        )
        assert set(moved.changed) == {"status", "shipment"}
        changed = Event.objects.get(kind="order.changed")
        assert (changed.data["status_before"], changed.data["status"]) == ("paid", "shipped")

    def test_leaves_alone_what_is_not_given(self, customer: Contact) -> None:
        order(customer)
        assert order(customer, lines=None, shipment=None).changed == ()
        assert Order.objects.get().lines.count() == 1

    def test_an_unknown_product_changes_nothing(self, customer: Contact) -> None:
        order(customer)
        with pytest.raises(UnknownProduct, match="SHP-MILK"):
            order(customer, status="shipped", lines=[LineInput("SHP-MILK", 1, Decimal(9))])
        assert Order.objects.get().status == "paid"

    def test_an_unknown_status_is_refused(self, customer: Contact) -> None:
        with pytest.raises(ValueError, match="teleported"):
            order(customer, status="teleported")

    def test_an_order_without_a_contact_is_kept_without_an_event(self, customer: Contact) -> None:
        order(None)
        assert Order.objects.get().contact is None
        assert not Event.objects.filter(kind__startswith="order.").exists()


class UpsertProduct:
    def test_keeps_what_is_not_given(self, customer: Contact) -> None:
        upsert_product("SHP-TEA500", name="Oolong tea 500 ml", prices={"HKD": "12.50"})
        product = Product.objects.get()
        assert (product.name, product.aliases, product.prices) == ("Oolong tea 500 ml", ["烏龍茶"], {"HKD": "12.50"})


class LatestOrder:
    def test_is_the_newest_under_way(self, customer: Contact) -> None:
        order(customer, "HK-1", status="shipped", placed_at=NOON - timedelta(days=9))
        order(customer, "HK-2", status="delivered", placed_at=NOON)
        found = latest_order(customer)
        assert found is not None
        assert found.number == "HK-1"

    def test_else_the_newest_of_all(self, customer: Contact) -> None:
        order(customer, "HK-1", status="cancelled", placed_at=NOON - timedelta(days=9))
        order(customer, "HK-2", status="delivered", placed_at=NOON)
        found = latest_order(customer)
        assert found is not None
        assert found.number == "HK-2"

    def test_is_never_somebody_elses(self, customer: Contact) -> None:
        order(conversation("tw").identity.contact, "TW-1")
        assert latest_order(customer) is None
