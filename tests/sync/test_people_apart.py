"""A deal, a case or an order that is given to somebody else over there, by CRMs that keep whose it is apart from the record."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contracts import Hint, Person
from scrm.commerce.models import Order
from scrm.commerce.services import change_order
from scrm.contacts.merging import merge
from scrm.contacts.models import Contact, Event
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import deciding, feeds, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, SaleState, SyncConflict
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_goods_in import ORDER, mapped
from tests.sync.test_pull import linked, settle
from tests.sync.test_sales_in import CASE, DEAL

FIELDS: dict[str, dict[str, Any]] = {
    "deal": {"Title": "曲奇", "Stage": "Inbox", "Sum": "900"},
    "case": {"Subject": "杯", "State": "New"},
    "order": {"No": "SO-1", "State": "Open", "Sum": "256"},
}


@pytest.fixture
def sales(shop: Shop) -> Shop:
    for kind, fields in (("deal", DEAL), ("case", CASE), ("order", ORDER)):
        mapped(shop, kind, [each for each in fields if each[0] != "contact"])
    shop.far.stamps = True
    return shop


def begun(shop: Shop, *people: str, kind: str = "deal") -> str:
    record = shop.far.add(kind=kind, **FIELDS[kind])
    shop.far.people[record] = tuple(map(Person, people))
    settle(shop)
    return record


def given(shop: Shop, record: str, *people: str | Person) -> None:
    """People over there associate the record with these; its time moves."""
    shop.far.people[record] = tuple(Person(each) if isinstance(each, str) else each for each in people)
    shop.far.put(record, {"Colour": "red"})
    settle(shop)


def owner() -> Contact | None:
    return SaleState.objects.get().contact


class TestGivenAway:
    @pytest.mark.parametrize("kind", ["deal", "case"])
    def test_it_is_the_other_persons_from_then_on(self, sales: Shop, kind: str) -> None:
        (chan, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one, kind=kind)
        assert owner() == chan
        given(sales, record, two)
        assert owner() == wong
        told = Event.objects.get(kind=f"{kind}.changed", contact=wong)
        assert (told.data["changed"], told.data["by"]) == (["contact"], "crm")
        assert not [write for write in sales.far.writes() if write.kind == kind]
        assert not SyncConflict.objects.exists()

    def test_a_notice_is_enough_where_the_records_time_stands_still(self, sales: Shop) -> None:
        (_, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one)
        later(minutes=5)
        settle(sales)
        sales.far.people[record] = (Person(two),)
        settle(sales)
        assert owner() != wong
        pulls.hear(sales.crm.pk, [Hint("deal", record, "associationChange")])
        settle(sales)
        assert owner() == wong

    def test_the_new_main_one_of_two_has_it(self, sales: Shop) -> None:
        (_, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one)
        given(sales, record, one, Person(two, primary=True))
        assert owner() == wong

    def test_a_person_who_is_not_known_yet_is_read_first(self, sales: Shop) -> None:
        FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
        settle(sales)
        _, one = linked(sales)
        record = begun(sales, one)
        stranger = sales.far.add(firstname="花子", lastname="佐藤", phone="+819012345678", at=clock.now() - timedelta(days=1))
        given(sales, record, stranger)
        assert owner() == Contact.objects.get(name__contains="佐藤")
        assert not SyncConflict.objects.exists()

    def test_one_who_is_nobody_here_leaves_it_and_is_listed(self, sales: Shop) -> None:
        chan, one = linked(sales)
        record = begun(sales, one)
        given(sales, record, "777")
        assert owner() == chan
        note = SyncConflict.objects.get()
        assert (note.field, note.reason, note.theirs) == ("contact", "unfit", "777")
        assert not Pull.objects.exclude(state="done").exists()

    @pytest.mark.parametrize("people", [(), ("one", "two")])
    def test_nobody_or_several_leave_it_where_it_is(self, sales: Shop, people: tuple[str, ...]) -> None:
        (chan, one), (_, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one)
        given(sales, record, *({"one": one, "two": two}[each] for each in people))
        assert owner() == chan
        assert not SyncConflict.objects.exists()

    def test_another_record_of_the_same_person_is_no_news(self, sales: Shop) -> None:
        (chan, one), (other, two) = linked(sales), linked(sales, "陳先生")
        merge(chan, other, by=None)
        record = begun(sales, one)
        told = Event.objects.filter(kind="deal.changed").count()
        given(sales, record, two)
        assert owner() == chan
        assert Event.objects.filter(kind="deal.changed").count() == told

    def test_one_that_was_taken_over_before_this_was_followed_goes_along(self, sales: Shop) -> None:
        (_, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one)
        row = ExternalRecord.objects.get(external_id=record)
        row.base.pop("@people", None)
        row.seen = {name: value for name, value in (row.seen or {}).items() if name != "@people"}
        row.save()
        given(sales, record, two)
        assert owner() == wong

    def test_later_rounds_change_nothing_more(self, sales: Shop) -> None:
        (_, one), (_, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one)
        for _ in range(3):
            given(sales, record, two)
        assert Event.objects.filter(kind="deal.changed").count() == 2

    def test_ours_stays_with_the_person_who_asked(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        talk = sales.conversation(chan)
        want(sales.crm, "deal", f"conversation:{talk.pk}")
        settle(sales)
        record = ExternalRecord.objects.get(kind="deal").external_id
        sales.far.put(record, {"Stage": "Inbox"})
        settle(sales)
        assert owner() == chan


class TestNamedByAField:
    """Of CRMs where a field of the record says whose it is."""

    @pytest.fixture
    def sales(self, shop: Shop) -> Shop:
        mapped(shop, "case", CASE)
        FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
        shop.far.stamps = True
        return shop

    def test_a_person_who_is_not_known_yet_is_read_first_here_too(self, sales: Shop) -> None:
        settle(sales)
        _, one = linked(sales)
        record = sales.far.add(kind="case", Subject="杯", State="New", Person=one)
        settle(sales)
        stranger = sales.far.add(firstname="花子", lastname="佐藤", phone="+819012345678", at=clock.now() - timedelta(days=1))
        sales.far.put(record, {"Person": stranger})
        settle(sales)
        assert owner() == Contact.objects.get(name__contains="佐藤")
        assert not SyncConflict.objects.exists()


class TestOrders:
    def test_an_order_is_the_persons_it_is_associated_with(self, sales: Shop) -> None:
        (chan, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        record = begun(sales, one, kind="order")
        made = Order.objects.get()
        assert (made.number, made.contact, made.total) == ("SO-1", chan, Decimal(256))
        given(sales, record, two)
        made.refresh_from_db()
        assert made.contact == wong
        assert Event.objects.get(kind="order.changed").contact == wong

    def test_an_order_of_several_is_taken_over_as_nobodys(self, sales: Shop) -> None:
        (_, one), (_, two) = linked(sales), linked(sales, "黃美玲")
        begun(sales, one, two, kind="order")
        assert Order.objects.get().contact is None

    def test_an_order_of_somebody_who_is_nobody_here_waits_for_no_one(self, sales: Shop) -> None:
        begun(sales, "777", "778", kind="order")
        assert not Order.objects.exists()
        assert set(Pull.objects.values_list("kind", "state")) == {("contact", "done"), ("order", "left")}

    def both(self, sales: Shop) -> tuple[Order, Contact, Contact, str]:
        """Given to one person here and to another there: (the order, ours, theirs, the record)."""
        (_, one), (wong, two), (lee, _) = linked(sales), linked(sales, "黃美玲"), linked(sales, "李小龍")
        record = begun(sales, one, kind="order")
        made = Order.objects.get()
        change_order(made.pk, {"contact": lee})
        given(sales, record, two)
        made.refresh_from_db()
        return made, lee, wong, record

    def test_what_both_sides_changed_is_listed_and_decided(self, sales: Shop) -> None:
        made, lee, wong, _ = self.both(sales)
        note = SyncConflict.objects.get()
        assert (note.field, note.reason, note.state, made.contact) == ("contact", "both", "open", lee)
        boss = User.objects.create_superuser("boss", password="x")
        assert deciding.keep_theirs(SyncConflict.objects.all(), by=boss) == 1
        settle(sales)
        made.refresh_from_db()
        assert made.contact == wong
        assert not ExternalRecord.objects.exclude(held=None).exists()

    def test_ours_that_was_chosen_stays_and_asks_nobody_again(self, sales: Shop) -> None:
        made, lee, _, record = self.both(sales)
        boss = User.objects.create_superuser("boss", password="x")
        assert deciding.keep_ours(SyncConflict.objects.all(), by=boss) == 1
        settle(sales)
        for _ in range(2):
            sales.far.put(record, {"Colour": "blue"})
            settle(sales)
        made.refresh_from_db()
        assert made.contact == lee
        assert not SyncConflict.objects.filter(state="open").exists()
        assert not ExternalRecord.objects.exclude(held=None).exists()


def test_many_given_away_cost_few_queries(sales: Shop, django_assert_max_num_queries: Any) -> None:
    (_, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
    records = [sales.far.add(kind="deal", **FIELDS["deal"]) for _ in range(50)]
    sales.far.people.update(dict.fromkeys(records, (Person(one),)))
    settle(sales)
    for record in records:
        sales.far.people[record] = (Person(two),)
        sales.far.put(record, {"Colour": "red"})
    later(seconds=61)
    with django_assert_max_num_queries(120):
        feeds.pull_due()
    assert SaleState.objects.filter(contact=wong).count() == 50
