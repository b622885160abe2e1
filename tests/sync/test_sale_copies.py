"""Our copy of a deal or a case that is not as the CRM says is found by the day's sample and by the comparison of all, and is put right."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.contracts import Person
from scrm.commerce.services import change_order, upsert_order
from scrm.contacts.merging import merge, undo
from scrm.contacts.models import Contact, Event
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import deciding, engine, verification
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, SaleState, SyncConflict, Verification
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_pull import linked, settle
from tests.sync.test_sales_in import asked
from tests.sync.test_sales_in import sales as sales

SCOPES = pytest.mark.parametrize("sample", [100, None], ids=["sample", "full"])


def compared(shop: Shop, sample: int | None = 100, *, kind: str = "deal", repair: bool = False) -> Verification:
    run = verification.verify(shop.crm, kind, sample=sample, repair=repair)
    assert run is not None
    return run


def differing(run: Verification) -> list[tuple[str, Any, Any]]:
    return [(each["field"], each["ours"], each["theirs"]) for row in run.records.all() for each in row.differences]


def moved_on(shop: Shop) -> tuple[str, str]:
    """A deal of ours that a seller moved on, and one that was begun over there; both for the same person. Their ids."""
    _, ours = asked(shop, "deal")
    person = ExternalRecord.objects.get(kind="contact").external_id
    shop.far.put(ours, {"Stage": "Inbox", "Sum": "1200", "Closed": "2026-11-23T02:00:00Z", "Person": person})
    theirs = shop.far.add(
        kind="deal", Title="曲奇", Stage="Won!", Sum="900", Closed="2026-11-24T02:00:00Z", Person=person, record_id="5000"
    )
    settle(shop)
    later(minutes=10)
    return ours, theirs


def held() -> list[dict[str, Any]]:
    return list(SaleState.objects.order_by("key").values("key", "name", "stage", "amount", "closed_at", "contact", "changed_at"))


class TestByHand:
    @SCOPES
    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"stage": "lost"}, "Stage"),
            ({"stage": ""}, "Stage"),
            ({"amount": Decimal(1)}, "Sum"),
            ({"amount": None}, "Sum"),
            ({"closed_at": None}, "Closed"),
            ({"contact": None}, "Person"),
        ],
    )
    def test_what_was_changed_in_the_copies_is_found_and_put_right(
        self, sales: Shop, sample: int | None, values: dict[str, Any], field: str
    ) -> None:
        moved_on(sales)
        before, written = held(), len(sales.far.writes())
        SaleState.objects.update(**values)
        told = Event.objects.count()
        run = compared(sales, sample, repair=True)
        assert (run.checked, run.drifted, run.repaired) == (2, 2, 2)
        assert {each for each, _, _ in differing(run)} == {field}
        settle(sales)
        assert held() == before
        assert (Event.objects.count(), len(sales.far.writes())) == (told, written), "only the copy was wrong"
        again = compared(sales, sample)
        assert (again.checked, again.drifted) == (2, 0)

    def test_a_name_and_a_person_of_one_begun_there(self, sales: Shop) -> None:
        moved_on(sales)
        other = sales.customer("黃美玲")
        before = held()
        SaleState.objects.filter(key="crm:5000").update(name="別的", contact=other)
        run = compared(sales, repair=True)
        person = ExternalRecord.objects.get(kind="contact").external_id
        assert sorted(differing(run)) == [("Person", "", person), ("Title", "別的", "曲奇")]
        settle(sales)
        assert held() == before

    def test_a_copy_that_is_gone_comes_back_without_being_news(self, sales: Shop) -> None:
        moved_on(sales)
        before, told = held(), Event.objects.count()
        SaleState.objects.all().delete()
        assert compared(sales, repair=True).drifted == 2
        settle(sales)
        assert [{**row, "changed_at": None} for row in held()] == [{**row, "changed_at": None} for row in before]
        assert Event.objects.count() == told

    def test_of_a_case(self, sales: Shop) -> None:
        _, record = asked(sales, "case")
        sales.far.put(record, {"State": "Escalated"})
        settle(sales)
        later(minutes=10)
        SaleState.objects.update(stage="Solved")
        assert differing(compared(sales, kind="case", repair=True)) == [("State", "Solved", "Escalated")]
        settle(sales)
        assert SaleState.objects.get().stage == "Escalated"

    def test_whose_it_is_where_the_crm_keeps_that_apart(self, sales: Shop) -> None:
        FieldMapping.objects.filter(source="contact").delete()
        (chan, person), other = linked(sales), sales.customer("黃美玲")
        record = sales.far.add(kind="deal", Title="曲奇", Stage="Inbox")
        sales.far.people[record] = (Person(person),)
        settle(sales)
        later(minutes=10)
        assert differing(compared(sales)) == []
        SaleState.objects.update(contact=other)
        assert compared(sales, repair=True).drifted == 1
        settle(sales)
        assert SaleState.objects.get().contact == chan

    def test_many_cost_as_many_queries_as_few(self, sales: Shop, django_assert_max_num_queries: Any) -> None:
        _, person = linked(sales)
        for number in range(40):
            sales.far.add(kind="deal", Title=f"曲奇 {number}", Stage="Inbox", Sum="900", Person=person)
        settle(sales)
        later(minutes=10)
        SaleState.objects.update(amount=Decimal(1))
        with django_assert_max_num_queries(30):
            assert compared(sales).drifted == 40
        verification.verify(sales.crm, "deal", repair=True)
        settle(sales)
        assert set(SaleState.objects.values_list("amount", flat=True)) == {Decimal(900)}


class TestInStep:
    @SCOPES
    def test_what_was_moved_on_and_what_was_only_written(self, sales: Shop, sample: int | None) -> None:
        moved_on(sales)
        chan = Contact.objects.get()
        order = upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        later(minutes=10)
        run = compared(sales, sample)
        assert (run.checked, run.agreed, differing(run)) == (3, 3, [])

    def test_one_that_ended_otherwise_there_than_here(self, sales: Shop) -> None:
        self.order_deal(sales)
        later(minutes=10)
        assert (SaleState.objects.get().stage, compared(sales).drifted) == ("lost", 0)

    def test_what_both_sides_changed_to_the_same_is_the_copys_too(self, sales: Shop) -> None:
        order, record = self.order_deal(sales)
        sales.far.put(record, {"Stage": "Won!"})
        settle(sales)
        with clock.frozen(clock.now()):
            change_order(order, {"status": "cancelled"}, cause="person")
            sales.far.put(record, {"Stage": "Lost!"})
            settle(sales)
        later(minutes=10)
        assert (SaleState.objects.get().stage, compared(sales).drifted) == ("lost", 0)
        assert Event.objects.filter(kind="deal.changed").order_by("pk").last().data["changed"] == ["stage"]  # type: ignore[union-attr]

    def order_deal(self, shop: Shop) -> tuple[int, str]:
        """An order's deal that is lost over there, and not here."""
        chan, _ = linked(shop)
        order = upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(shop.crm, "deal", f"order:{order.pk}")
        settle(shop)
        record = ExternalRecord.objects.get(kind="deal").external_id
        shop.far.put(record, {"Stage": "Lost!"})
        settle(shop)
        return order.pk, record

    def test_what_is_longer_or_has_no_counterpart_is_on_its_list_and_no_drift(self, sales: Shop) -> None:
        ours, theirs = moved_on(sales)
        sales.far.put(ours, {"Stage": "Limbo"})
        sales.far.put(theirs, {"Title": "曲" * 600, "Sum": "1,000.005"})
        settle(sales)
        later(minutes=10)
        assert SyncConflict.objects.filter(state="open", field="stage").count() == 1
        assert differing(compared(sales)) == []

    def test_what_a_person_decided_to_keep_here(self, sales: Shop) -> None:
        ours, _ = moved_on(sales)
        sales.far.put(ours, {"Stage": "Limbo"})
        settle(sales)
        boss = User.objects.create_user("kwok", password="x")
        assert deciding.keep_ours(SyncConflict.objects.filter(state="open"), by=boss) == 1
        settle(sales)
        later(minutes=10)
        assert differing(compared(sales)) == []

    def test_people_who_were_merged_and_separated_again(self, sales: Shop) -> None:
        moved_on(sales)
        chan = Contact.objects.get()
        done = merge(sales.customer("陳大文"), chan, by=None)
        assert differing(compared(sales)) == []
        undo(done, by=None)
        assert differing(compared(sales)) == []


