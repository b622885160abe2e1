"""Orders and products that people enter or change in the CRM stand here, once, and a change of both sides is lost on neither."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scrm.automation.engine import handle
from scrm.automation.models import Rule, Run
from scrm.commerce.models import Order, Product, Shipment
from scrm.commerce.services import change_order, upsert_order, upsert_product
from scrm.console.inbox.profile import profile_of
from scrm.contacts.models import Contact, Event
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import deciding, listening, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SyncConflict, SyncPlan
from scrm.sync.verification import verify
from tests.sync.conftest import Shop, later
from tests.sync.test_pull import linked, settle

STATUSES = {"paid": "Open", "shipped": "Sent", "delivered": "Done", "cancelled": "Dropped"}
ORDER = (
    ("number", "No", "both", None),
    ("status", "State", "both", STATUSES),
    ("total", "Sum", "both", None),
    ("currency", "Money", "both", None),
    ("placed_at", "Ordered", "in", None),
    ("contact", "Person", "in", None),
    ("carrier", "Carrier", "both", None),
    ("tracking_number", "Parcel", "both", None),
)
PRODUCT = (
    ("sku", "Code", "both", None),
    ("name", "Name", "both", None),
    ("price.HKD", "Price", "both", None),
    ("active", "Sold", "in", None),
)


def mapped(shop: Shop, kind: str, fields: Any) -> None:
    FieldMapping.objects.filter(connection=shop.crm, kind=kind).delete()
    for source, target, direction, choices in fields:
        transform = {"transform": "choices", "options": choices} if choices else {}
        FieldMapping.objects.create(connection=shop.crm, kind=kind, source=source, target=target, direction=direction, **transform)


@pytest.fixture
def trade(shop: Shop) -> Shop:
    mapped(shop, "order", ORDER)
    mapped(shop, "product", PRODUCT)
    FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
    shop.far.stamps = True
    return shop


def order_there(shop: Shop, person: str, **fields: Any) -> str:
    given = {"No": "SO-1", "State": "Open", "Sum": 256, "Money": "HKD", "Ordered": "2026-11-22T02:00:00Z", "Person": person}
    return shop.far.add(kind="order", **{**given, **fields})


def told() -> None:
    """What happened is told to the sync, as its drain does."""
    listening.note_changes(list(Event.objects.order_by("pk")))


class TestNewOrders:
    def test_one_stands_here_with_its_person_and_is_shown_beside_the_chat(self, trade: Shop) -> None:
        chan, person = linked(trade)
        order_there(trade, person)
        settle(trade)
        order = Order.objects.get()
        assert (order.number, order.status, order.total, order.currency) == ("SO-1", "paid", Decimal("256.00"), "HKD")
        assert (order.contact, order.placed_at.isoformat()) == (chan, "2026-11-22T02:00:00+00:00")
        assert Event.objects.get(kind="order.placed").cause == "crm:crm"
        boss = User.objects.create_superuser("boss", password="x")
        assert [each.order for each in profile_of(trade.conversation(chan), boss).orders] == [order]

    def test_the_next_rounds_and_our_own_echo_change_nothing(self, trade: Shop) -> None:
        _, person = linked(trade)
        order_there(trade, person)
        written = len(trade.far.writes())
        for _ in range(3):
            settle(trade)
            told()
        settle(trade)
        assert Order.objects.count() == Event.objects.filter(kind__startswith="order.").count() == 1
        assert [write for write in trade.far.writes()[written:] if write.kind != "contact"] == []

    def test_no_deal_is_asked_for_where_it_is_an_order_already(self, trade: Shop) -> None:
        _, person = linked(trade)
        order_there(trade, person)
        settle(trade)
        told()
        assert not Push.objects.filter(kind="deal").exists()

    def test_our_own_order_is_a_deal_as_before(self, trade: Shop) -> None:
        chan, _ = linked(trade)
        upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(9), placed_at=clock.now())
        told()
        settle(trade)
        change_order(Order.objects.get().pk, {"status": "shipped"})
        told()
        settle(trade)
        assert sorted(Push.objects.filter(kind__in=["deal", "order"]).values_list("kind", "written")) == [("deal", 2), ("order", 2)]

    def test_its_person_is_read_first(self, trade: Shop) -> None:
        settle(trade)
        person = trade.far.add(firstname="美玲", lastname="黃", phone="+85298765432")
        record = order_there(trade, person)
        pulls.ask(trade.crm.pk, [("order", record)])
        pulls.read_due()
        assert not Order.objects.exists()
        later(seconds=6)
        pulls.read_due()
        pulls.read_due()
        assert Order.objects.get().contact == Contact.objects.get(name="黃美玲")

    def test_one_of_nobody_here_is_left_alone(self, trade: Shop) -> None:
        SyncPlan.objects.create(connection=trade.crm, kind="contact", makes_new=False)
        order_there(trade, trade.far.add(firstname="Hanako", phone="+819012345678"))
        settle(trade)
        assert not Order.objects.exists()
        assert set(Pull.objects.values_list("kind", "state")) == {("contact", "done"), ("order", "left")}

    def test_a_number_that_is_here_is_that_order(self, trade: Shop) -> None:
        chan, person = linked(trade)
        own = upsert_order("SO-1", contact=chan, status="paid", currency="HKD", total=Decimal("256.00"), placed_at=clock.now()).order
        order_there(trade, person, State="Sent")
        settle(trade)
        assert Order.objects.get().pk == own.pk
        assert ExternalRecord.objects.get(kind="order").key == str(own.pk)

    def test_a_second_record_with_the_same_number_is_told_to_a_person(self, trade: Shop) -> None:
        _, person = linked(trade)
        order_there(trade, person)
        order_there(trade, person)
        later(seconds=61)
        settle(trade)
        for _ in range(5):
            later(minutes=6)
            pulls.read_due()
        assert Order.objects.count() == 1
        assert "say which of the two counts" in Pull.objects.get(state="dead").last_error

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"State": "Mystery"}, "table of choices"), ({"Sum": "much"}, "no amount"), ({"No": ""}, "without its number")],
    )
    def test_one_that_does_not_fit_is_a_dead_letter_with_the_reason_and_can_be_replayed(
        self, trade: Shop, fields: dict[str, Any], words: str
    ) -> None:
        _, person = linked(trade)
        record = order_there(trade, person, **fields)
        for _ in range(5):
            later(minutes=6)
            settle_once(trade)
        row = Pull.objects.get(kind="order")
        assert row.state == "dead"
        assert words in row.last_error
        trade.far.put(record, {"State": "Open", "Sum": 1, "No": "SO-2"})
        pulls.replay(Pull.objects.all(), by="mei")
        pulls.read_due()
        assert Order.objects.get().number == "SO-2"

    def test_an_order_of_long_ago_sends_nobody_a_message(self, trade: Shop) -> None:
        Rule.objects.create(name="Thanks", trigger="order.placed", conditions={}, action="reply", options={"text": "x"}, enabled=True)
        _, person = linked(trade)
        order_there(trade, person, Ordered="2024-05-01T02:00:00Z")
        settle(trade)
        handle(list(Event.objects.filter(kind="order.placed").select_related("contact")))
        assert not Run.objects.exists()


def settle_once(shop: Shop) -> None:
    from scrm.sync import feeds

    feeds.pull_due()
    pulls.read_due()


class TestChangedOrders:
    def test_status_sum_and_parcel_follow(self, trade: Shop) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        trade.far.put(record, {"State": "Sent", "Sum": "300.50", "Carrier": "SF Express", "Parcel": "SF1001"})
        settle(trade)
        order = Order.objects.get()
        assert (order.status, order.total) == ("shipped", Decimal("300.50"))
        assert Shipment.objects.get().tracking_number == "SF1001"
        changed = Event.objects.get(kind="order.changed")
        assert (changed.cause, changed.data["status_before"]) == ("crm:crm", "paid")

    def test_a_change_here_goes_there_and_does_not_come_back_as_one(self, trade: Shop) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        change_order(Order.objects.get().pk, {"status": "delivered"})
        told()
        settle(trade)
        assert trade.far.fields[record]["State"] == "Done"
        settle(trade)
        assert Event.objects.filter(kind="order.changed").count() == 1

    def test_a_value_without_counterpart_is_listed_and_ours_stays(self, trade: Shop) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        trade.far.put(record, {"State": "Mystery", "Sum": 7})
        settle(trade)
        order = Order.objects.get()
        assert (order.status, order.total) == ("paid", Decimal("7.00"))
        assert (SyncConflict.objects.get().field, SyncConflict.objects.get().state) == ("status", "open")

    def test_the_later_change_wins_and_is_listed(self, trade: Shop) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        change_order(Order.objects.get().pk, {"status": "delivered"})
        told()
        later(seconds=5)
        trade.far.put(record, {"State": "Dropped"})
        settle(trade)
        assert (Order.objects.get().status, trade.far.fields[record]["State"]) == ("cancelled", "Dropped")
        listed = SyncConflict.objects.get()
        assert (listed.field, listed.state, listed.winner) == ("status", "settled", "theirs")

    @pytest.mark.parametrize(("decide", "status", "state"), [("keep_ours", "delivered", "Done"), ("keep_theirs", "cancelled", "Dropped")])
    def test_at_the_same_moment_both_wait_for_a_person(self, trade: Shop, decide: str, status: str, state: str) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        change_order(Order.objects.get().pk, {"status": "delivered"})
        told()
        trade.far.put(record, {"State": "Dropped"}, at=clock.now())
        settle(trade)
        assert (Order.objects.get().status, trade.far.fields[record]["State"]) == ("delivered", "Dropped")
        getattr(deciding, decide)(SyncConflict.objects.filter(state="open"), by=User.objects.create(username="boss"))
        settle(trade)
        assert (Order.objects.get().status, trade.far.fields[record]["State"]) == (status, state)
        assert ExternalRecord.objects.get(kind="order").held is None

    def test_a_deleted_one_stays_here_and_is_not_written_any_more(self, trade: Shop) -> None:
        _, person = linked(trade)
        record = order_there(trade, person)
        settle(trade)
        trade.far.remove(record)
        later(minutes=11)
        settle(trade)
        change_order(Order.objects.get().pk, {"status": "delivered"})
        told()
        settle(trade)
        assert ExternalRecord.objects.get(kind="order").removed_at is not None
        assert record not in trade.far.fields

    def test_both_sides_agree_by_the_daily_sample(self, trade: Shop) -> None:
        _, person = linked(trade)
        for number in range(5):
            order_there(trade, person, No=f"SO-{number}")
        settle(trade)
        run = verify(trade.crm, "order")
        assert run is not None
        assert (run.agreed, run.drifted, run.missing) == (5, 0, 0)


class TestProducts:
    def test_a_new_one_and_its_price_stand_here(self, trade: Shop) -> None:
        record = trade.far.add(kind="product", Code="HJ-01", Name="Roasted tea", Price="128", Sold=True)
        settle(trade)
        tea = Product.objects.get()
        assert (tea.sku, tea.name, tea.prices, tea.active) == ("HJ-01", "Roasted tea", {"HKD": "128.00"}, True)
        trade.far.put(record, {"Price": "138.00", "Sold": False})
        settle(trade)
        tea.refresh_from_db()
        assert (tea.prices, tea.active) == ({"HKD": "138.00"}, False)
        assert [write for write in trade.far.writes() if "Price" in write.fields] == []

    def test_one_that_is_here_is_met_by_its_sku(self, trade: Shop) -> None:
        own = upsert_product("HJ-01", name="ほうじ茶", prices={"HKD": "128.00", "JPY": "1500"})
        trade.far.add(kind="product", Code="HJ-01", Name="ほうじ茶", Price="99")
        settle(trade)
        own.refresh_from_db()
        assert Product.objects.count() == 1
        assert own.prices["JPY"] == "1500"

    def test_a_sku_of_another_product_is_listed(self, trade: Shop) -> None:
        first = trade.far.add(kind="product", Code="HJ-01", Name="Roasted tea")
        trade.far.add(kind="product", Code="HJ-02", Name="Green tea")
        settle(trade)
        trade.far.put(first, {"Code": "HJ-02"})
        settle(trade)
        assert sorted(Product.objects.values_list("sku", flat=True)) == ["HJ-01", "HJ-02"]
        assert SyncConflict.objects.get().field == "sku"

    def test_many_cost_few_queries(self, trade: Shop, django_assert_max_num_queries: Any) -> None:
        settle(trade)
        for number in range(50):
            trade.far.add(kind="product", Code=f"P-{number}", Name=f"Tea {number}", Price="1")
        later(seconds=61)
        from scrm.sync import feeds

        with django_assert_max_num_queries(600):
            feeds.pull_due()
        assert Product.objects.count() == 50


def test_erased_people_leave_no_order_behind(trade: Shop) -> None:
    from scrm.contacts.privacy.erasure import begin, carry_out

    chan, person = linked(trade)
    record = order_there(trade, person)
    settle(trade)
    clock.advance(timedelta(hours=1))
    carry_out(begin(chan.pk, by="boss", reason="asked"))
    trade.far.put(record, {"Sum": 300, "Person": ""})
    settle(trade)
    assert [row.number for row in Order.objects.all()] == [f"erased-{Order.objects.get().pk}"]
