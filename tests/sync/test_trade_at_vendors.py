"""At each CRM's stand-in, over loopback: what people there do with deals, cases, orders and products stands here afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors import conformance
from connectors.contracts import Write
from scrm.commerce.models import Order, OrderLine, Product
from scrm.connections.models import Connection
from scrm.connections.services import crm_of
from scrm.contacts.models import Event
from scrm.core import clock
from scrm.sandbox.crm.associations import associate, dissociate
from scrm.sandbox.crm.models import Record
from scrm.sandbox.crm.records import archive, create, update
from scrm.sandbox.crm.schema import DEALS, LINE_ITEMS, TICKETS
from scrm.sandbox.crm.schema import ORDERS as HUBSPOT_ORDERS
from scrm.sandbox.crm.schema import PRODUCTS as HUBSPOT_PRODUCTS
from scrm.sandbox.salesforce.tables import TableStore as OrgStore
from scrm.sandbox.zoho.tables import TableStore as ModuleStore
from scrm.sync import engine, feeds, onboarding, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SaleState, SyncConflict
from scrm.sync.services import want
from scrm.sync.verification import verify
from tests.connectors.conftest import loopback  # noqa: F401
from tests.faults.vendors import VENDORS, WONG, HubSpot, Rest, Salesforce, Vendor, Zoho
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide
from tests.sync.test_sales import _rest_keeps_sales

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]
# By vendor: a stage of a deal, a state of a case, that a person there chooses, and the field of each.
MOVES = {
    "hubspot": ({"dealstage": "closedwon", "amount": "1200"}, {"hs_pipeline_stage": "2"}),
    "salesforce": ({"StageName": "Closed Won", "Amount": 1200}, {"Status": "Escalated"}),
    "zoho": ({"Stage": "Closed Won", "Amount": 1200}, {"Status": "Escalated"}),
    "rest": ({"tags": "won", "amount": 1200}, {"tags": "escalated"}),
}


@pytest.fixture(autouse=True)
def running_clock(standing_clock: None) -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


def vendor_of(name: str, live_server: Any, settings: Any, monkeypatch: Any, loopback: Any) -> Vendor:  # noqa: F811
    settings.SANDBOX_URL = live_server.url
    made = VENDORS[name](live_server.url, monkeypatch)
    if isinstance(made, Rest):
        made.loopback = loopback
    return made


def shop_of(vendor: Vendor) -> Shop:
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud", country="HK")
    crm = vendor.connection()
    if isinstance(vendor, Rest):
        _rest_keeps_sales(crm)
        for kind in ("deal", "case"):
            FieldMapping.objects.filter(kind=kind, source="summary").update(source="stage", direction="in")
        FieldMapping.objects.create(connection=crm, kind="deal", source="amount", target="/amount", direction="both")
    engine.ready(crm)
    return Shop(crm, channel, FarSide())


def drain() -> None:
    for _ in range(4):
        clock.advance(timedelta(seconds=6))
        feeds.pull_due(at_once=True)
        pulls.read_due()
        while engine.push_due():
            pass


def drain_until(holds: Callable[[], bool]) -> None:
    """Salesforce tells of a second when it is over, and the stand-ins live by the clock on the wall."""
    ends = time.monotonic() + 10
    drain()
    while not holds() and time.monotonic() < ends:
        time.sleep(0.2)
        drain()


def move(vendor: Vendor, kind: str, record_id: str, fields: dict[str, Any]) -> None:
    """A person over there changes a deal, a case or an order."""
    if isinstance(vendor, HubSpot):
        update(Record.objects.get(pk=record_id), fields, kind={"deal": DEALS, "case": TICKETS, "order": HUBSPOT_ORDERS}[kind], by=WONG)
    elif isinstance(vendor, Salesforce):
        vendor.act(act="edit", id=record_id, values=fields)
    elif isinstance(vendor, Zoho):
        vendor.act(act="edit", module={"deal": "Deals", "case": "Cases", "order": "Sales_Orders"}[kind], id=record_id, values=fields)
    elif isinstance(vendor, Rest):
        vendor.server.now = datetime.now(UTC) + timedelta(seconds=2)
        vendor.server.edit(int(record_id), **fields)


@pytest.mark.parametrize("name", list(VENDORS))
class TestSales:
    def test_what_sellers_and_helpers_move_on_is_seen_and_loops_nowhere(
        self,
        name: str,
        live_server: Any,
        settings: Any,
        monkeypatch: Any,
        loopback: Any,  # noqa: F811
    ) -> None:
        vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
        shop = shop_of(vendor)
        talk = shop.conversation(shop.customer("佐藤花子"))
        key = f"conversation:{talk.pk}"
        for kind in ("deal", "case"):
            want(shop.crm, kind, key)
        drain()
        records = dict(ExternalRecord.objects.filter(key=key).values_list("kind", "external_id"))
        assert len(set(records.values())) == 2
        for kind, fields in zip(("deal", "case"), MOVES[name], strict=True):
            move(vendor, kind, records[kind], fields)
        written = list(Push.objects.order_by("pk").values_list("kind", "key", "written"))
        drain_until(lambda: SaleState.objects.filter(amount=1200).exists() and SaleState.objects.filter(kind="case").exists())
        deal, case = (SaleState.objects.get(kind=kind, key=key) for kind in ("deal", "case"))
        assert deal.stage in {str(value) for value in MOVES[name][0].values()}
        assert deal.amount == Decimal(1200)
        assert case.stage in MOVES[name][1].values()
        assert deal.contact == case.contact == talk.identity.contact
        told = Event.objects.filter(kind__in=["deal.changed", "case.changed"]).count()
        drain()
        assert Event.objects.filter(kind__in=["deal.changed", "case.changed"]).count() == told
        assert list(Push.objects.order_by("pk").values_list("kind", "key", "written")) == written
        assert not SyncConflict.objects.exists()
        assert not Pull.objects.filter(state="dead").exists()

    def test_a_record_of_each_kind_comes_back_as_the_contract_says(
        self,
        name: str,
        live_server: Any,
        settings: Any,
        monkeypatch: Any,
        loopback: Any,  # noqa: F811
    ) -> None:
        vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
        crm = crm_of(shop_of(vendor).crm)
        title = {"hubspot": "dealname", "salesforce": "Name", "zoho": "Deal_Name", "rest": "/name"}[name]
        subject = {"hubspot": "subject", "salesforce": "Subject", "zoho": "Subject", "rest": "/name"}[name]
        moves = [{f"/{key}" if name == "rest" else key: value for key, value in each.items()} for each in MOVES[name]]
        for kind, field, fields in (("deal", title, moves[0]), ("case", subject, moves[1])):
            target, value = next(iter(fields.items()))
            conformance.check_comes_back(
                crm,
                Write(kind, "conversation:7", {field: "佐藤花子"}),
                lambda record_id, kind=kind, fields=fields: move(
                    vendor, kind, record_id, {key.strip("/"): value for key, value in fields.items()}
                ),
                target,
                str(value),
            )


def begin_deal(vendor: Vendor, people: list[str], primary: str = "") -> str:
    """A seller over there begins a deal for these people."""
    if isinstance(vendor, HubSpot):
        deal = create(DEALS, {"dealname": "曲奇禮盒", "dealstage": "qualifiedtobuy", "amount": "900"}, by=WONG)
        for each in people:
            associate(deal, Record.objects.get(pk=each), by=WONG, label=71 if each == primary else 0)
        return str(deal.pk)
    values = {"Name": "曲奇禮盒", "StageName": "Qualification", "CloseDate": "2026-12-24", "Amount": 900}
    made = str(vendor.act(act="add", object="Opportunity", values=values)["id"])
    for each in people:
        role = {"OpportunityId": made, "ContactId": each, "IsPrimary": each == primary}
        vendor.act(act="add", object="OpportunityContactRole", values=role)
    return made


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_deals_begun_there_are_those_of_their_people(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
    shop_of(vendor)
    one, two = vendor.add("美玲", "+85298765432"), vendor.add("花子", "+819012345678")
    alone, several = begin_deal(vendor, [one]), begin_deal(vendor, [one, two], primary=two)
    doubtful, nobodys = begin_deal(vendor, [one, two]), begin_deal(vendor, [])
    drain_until(lambda: SaleState.objects.count() == 2)
    people = dict(ExternalRecord.objects.filter(kind="contact").values_list("external_id", "key"))
    states = {row.key: row for row in SaleState.objects.all()}
    assert {key: str(row.contact_id) for key, row in states.items()} == {f"crm:{alone}": people[one], f"crm:{several}": people[two]}
    assert {(row.name, row.amount) for row in states.values()} == {("曲奇禮盒", Decimal(900))}
    assert Event.objects.filter(kind="deal.changed").count() == 2
    move(vendor, "deal", alone, MOVES[name][0])
    drain_until(lambda: SaleState.objects.filter(amount=1200).exists())
    assert SaleState.objects.get(key=f"crm:{alone}").amount == Decimal(1200)
    assert ExternalRecord.objects.filter(kind="deal", external_id__in=[doubtful, nobodys]).count() == 0
    assert Push.objects.filter(kind="deal").count() == 0
    assert not Pull.objects.filter(state="dead").exists()


def give(vendor: Vendor, deal: str, person: str, before: str) -> None:
    """A seller over there gives a deal to another person."""
    if isinstance(vendor, HubSpot):
        record, one, other = (Record.objects.get(pk=each) for each in (deal, before, person))
        dissociate(record, one, by=WONG)
        associate(record, other, by=WONG)
        return
    vendor.act(act="add", object="OpportunityContactRole", values={"OpportunityId": deal, "ContactId": person, "IsPrimary": True})


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_a_deal_that_is_given_to_another_person_there_is_theirs_here(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
    shop_of(vendor)
    one, two = vendor.add("美玲", "+85298765432"), vendor.add("花子", "+819012345678")
    deal = begin_deal(vendor, [one])
    drain_until(SaleState.objects.exists)
    people = dict(ExternalRecord.objects.filter(kind="contact").values_list("external_id", "key"))
    assert str(SaleState.objects.get().contact_id) == people[one]
    give(vendor, deal, two, one)
    drain_until(lambda: SaleState.objects.filter(contact=people[two]).exists())
    assert str(SaleState.objects.get().contact_id) == people[two]
    assert Event.objects.filter(kind="deal.changed", contact=people[two]).count() == 1
    drain()
    assert Event.objects.filter(kind="deal.changed").count() == 2
    assert not SyncConflict.objects.exists()
    assert Push.objects.filter(kind="deal").count() == 0


ORDERS = {
    # Whose it is stands apart, as an association.
    "hubspot": (("number", "hs_external_order_id"), ("status", "hs_fulfillment_status"), ("total", "hs_total_price"), ("contact", "")),
    "salesforce": (("number", "OrderNumber"), ("status", "Status"), ("total", "TotalAmount"), ("contact", "BillToContactId")),
    "zoho": (("number", "SO_Number"), ("status", "Status"), ("total", "Grand_Total"), ("contact", "Contact_Name")),
}
STATES = {
    "hubspot": {"paid": "Packing", "shipped": "On its way"},
    "salesforce": {"paid": "Draft", "shipped": "Activated"},
    "zoho": {"paid": "Created", "delivered": "Delivered"},
}
ITEMS = {"hubspot": "line_items", "salesforce": "OrderItems", "zoho": "Ordered_Items"}
PRODUCTS = {
    "hubspot": (("sku", "hs_sku"), ("name", "name"), ("price.HKD", "price")),
    "salesforce": (("sku", "ProductCode"), ("name", "Name"), ("active", "IsActive")),
    "zoho": (("sku", "Product_Code"), ("name", "Product_Name"), ("price.HKD", "Unit_Price")),
}


def enter(vendor: Vendor, kind: str, values: dict[str, Any]) -> str:
    """A person over there enters an order or a product; its number and sum are the CRM's own work."""
    now = datetime.now(UTC)
    if isinstance(vendor, HubSpot):
        person = values.pop("", "")
        made = create(HUBSPOT_ORDERS if kind == "order" else HUBSPOT_PRODUCTS, {name: str(each) for name, each in values.items()}, by=WONG)
        if person:
            associate(made, Record.objects.get(pk=person), by=WONG)
        return str(made.pk)
    if isinstance(vendor, Salesforce):
        return OrgStore().add("Order" if kind == "order" else "Product2", values, now, "005").id
    if "Contact_Name" in values:
        values = {**values, "Contact_Name": {"id": values["Contact_Name"]}}
    return ModuleStore().add("Sales_Orders" if kind == "order" else "Products", values, now).id