class TestOnItsWay:
    def test_a_write_that_waits(self, sales: Shop) -> None:
        moved_on(sales)
        SaleState.objects.update(stage="lost")
        want(sales.crm, "deal", ExternalRecord.objects.filter(kind="deal").exclude(key__startswith="crm:").get().key)
        run = compared(sales)
        assert (run.pending, run.drifted) == (1, 1)

    def test_what_was_changed_there_a_moment_ago(self, sales: Shop) -> None:
        ours, theirs = moved_on(sales)
        for record in (ours, theirs):
            sales.far.put(record, {"Stage": "Lost!"})
        assert (compared(sales).pending, compared(sales).drifted) == (2, 0)

    def test_a_read_that_waits(self, sales: Shop) -> None:
        _, theirs = moved_on(sales)
        SaleState.objects.filter(key__startswith="crm:").update(stage="lost")
        compared(sales, repair=True)
        assert Pull.objects.get(external_id=theirs).state == "due"
        assert (compared(sales).pending, compared(sales).drifted) == (1, 0)

    def test_what_we_wrote_and_was_not_read_back(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        order = upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        change_order(order.pk, {"total": Decimal(300)}, cause="person")
        want(sales.crm, "deal", f"order:{order.pk}")
        clock.advance(timedelta(seconds=2))
        while engine.push_due():
            pass
        assert (SaleState.objects.get().amount, differing(compared(sales))) == (Decimal(300), [])

    def test_one_that_we_renamed_after_it_was_told_of(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        order = upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        for change in ({}, {"total": Decimal(300)}, {"number": "HK-8"}):
            change_order(order.pk, change, cause="person")
            want(sales.crm, "deal", f"order:{order.pk}")
            settle(sales)
        later(minutes=10)
        assert (SaleState.objects.get().name, differing(compared(sales))) == ("HK-8 · 陳大文", [])


class TestThePage:
    @pytest.fixture
    def boss(self, db: None, client: Client) -> Client:
        client.force_login(User.objects.create_superuser("boss", password="x"))
        return client

    @SCOPES
    def test_names_what_strayed_and_leads_to_both_comparisons(self, sales: Shop, boss: Client, sample: int | None) -> None:
        moved_on(sales)
        SaleState.objects.filter(key="crm:5000").update(stage="lost")
        run = compared(sales, sample)
        assert reverse("console:sync-sample", args=[run.pk]) in boss.get("/admin/sync/health/").content.decode()
        html = " ".join(boss.get(reverse("console:sync-sample", args=[run.pk])).content.decode().split())
        assert "Stage" in html and "Lost! / Won!" in html and "our copy" in html
