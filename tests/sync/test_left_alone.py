"""What belongs to nobody here is left alone, and people can see what that is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Person
from scrm.staff.models import User
from scrm.sync import feeds, health, pulls
from scrm.sync.models import FieldMapping, Pull, SaleState, SyncPlan
from scrm.sync.persons_there import NOBODY, SEVERAL
from tests.sync.conftest import Shop, later
from tests.sync.test_goods_in import mapped
from tests.sync.test_pull import linked, settle
from tests.sync.test_sales_in import CASE, DEAL


@pytest.fixture
def sales(shop: Shop) -> Shop:
    mapped(shop, "deal", [each for each in DEAL if each[0] != "contact"])
    mapped(shop, "case", CASE)
    shop.far.stamps = True
    return shop


def nobodys(shop: Shop, **fields: str) -> str:
    record = shop.far.add(kind="deal", **{"Title": "曲奇", "Stage": "Inbox", **fields})
    settle(shop)
    return record


def listed() -> dict[str, str]:
    return dict(Pull.objects.filter(state="left").values_list("external_id", "last_error"))


class TestTheList:
    def test_names_each_record_and_why(self, sales: Shop) -> None:
        ids = [linked(sales)[1], linked(sales, "黃美玲")[1]]
        alone, several = nobodys(sales), sales.far.add(kind="deal", Title="禮盒", Stage="Inbox")
        sales.far.people[several] = tuple(map(Person, ids))
        sales.far.add(kind="case", Subject="杯", State="New", Person="777", record_id="5000")
        settle(sales)
        assert listed() == {alone: NOBODY, several: SEVERAL, "5000": NOBODY}

    def test_loses_what_was_taken_over(self, sales: Shop) -> None:
        record, (chan, person) = nobodys(sales), linked(sales)
        sales.far.people[record] = (Person(person),)
        sales.far.put(record, {"Colour": "red"})
        settle(sales)
        assert listed() == {}
        assert SaleState.objects.get().contact == chan

    def test_loses_what_was_deleted_there(self, sales: Shop) -> None:
        record = nobodys(sales)
        sales.far.remove(record)
        later(minutes=11)
        settle(sales)
        assert listed() == {}

    def test_holds_nothing_that_is_not_wanted_here(self, sales: Shop) -> None:
        SyncPlan.objects.create(connection=sales.crm, kind="deal", makes_new=False)
        _, person = linked(sales)
        record = sales.far.add(kind="deal", Title="曲奇", Stage="Inbox")
        sales.far.people[record] = (Person(person),)
        settle(sales)
        assert listed() == {}

    def test_costs_no_write_while_it_stays_the_same(self, sales: Shop, django_assert_max_num_queries: Any) -> None:
        for _ in range(30):
            sales.far.add(kind="deal", Title="曲奇", Stage="Inbox")
        later(seconds=61)
        with django_assert_max_num_queries(120):
            feeds.pull_due()
        before = list(Pull.objects.order_by("pk").values())
        settle(sales)
        assert len(before) == 30
        assert list(Pull.objects.order_by("pk").values()) == before

    def test_one_that_a_person_took_off_does_not_come_back_by_itself(self, sales: Shop) -> None:
        record = nobodys(sales)
        assert pulls.discard(Pull.objects.all(), by="boss") == 1
        sales.far.put(record, {"Colour": "red"})
        settle(sales)
        assert listed() == {}


class TestReadAgain:
    def test_takes_over_what_has_its_person_by_now(self, sales: Shop) -> None:
        """Who is linked later, where the deal itself stands still."""
        FieldMapping.objects.filter(kind="contact").update(direction="out")
        record = sales.far.add(kind="deal", Title="曲奇", Stage="Inbox")
        sales.far.people[record] = (Person("102"),)
        later(minutes=5)
        settle(sales)
        assert listed() == {record: NOBODY}
        later(minutes=5)
        settle(sales)
        chan, person = linked(sales)
        sales.far.people[record] = (Person(person),)
        settle(sales)
        assert listed() == {record: NOBODY}
        assert pulls.replay(Pull.objects.filter(kind="deal"), by="boss") == 1
        settle(sales)
        assert listed() == {}
        assert SaleState.objects.get().contact == chan


class TestThePages:
    @pytest.fixture
    def boss(self, db: None, client: Client) -> Client:
        client.force_login(User.objects.create_superuser("boss", password="x"))
        return client

    def test_of_health_tells_how_many_and_leads_to_them(self, sales: Shop, boss: Client) -> None:
        record = nobodys(sales)
        assert [each.left_alone for each in health.read_all()] == [1]
        address = f"/admin/sync/pull/?state__exact=left&connection={sales.crm.pk}"
        assert f'<a href="{address.replace("&", "&amp;")}">1</a>' in boss.get("/admin/sync/health/").content.decode()
        html = boss.get(address).content.decode()
        assert record in html and NOBODY in html and "choose “Read again”" in html
        assert record not in boss.get(address.replace(str(sales.crm.pk), str(sales.channel.pk))).content.decode()