def with_line(vendor: Vendor, order: str, product: str, quantity: int) -> None:
    """A person over there puts so many of a product into an order, in place of what was in it."""
    if isinstance(vendor, HubSpot):
        held = Record.objects.filter(object_type="line_items", associated_from__from_record=order, archived=False)
        for each in held:
            archive(each, by=WONG)
        made = create(LINE_ITEMS, {"hs_product_id": product, "quantity": str(quantity), "price": "128"}, by=WONG)
        associate(Record.objects.get(pk=order), made, by=WONG)
        return
    if isinstance(vendor, Salesforce):
        rows_held = [row for row in OrgStore().rows("OrderItem") if row.values["OrderId"] == order and not row.deleted]
        for row in rows_held:
            vendor.act(act="delete", id=row.id)
        values = {"OrderId": order, "Product2Id": product, "Quantity": quantity, "UnitPrice": 128}
        vendor.act(act="add", object="OrderItem", values=values)
    else:
        rows = [{"Product_Name": {"id": product, "name": "ほうじ茶"}, "Quantity": quantity, "List_Price": 128}]
        vendor.act(act="edit", module="Sales_Orders", id=order, values={"Ordered_Items": rows})


def compared(shop: Shop) -> tuple[int, int]:
    """The daily sample of orders: (looked at, in step)."""
    run = verify(shop.crm, "order")
    assert run is not None
    return run.checked, run.agreed


