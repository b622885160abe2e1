"""A page of changes takes the same few statements for what it looks up, however many records are on it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.contracts import Person
from scrm.commerce.models import Order
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import feeds
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, SaleState, SyncConflict
from tests.sync.conftest import Shop, later
from tests.sync.test_goods_in import order_there
from tests.sync.test_goods_in import trade as trade
from tests.sync.test_pull import settle
from tests.sync.test_sales_in import sales as sales

FEW, MANY = 5, 45


def people(shop: Shop, count: int) -> list[str]:
    """The ids of so many people over there whom we know."""
    known = [(shop.customer(f"客人 {number}"), shop.far.new_id()) for number in range(count)]
    rows = [
        ExternalRecord(connection=shop.crm, kind="contact", key=str(row.pk), external_id=there, synced_at=clock.now())
        for row, there in known
    ]
    ExternalRecord.objects.bulk_create(rows)
    return [there for _, there in known]


def pulled(shop: Shop) -> Counter[str]:
    """{what a statement does to which table: how often} of one round of reading."""
    later(seconds=61)
    with CaptureQueriesContext(connection) as captured:
        feeds.pull_due()
    return Counter(_kind(each["sql"]) for each in captured.captured_queries)


def _kind(sql: str) -> str:
    words = sql.split()
    table = next((word.strip('"') for before, word in pairwise(words) if before in ("FROM", "INTO", "UPDATE")), "")
    return f"{words[0]} {table}"


def assert_alike(few: Counter[str], many: Counter[str], *tables: str) -> None:
    grown = {kind: (few[kind], count) for kind, count in many.items() if kind.endswith(tables) and count > few[kind] + 1}
    assert grown == {}


class TestSales:
    @pytest.mark.parametrize("apart", [False, True])
    def test_those_begun_there_and_moved_on(self, sales: Shop, apart: bool) -> None:
        if apart:
            FieldMapping.objects.filter(source="contact").delete()
        costs, records = [], []
        for count in (FEW, MANY):
            for person in people(sales, count):
                record = sales.far.add(kind="deal", Title="曲奇", Stage="Inbox", Sum="9", **({} if apart else {"Person": person}))
                sales.far.people[record] = (Person(person),) if apart else ()
                records.append(record)
            costs.append(pulled(sales))
        assert SaleState.objects.count() == FEW + MANY
        assert sum(costs[1].values()) <= sum(costs[0].values()) + 5, costs[1] - costs[0]
        settle(sales)
        costs = []
        for part in (records[:FEW], records[FEW:]):
            for record in part:
                sales.far.put(record, {"Stage": "Won!"})
            costs.append(pulled(sales))
        assert SaleState.objects.filter(stage="won").count() == FEW + MANY
        assert sum(costs[1].values()) <= sum(costs[0].values()) + 5, costs[1] - costs[0]

    def test_people_who_are_not_known_yet(self, sales: Shop) -> None:
        costs = []
        for count in (FEW, MANY):
            for _ in range(count):
                sales.far.add(kind="case", Subject="杯", State="New", Person=sales.far.new_id())
            costs.append(pulled(sales))
        assert Pull.objects.filter(kind="contact").count() == FEW + MANY
        assert_alike(*costs, "sync_pull", "sync_externalrecord")


class TestOrders:
    def test_whose_they_are_and_that_no_number_is_given_twice(self, trade: Shop) -> None:
        costs, records = [], []
        for first, count in ((0, FEW), (FEW, MANY)):
            for number, person in enumerate(people(trade, count), first):
                records.append(order_there(trade, person, No=f"SO-{number}"))
            costs.append(pulled(trade))
        assert Order.objects.exclude(contact=None).count() == FEW + MANY
        assert_alike(*costs, "sync_externalrecord", "sync_pull", "contacts_contact")
        settle(trade)
        costs = []
        others = people(trade, FEW + MANY)
        for part in (range(FEW), range(FEW, FEW + MANY)):
            for number in part:
                trade.far.put(records[number], {"No": f"HK-{number}", "Person": others[number]})
            costs.append(pulled(trade))
        assert Order.objects.filter(number__startswith="HK-").count() == FEW + MANY
        assert set(Order.objects.values_list("contact", flat=True)) == set(
            Contact.objects.order_by("-pk").values_list("pk", flat=True)[: FEW + MANY]
        )
        assert_alike(*costs, "sync_externalrecord", "sync_pull")
        grown = (costs[1]["SELECT commerce_order"] - costs[0]["SELECT commerce_order"]) / (MANY - FEW)
        assert grown <= 1, costs

    def test_a_number_that_one_leaves_another_may_have(self, trade: Shop) -> None:
        one, two = (order_there(trade, person, No=f"SO-{number}") for number, person in enumerate(people(trade, 2)))
        settle(trade)
        trade.far.put(one, {"No": "SO-9"}, at=clock.now() + timedelta(seconds=1))
        trade.far.put(two, {"No": "SO-0"}, at=clock.now() + timedelta(seconds=2))
        settle(trade)
        assert list(Order.objects.order_by("pk").values_list("number", flat=True)) == ["SO-9", "SO-0"]
        assert not SyncConflict.objects.exists()

    def test_two_that_get_one_number_on_one_page_are_told_apart(self, trade: Shop) -> None:
        records = [order_there(trade, person, No=f"SO-{number}") for number, person in enumerate(people(trade, 2))]
        settle(trade)
        for record in records:
            trade.far.put(record, {"No": "SO-9"})
        settle(trade)
        assert sorted(Order.objects.values_list("number", flat=True)) == ["SO-1", "SO-9"]
        assert "is the number of another order" in SyncConflict.objects.get().words
