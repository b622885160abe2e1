"""The engine with the HubSpot adapter against the stand-in CRM, over loopback."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.crms.hubspot import wire
from scrm.commerce.models import Order, Product
from scrm.commerce.services import LineInput, upsert_order
from scrm.connections.models import Connection
from scrm.connections.services import fingerprint, upsert_connection
from scrm.core import clock
from scrm.sandbox.crm.account import account, connection_settings
from scrm.sandbox.crm.associations import associate, dissociate
from scrm.sandbox.crm.models import PropertyDefinition, Record
from scrm.sandbox.crm.records import Actor, create, update
from scrm.sandbox.crm.schema import LINE_ITEMS, ORDERS
from scrm.sync import engine, feeds, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Push, SyncConflict
from scrm.sync.services import want
from scrm.sync.verification import verify
from tests.sync.conftest import Shop, later
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.crm_urls"),
]

WONG = Actor("Mei Lin Wong", "CRM_UI")


@pytest.fixture
def hubspot(live_server: Any) -> Shop:
    given = connection_settings()
    address = {**given["settings"], "base_url": f"{live_server.url}/sandbox/crm/api"}
    crm = upsert_connection("hubspot", label="HubSpot", kind="crm", adapter="hubspot", settings=address, secrets=given["secrets"])
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    return Shop(crm, channel, FarSide())


def drain() -> None:
    later(seconds=1)
    feeds.pull_due(at_once=True)
    while engine.push_due():
        pass


def read(shop: Shop, kind: str) -> list[dict[str, Any]]:
    from scrm.connections.services import crm_of

    ids = list(ExternalRecord.objects.filter(kind=kind).values_list("external_id", flat=True))
    return [change.fields for change in crm_of(shop.crm).read(kind, ids)]


class TestHubSpotPush:
    def test_person_day_and_order_stand_in_the_crm_and_are_updated_in_place(self, hubspot: Shop) -> None:
        chan = hubspot.customer("陳大文")
        talk = hubspot.conversation(chan)
        order = Order.objects.create(
            number="HK-1042", contact=chan, status="paid", currency="HKD", total=Decimal("1280.50"), placed_at=clock.now()
        )
        hubspot.message(talk, "我的 <包裹> 在哪裡?")
        want(hubspot.crm, "communication", f"{talk.pk}:2026-11-22")
        want(hubspot.crm, "deal", f"order:{order.pk}")
        drain()
        assert set(Push.objects.values_list("kind", "state", "last_error")) == {
            ("contact", "done", ""), ("communication", "done", ""), ("deal", "done", "")
        }  # fmt: skip
        (person,), (day,), (deal,) = (read(hubspot, kind) for kind in ("contact", "communication", "deal"))
        assert (person["firstname"], person["lastname"], person["scrm_id"]) == ("大文", "陳", str(chan.pk))
        assert day["hs_communication_body"] == "11:30 陳大文: 我的 &lt;包裹&gt; 在哪裡?"
        assert day["hs_communication_channel_type"] == "WHATS_APP"
        assert (deal["dealname"], deal["amount"], deal["dealstage"]) == ("HK-1042 · 陳大文", "1280.50", "closedwon")

        hubspot.message(talk, "謝謝")
        want(hubspot.crm, "communication", f"{talk.pk}:2026-11-22")
        drain()
        (day,) = read(hubspot, "communication")
        assert day["hs_communication_body"].endswith("<br>11:30 陳大文: 謝謝")

    def test_one_bad_row_is_told_with_its_reason_and_holds_up_none(self, hubspot: Shop) -> None:
        good, bad = hubspot.customer("陳大文"), hubspot.customer("黃美玲", company="not-a-stage")
        want(hubspot.crm, "contact", str(good.pk))
        drain()
        FieldMapping.objects.create(connection=hubspot.crm, kind="contact", source="company", target="lifecyclestage")
        more = [hubspot.customer(f"客人{number}") for number in range(8)]
        for person in (bad, *more):
            want(hubspot.crm, "contact", str(person.pk))
        drain()
        assert Push.objects.filter(state="done").count() == 9
        push = hubspot.push("contact", bad.pk)
        assert (push.state, push.attempts) == ("due", 1)
        assert "lifecyclestage" in push.last_error

    def test_a_wrong_token_stops_the_connection_and_keeps_the_queue(self, hubspot: Shop) -> None:
        upsert_connection("hubspot", secrets={"access_token": "pat-wrong"})
        want(hubspot.crm, "contact", str(hubspot.customer().pk))
        drain()
        hubspot.crm.refresh_from_db()
        assert hubspot.crm.state == "needs_login"
        assert Push.objects.get().state == "due"
        upsert_connection("hubspot", secrets=connection_settings()["secrets"])
        drain()
        assert Push.objects.get().state == "done"


class TestHubSpotOrders:
    """Orders and products as records of their own, in both directions."""

    @pytest.fixture
    def trading(self, hubspot: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
        own = account()
        own.limits = {"search_per_second": 10_000, "ten_secondly": 1_000_000}
        own.save()
        monkeypatch.setattr(wire, "SEARCHES_A_SECOND", 10_000)
        engine.ready(hubspot.crm)
        choices = {"transform": "choices", "options": {"paid": "Packing", "shipped": "On its way"}}
        for source, target in (("number", "hs_order_name"), ("status", "hs_fulfillment_status"), ("total", "hs_total_price")):
            further = choices if source == "status" else {}
            FieldMapping.objects.create(connection=hubspot.crm, kind="order", source=source, target=target, direction="both", **further)
        FieldMapping.objects.create(connection=hubspot.crm, kind="order", source="items", target="line_items", direction="in")
        for source, target in (("sku", "hs_sku"), ("name", "name")):
            FieldMapping.objects.create(connection=hubspot.crm, kind="product", source=source, target=target, direction="both")
        return hubspot

    def settle(self) -> None:
        for _ in range(4):
            later(seconds=6)
            drain()
            pulls.read_due()

    def order(self, shop: Shop, *, status: str = "paid") -> Order:
        Product.objects.get_or_create(sku="HJ-01", defaults={"name": "ほうじ茶"})
        line = LineInput("HJ-01", 2, Decimal(128))
        given = {"currency": "HKD", "total": Decimal(256), "placed_at": clock.now()}
        return upsert_order("HK-1042", contact=shop.customer("陳大文"), status=status, lines=[line], **given).order

    def test_ours_stand_there_with_their_person_and_the_goods_they_are_of(self, trading: Shop) -> None:
        made = self.order(trading)
        want(trading.crm, "order", str(made.pk))
        want(trading.crm, "product", str(Product.objects.get().pk))
        self.settle()
        there = Record.objects.get(object_type="orders")
        person = Record.objects.get(object_type="contacts")
        assert {name: there.properties[name] for name in ("hs_order_name", "hs_fulfillment_status", "hs_total_price", "scrm_id")} == {
            "hs_order_name": "HK-1042", "hs_fulfillment_status": "Packing", "hs_total_price": "256.00", "scrm_id": str(made.pk)
        }  # fmt: skip
        assert [link.to_record_id for link in there.associations.all()] == [person.pk]
        assert Record.objects.get(object_type="products").properties["hs_sku"] == "HJ-01"
        assert set(Push.objects.values_list("state", "last_error")) == {("done", "")}
        # No line of theirs says anything of ours.
        assert made.lines.count() == 1
        update(there, {"hs_fulfillment_status": "On its way"}, kind=ORDERS, by=WONG)
        self.settle()
        made.refresh_from_db()
        assert made.status == "shipped"
        assert Record.objects.filter(object_type__in=("orders", "products")).count() == 2
        assert not SyncConflict.objects.exists()
        later(minutes=10)
        for kind in ("order", "product"):
            run = verify(trading.crm, kind)
            assert run is not None
            assert (run.checked, run.agreed, [each.differences for each in run.records.all()]) == (1, 1, [[]])

    def test_one_that_is_given_to_another_person_there_is_theirs_here(self, trading: Shop) -> None:
        made = self.order(trading)
        want(trading.crm, "order", str(made.pk))
        other = trading.customer("黃美玲")
        want(trading.crm, "contact", str(other.pk))
        self.settle()
        there = Record.objects.get(object_type="orders")
        people = {row.properties["scrm_id"]: row for row in Record.objects.filter(object_type="contacts")}
        dissociate(there, people[str(made.contact_id)], by=WONG)
        associate(there, people[str(other.pk)], by=WONG)
        update(there, {"hs_source_store": "Causeway Bay"}, kind=ORDERS, by=WONG)
        self.settle()
        made.refresh_from_db()
        assert made.contact == other

    def test_a_line_that_changes_there_is_followed_though_its_order_stands_still(self, trading: Shop) -> None:
        made = self.order(trading)
        want(trading.crm, "order", str(made.pk))
        self.settle()
        there = Record.objects.get(object_type="orders")
        item = create(LINE_ITEMS, {"name": "ほうじ茶", "hs_sku": "HJ-01", "quantity": "3", "price": "128"}, by=WONG)
        associate(there, item, by=WONG)
        stamp = there.updated_at
        self.settle()
        assert [line.quantity for line in made.lines.all()] == [3]
        update(item, {"quantity": "5"}, kind=LINE_ITEMS, by=WONG)
        self.settle()
        assert [line.quantity for line in made.lines.all()] == [5]
        assert Record.objects.get(pk=there.pk).updated_at == stamp

    def test_a_connection_that_was_prepared_before_gets_the_key_of_orders(self, trading: Shop) -> None:
        PropertyDefinition.objects.filter(object_type__in=("orders", "products")).delete()
        print_ = fingerprint(trading.crm)[:16]
        Connection.objects.filter(pk=trading.crm.pk).update(facts={"prepared_for": print_})
        want(trading.crm, "order", str(self.order(trading).pk))
        self.settle()
        assert PropertyDefinition.objects.filter(object_type="orders", name="scrm_id", has_unique_value=True).exists()
        assert Push.objects.get(kind="order").state == "done"