@pytest.mark.parametrize("name", list(ORDERS))
def test_the_set_up_proposes_the_fields_of_orders_and_products(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    crm = shop_of(vendor_of(name, live_server, settings, monkeypatch, loopback)).crm
    for kind, fields in (("order", [*ORDERS[name], ("items", ITEMS[name])]), ("product", PRODUCTS[name])):
        proposed = {each.source: each for each in onboarding.suggestions(crm, kind)}
        wanted = {source: target for source, target in fields if target and not source.startswith("price")}
        assert {source: each.target for source, each in proposed.items() if source in wanted} == wanted
        assert all(each.certain for source, each in proposed.items() if source in wanted)
        if kind == "order":
            assert onboarding.suggested_direction(crm, kind, proposed["items"]) == "in"


@pytest.mark.parametrize("name", list(ORDERS))
def test_lines_of_orders_follow_what_people_there_put_into_them(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
    shop = shop_of(vendor)
    FieldMapping.objects.filter(kind="contact").delete()
    for source, target in [*ORDERS[name][:3], ("items", ITEMS[name])]:
        choices = {"transform": "choices", "options": STATES[name]} if source == "status" else {}
        FieldMapping.objects.create(connection=shop.crm, kind="order", source=source, target=target, direction="in", **choices)
    Product.objects.bulk_create([Product(sku="HJ-01", name="ほうじ茶")])
    names, codes = dict(ORDERS[name]), dict(PRODUCTS[name])
    tea, other = (enter(vendor, "product", {codes["sku"]: sku, codes["name"]: "ほうじ茶"}) for sku in ("HJ-01", "XX-9"))
    order = enter(vendor, "order", {names["number"]: "SO-1", names["status"]: next(iter(STATES[name].values())), names["total"]: 256})
    with_line(vendor, order, tea, 2)
    drain_until(lambda: OrderLine.objects.exists())
    assert list(Order.objects.get().lines.values_list("product__sku", "quantity", "unit_price")) == [("HJ-01", 2, Decimal(128))]
    expected = [{"sku": "HJ-01", "name": "ほうじ茶", "quantity": "2", "unit_price": "128"}]
    conformance.check_lines(crm_of(shop.crm), order, ITEMS[name], expected)
    assert compared(shop) == (1, 1)
    with_line(vendor, order, other, 3)
    drain_until(lambda: Order.objects.exclude(other_lines=[]).exists())
    made = Order.objects.get()
    assert (made.lines.count(), made.other_lines) == (0, [{"sku": "XX-9", "name": "ほうじ茶", "quantity": "3", "unit_price": "128"}])
    assert not SyncConflict.objects.exists()
    assert not Pull.objects.filter(state="dead").exists()


@pytest.mark.parametrize("name", list(ORDERS))
class TestGoods:
    def test_orders_and_products_stand_here_once_and_follow(
        self,
        name: str,
        live_server: Any,
        settings: Any,
        monkeypatch: Any,
        loopback: Any,  # noqa: F811
    ) -> None:
        vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
        shop = shop_of(vendor)
        for source, target in filter(all, ORDERS[name]):
            choices = {"transform": "choices", "options": STATES[name]} if source == "status" else {}
            FieldMapping.objects.create(connection=shop.crm, kind="order", source=source, target=target, direction="in", **choices)
        for source, target in PRODUCTS[name]:
            FieldMapping.objects.create(connection=shop.crm, kind="product", source=source, target=target, direction="in")
        person = vendor.add("美玲", "+85298765432")
        names = dict(ORDERS[name])
        first, second = list(STATES[name].values())
        order = enter(vendor, "order", {names["number"]: "SO-1", names["status"]: first, names["total"]: 256, names["contact"]: person})
        extra = {"hubspot": {"price": 128}, "salesforce": {"IsActive": True}, "zoho": {"Unit_Price": 128}}[name]
        enter(vendor, "product", {dict(PRODUCTS[name])["sku"]: "HJ-01", dict(PRODUCTS[name])["name"]: "ほうじ茶", **extra})
        drain_until(lambda: Order.objects.exists() and Product.objects.exists())
        made = Order.objects.get()
        assert (made.number, made.status, made.total, made.currency) == ("SO-1", "paid", Decimal(256), "USD")
        assert made.contact is not None and made.contact.identities.get().value == "+85298765432"
        assert (Product.objects.get().sku, Product.objects.get().name) == ("HJ-01", "ほうじ茶")
        changed = {names["status"]: second}
        move(vendor, "order", order, changed)
        drain_until(lambda: Order.objects.filter(status=list(STATES[name])[1]).exists())
        made.refresh_from_db()
        assert made.status == list(STATES[name])[1]
        assert Event.objects.filter(kind="order.placed").count() == Event.objects.filter(kind="order.changed").count() == 1
        drain()
        assert Order.objects.count() == Product.objects.count() == Event.objects.filter(kind="order.changed").count() == 1
        assert not Pull.objects.filter(state="dead").exists()
