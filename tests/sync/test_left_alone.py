"""What belongs to nobody here is left alone, and people can see what that is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Person
from scrm.core import clock, jobs
from scrm.staff.models import User
from scrm.sync import awaiting, feeds, health, pulls
from scrm.sync.models import AwaitedPerson, ExternalRecord, FieldMapping, Pull, SaleState, SyncPlan
from scrm.sync.person_ids import NOBODY, SEVERAL
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


@pytest.fixture
def strangers(sales: Shop) -> Shop:
    """The CRM's contacts are not made contacts here, until `known` says so."""
    FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
    SyncPlan.objects.create(connection=sales.crm, kind="contact", makes_new=False)
    return sales


def begun_for(shop: Shop, *people: Person) -> str:
    record = shop.far.add(kind="deal", Title="曲奇", Stage="Inbox")
    shop.far.people[record] = people
    return record


def known(shop: Shop, person: str) -> int:
    """The contact that this person of theirs is from now on."""
    SyncPlan.objects.filter(kind="contact").update(makes_new=True)
    shop.far.put(person, {"company": "Lucky"})
    settle(shop)
    return int(ExternalRecord.objects.get(kind="contact", external_id=person).key)


class TestWhosePersonComesLater:
    """`test_people_come_later` has this at each vendor's stand-in."""

    def test_is_theirs_without_anybody_doing_anything(self, strangers: Shop) -> None:
        mei = strangers.far.add(firstname="美玲", phone="+85298765432")
        record = begun_for(strangers, Person(mei))
        case = strangers.far.add(kind="case", Subject="杯", State="New", Person=mei)
        settle(strangers)
        assert listed() == {record: NOBODY, case: NOBODY}
        contact = known(strangers, mei)
        assert listed() == {}
        assert dict(SaleState.objects.values_list("kind", "contact")) == {"deal": contact, "case": contact}
        assert not AwaitedPerson.objects.exists()

    def test_waits_for_the_main_one_of_several_alone(self, strangers: Shop) -> None:
        mei, chan = (strangers.far.add(firstname=name, phone=phone) for name, phone in (("美玲", "+85298765432"), ("大文", "+85291112222")))
        record = begun_for(strangers, Person(mei), Person(chan, primary=True))
        settle(strangers)
        assert list(AwaitedPerson.objects.values_list("person", flat=True)) == [chan]
        assert SaleState.objects.count() == 0 and listed() == {record: NOBODY}
        contact = known(strangers, chan)
        assert SaleState.objects.get().contact_id == contact

    def test_follows_a_person_whose_record_was_merged_over_there(self, strangers: Shop) -> None:
        chan, old = linked(strangers)
        new = strangers.far.new_id()
        record = begun_for(strangers, Person(new))
        later(minutes=5)
        settle(strangers)
        assert listed() == {record: NOBODY}
        strangers.far.fields[new] = strangers.far.fields[old]
        strangers.far.remove(old, merged_into=new)
        later(minutes=11)
        settle(strangers)
        assert listed() == {}
        assert SaleState.objects.get().contact == chan

    def test_costs_no_call_where_nobody_waits_for_them(self, strangers: Shop) -> None:
        alone = nobodys(strangers)
        mei = strangers.far.add(firstname="美玲", phone="+85298765432")
        settle(strangers)
        before = list(Pull.objects.order_by("pk").values())
        known(strangers, mei)
        assert awaiting.sweep() == 0
        settle(strangers)
        assert [each for each in Pull.objects.order_by("pk").values() if each["kind"] == "deal"] == before
        assert listed() == {alone: NOBODY}

    def test_stays_off_the_list_when_a_person_took_it_off(self, strangers: Shop) -> None:
        mei = strangers.far.add(firstname="美玲", phone="+85298765432")
        begun_for(strangers, Person(mei))
        settle(strangers)
        pulls.discard(Pull.objects.filter(kind="deal"), by="boss")
        later(minutes=5)
        known(strangers, mei)
        assert awaiting.sweep() == 0
        assert not SaleState.objects.exists()

    def test_a_page_at_a_time_and_the_rest_by_the_sweep(self, strangers: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(awaiting, "PAGE", 2)
        mei = strangers.far.add(firstname="美玲", phone="+85298765432")
        for _ in range(7):
            begun_for(strangers, Person(mei))
        settle(strangers)
        later(minutes=5)
        settle(strangers)
        known(strangers, mei)
        assert (SaleState.objects.count(), len(listed())) == (2, 5)
        assert awaiting.sweep() == 5
        settle(strangers)
        assert (SaleState.objects.count(), listed(), awaiting.sweep()) == (7, {}, 0)

    def test_a_link_that_nobody_told_of_is_found(self, strangers: Shop) -> None:
        """As when the deal's page and the person's are taken over at one moment, neither seeing the other."""
        chan, mei = strangers.customer("黃美玲"), strangers.far.add(firstname="美玲", phone="+85298765432")
        begun_for(strangers, Person(mei))
        settle(strangers)
        ExternalRecord.objects.create(connection=strangers.crm, kind="contact", key=str(chan.pk), external_id=mei, synced_at=clock.now())
        later(minutes=5)
        jobs.periodics()["sync.awaited"].run()
        settle(strangers)
        assert SaleState.objects.get().contact == chan
        assert not AwaitedPerson.objects.exists()


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
        assert record in html and NOBODY in html and "“Read again” looks at once" in html
        assert record not in boss.get(address.replace(str(sales.crm.pk), str(sales.channel.pk))).content.decode()
