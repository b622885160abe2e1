"""Conversations become deals and cases by what customers write, with product and price band, at each of the CRMs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scrm.commerce import catalogue_store
from scrm.commerce.models import Order, OrderLine
from scrm.commerce.services import upsert_product
from scrm.connections.models import Connection
from scrm.connections.services import crm_of
from scrm.contacts.models import Event
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.sync import asked, engine, feeds, listening, unread
from scrm.sync.models import ExternalRecord, FieldMapping, Kind, Push
from scrm.tags import rules
from scrm.tags.models import Tag, TagRule
from scrm.tags.services import tag_messages
from tests.connectors.conftest import loopback  # noqa: F401
from tests.connectors.poor_server import definition
from tests.faults.vendors import VENDORS, Rest, Vendor
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

ASKED = "ほうじ茶の見積もりをお願いします。5000円まで"
COMPLAINED = "苦情です。HJ-01 が壊れています"


@pytest.fixture
def rules_and_tea(db: None) -> Iterator[None]:
    for slug, name, keywords, flags in (
        ("quotation", "Quotation", "見積もり\n報價", {"opens_deal": True}),
        ("complaint", "Complaint", "苦情\n投訴", {"opens_case": True}),
    ):
        TagRule.objects.create(name=name, tag=Tag.objects.create(slug=slug, name=name), keywords=keywords, **flags)
    upsert_product("HJ-01", name="Roasted tea 100 g", aliases=["ほうじ茶"], prices={"HKD": "128.00", "JPY": "1500"})
    rules.forget()
    catalogue_store.forget()
    yield
    rules.forget()
    catalogue_store.forget()


def says(shop: Shop, talk: Conversation, text: str) -> Message:
    """A customer writes; the rules look at it and the sync hears of it."""
    message = shop.message(talk, text)
    loaded = Message.objects.select_related("conversation__identity__contact").get(pk=message.pk)
    before = Event.objects.count()
    tag_messages([loaded], at=clock.now())
    received = Event(
        contact=talk.identity.contact,
        kind="message.received",
        occurred_at=clock.now(),
        data={"message": message.pk, "conversation": talk.pk},
    )
    listening.note_changes([*Event.objects.order_by("pk")[before:], received])
    return message


def drain() -> None:
    for _ in range(3):
        clock.advance(timedelta(seconds=2))
        feeds.pull_due(at_once=True)
        while engine.push_due():
            pass


@pytest.mark.usefixtures("rules_and_tea")
class TestClassified:
    def test_an_inquiry_is_a_deal_and_a_complaint_a_case(self, shop: Shop) -> None:
        FieldMapping.objects.create(connection=shop.crm, kind=Kind.CASE, source="name", target="subject")
        talk = shop.conversation(shop.customer("佐藤花子"))
        says(shop, talk, ASKED)
        says(shop, talk, COMPLAINED)
        says(shop, talk, "もう一度、見積もりを")
        drain()
        key = f"conversation:{talk.pk}"
        assert shop.far.record(Kind.DEAL, key)["dealname"] == "佐藤花子 · Quotation"
        assert shop.far.record(Kind.CASE, key)["subject"] == "佐藤花子 · Complaint"
        assert Event.objects.filter(kind="conversation.deal").count() == Event.objects.filter(kind="conversation.case").count() == 1

    def test_a_crm_without_cases_gets_none(self, shop: Shop) -> None:
        says(shop, shop.conversation(shop.customer()), COMPLAINED)
        assert not Push.objects.filter(kind=Kind.CASE).exists()

    def test_a_crm_with_cases_only_keeps_inquiries_as_cases(self, shop: Shop) -> None:
        FieldMapping.objects.filter(kind=Kind.DEAL).delete()
        FieldMapping.objects.create(connection=shop.crm, kind=Kind.CASE, source="name", target="subject")
        says(shop, shop.conversation(shop.customer()), ASKED)
        assert list(Push.objects.exclude(kind__in=["contact", "communication"]).values_list("kind", flat=True)) == ["case"]

    def test_product_and_band_come_from_what_was_said(self, shop: Shop) -> None:
        Connection.objects.filter(pk=shop.channel.pk).update(country="JP")
        talk = shop.conversation(shop.customer("佐藤花子"))
        says(shop, talk, ASKED)
        about = asked.read([Conversation.objects.select_related("connection").get(pk=talk.pk)], "opens_deal")[talk.pk]
        assert (about.skus, about.products, about.band, about.intent) == (["HJ-01"], ["Roasted tea 100 g"], "JPY 5000-9999", "Quotation")
        assert about.summary == "Quotation · HJ-01 · JPY 5000-9999"

    def test_without_a_sum_the_band_is_that_of_the_products_price(self, shop: Shop) -> None:
        Connection.objects.filter(pk=shop.channel.pk).update(country="HK")
        talk = shop.conversation(shop.customer())
        says(shop, talk, "ほうじ茶 報價")
        about = asked.read([Conversation.objects.select_related("connection").get(pk=talk.pk)], "opens_deal")[talk.pk]
        assert about.band == "HKD 100-199"

    def test_what_is_named_later_is_added_to_the_deal(self, shop: Shop) -> None:
        FieldMapping.objects.create(connection=shop.crm, kind=Kind.DEAL, source="sku", target="sku")
        talk = shop.conversation(shop.customer())
        says(shop, talk, "見積もりお願いします")
        drain()
        assert "sku" not in shop.far.record(Kind.DEAL, f"conversation:{talk.pk}")
        says(shop, talk, "ほうじ茶です")
        drain()
        assert shop.far.record(Kind.DEAL, f"conversation:{talk.pk}")["sku"] == "HJ-01"

    def test_ten_cost_as_few_queries_as_one(self, shop: Shop, django_assert_max_num_queries: Any) -> None:
        talks = [shop.conversation(shop.customer(f"Chan {number}")) for number in range(10)]
        for talk in talks:
            says(shop, talk, ASKED)
        rows = list(Conversation.objects.select_related("connection"))
        with django_assert_max_num_queries(4):
            assert len(asked.read(rows, "opens_deal")) == 10


class TestGoods:
    def test_an_order_is_an_order_too_where_the_crm_keeps_those(self, shop: Shop) -> None:
        for source, target in (("number", "Number"), ("lines", "Lines"), ("total", "Total")):
            FieldMapping.objects.create(connection=shop.crm, kind=Kind.ORDER, source=source, target=target)
        for source, target in (("sku", "Code"), ("price.HKD", "Price"), ("name.ja", "NameJa")):
            FieldMapping.objects.create(connection=shop.crm, kind=Kind.PRODUCT, source=source, target=target)
        chan = shop.customer()
        tea = upsert_product("HJ-01", name="Roasted tea", names={"ja": "ほうじ茶"}, prices={"HKD": "128.00"})
        order = Order.objects.create(
            number="HK-7", contact=chan, status="paid", currency="HKD", total=Decimal("256.00"), placed_at=clock.now()
        )
        OrderLine.objects.create(order=order, product=tea, quantity=2, unit_price=Decimal("128.00"))
        listening.note_changes([Event(contact=chan, kind="order.placed", occurred_at=clock.now(), data={"order": order.pk})])
        drain()
        held = shop.far.record(Kind.ORDER, str(order.pk))
        assert held == {"Number": "HK-7", "Lines": "2 × HJ-01 Roasted tea @ 128.00", "Total": "256.00"}
        assert shop.far.record(Kind.PRODUCT, str(tea.pk)) == {"Code": "HJ-01", "Price": "128.00", "NameJa": "ほうじ茶"}
        assert shop.far.record(Kind.DEAL, f"order:{order.pk}")["amount"] == "256.00"
        joined = shop.far.joined[shop.far.ids[Kind.ORDER, str(order.pk)]]
        assert {kind for kind, _ in joined} == {"contact", "product"}
        tea.prices = {"HKD": "148.00"}
        tea.save()
        drain()
        assert shop.far.record(Kind.PRODUCT, str(tea.pk))["Price"] == "148.00"

    def test_without_a_mapping_products_and_orders_stay_here(self, shop: Shop) -> None:
        upsert_product("HJ-01", name="Roasted tea")
        assert not Push.objects.filter(kind__in=[Kind.PRODUCT, Kind.ORDER]).exists()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
@pytest.mark.urls("tests.faults.vendor_urls")
@pytest.mark.usefixtures("rules_and_tea")
class TestAtEachCrm:
    """Over loopback, with the mappings that a new connection begins with; the REST one by its set-up."""

    @pytest.fixture(autouse=True)
    def running_clock(self, standing_clock: None) -> Iterator[None]:
        with clock.frozen(datetime.now(UTC)):
            yield

    @pytest.fixture(params=VENDORS)
    def vendor(
        self,
        request: pytest.FixtureRequest,
        live_server: Any,
        settings: Any,
        monkeypatch: pytest.MonkeyPatch,
        loopback: Any,  # noqa: F811
    ) -> Vendor:
        settings.SANDBOX_URL = live_server.url
        made = VENDORS[request.param](live_server.url, monkeypatch)
        if isinstance(made, Rest):
            made.loopback = loopback
        return made

    @pytest.fixture
    def crm_shop(self, vendor: Vendor) -> Shop:
        channel = Connection.objects.create(slug="jp", label="Harbour Lane JP", kind="channel", adapter="whatsapp_cloud", country="JP")
        crm = vendor.connection()
        if isinstance(vendor, Rest):
            _rest_keeps_sales(crm)
        return Shop(crm, channel, FarSide())

    def test_deal_and_case_stand_there_with_product_and_band(self, crm_shop: Shop, vendor: Vendor) -> None:
        sato = crm_shop.customer("佐藤花子")
        talk = crm_shop.conversation(sato)
        says(crm_shop, talk, ASKED)
        says(crm_shop, talk, COMPLAINED)
        drain()
        said = Push.objects.exclude(state="done", last_error="").values_list("kind", "state", "last_error")
        assert list(said) == []
        crm = crm_of(crm_shop.crm)
        for kind, intent in ((Kind.DEAL, "Quotation"), (Kind.CASE, "Complaint")):
            record = ExternalRecord.objects.get(kind=kind, key=f"conversation:{talk.pk}")
            (change,) = crm.read(kind, [record.external_id])
            words = json.dumps(change.fields, ensure_ascii=False)
            assert f"佐藤花子 · {intent}" in words and "HJ-01" in words and "JPY 5000-9999" in words
            assert [link[0] for link in record.links if link[0] == "contact"] == ["contact"]
        writes = Push.objects.filter(kind__in=[Kind.DEAL, Kind.CASE]).values_list("written", flat=True)
        drain()
        assert all(writes)

    def test_an_unread_chat_lowers_the_priority_there(self, crm_shop: Shop, vendor: Vendor) -> None:
        if not FieldMapping.objects.filter(connection=crm_shop.crm, kind="contact", source="priority").exists():
            target = {"salesforce": "Title", "rest": "/tags"}.get(crm_shop.crm.adapter, "")
            if target:
                engine.ready(crm_shop.crm)
                FieldMapping.objects.create(connection=crm_shop.crm, kind="contact", source="priority", target=target)
        sato = crm_shop.customer("佐藤花子")
        talk = crm_shop.conversation(sato)
        says(crm_shop, talk, "いますか")
        drain()
        Conversation.objects.filter(pk=talk.pk).update(unread_count=1)
        clock.advance(timedelta(hours=25))
        before = Event.objects.count()
        assert unread.lower_unread() == 1
        listening.note_changes(list(Event.objects.order_by("pk")[before:]))
        drain()
        record = ExternalRecord.objects.get(kind="contact", key=str(sato.pk))
        (change,) = crm_of(crm_shop.crm).read("contact", [record.external_id])
        assert "low" in {str(value).lower() for value in change.fields.values()}


def _rest_keeps_sales(crm: Connection) -> None:
    """The same list and the same field of our key for all: the server knows no kinds."""
    kind = json.loads(definition("page"))["kinds"]["contact"]
    linked = {**kind, "links": {"contact": "/contact"}}
    crm.settings = {
        **crm.settings,
        "definition": json.dumps({"kinds": {"contact": kind, "deal": linked, "case": linked, "communication": linked}}),
    }
    crm.save()
    for each in (Kind.DEAL, Kind.CASE):
        for source, target in (("name", "/name"), ("summary", "/tags")):
            FieldMapping.objects.create(connection=crm, kind=each, source=source, target=target)
    FieldMapping.objects.create(connection=crm, kind=Kind.COMMUNICATION, source="date", target="/name")
