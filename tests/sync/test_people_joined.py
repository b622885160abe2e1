"""What was left alone as several people's comes by itself once they are merged here, and an undo leaves each where it belongs, or asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Person
from scrm.commerce.models import Order
from scrm.contacts.merging import merge, undo
from scrm.contacts.models import Contact, Event, Merge
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import awaiting, deciding, listening, verification
from scrm.sync.models import AwaitedPerson, ExternalRecord, FieldMapping, Pull, SaleState, SyncConflict
from scrm.sync.person_ids import NOBODY, SEVERAL
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_left_alone import listed
from tests.sync.test_people_apart import begun, given
from tests.sync.test_people_apart import sales as sales
from tests.sync.test_pull import linked, settle


def told(shop: Shop) -> None:
    """What happened is told to the sync, as its drain does, and what follows from it is done."""
    events = list(Event.objects.order_by("pk"))
    listening.note_changes([event for event in events if event.kind in listening.MERGES][-2:])
    settle(shop)


def quiet(shop: Shop) -> None:
    """Until the CRM's feed tells of none of it any more."""
    for _ in range(2):
        later(minutes=5)
        settle(shop)


def joined(shop: Shop, survivor: Contact, duplicate: Contact) -> Merge:
    quiet(shop)
    done = merge(survivor, duplicate, by=None)
    told(shop)
    return done


def parted(shop: Shop, done: Merge) -> None:
    quiet(shop)
    undo(done, by=None)
    told(shop)


def owners() -> dict[str, int | None]:
    return dict(SaleState.objects.values_list("kind", "contact"))


@pytest.fixture
def two(sales: Shop) -> Iterator[tuple[tuple[Contact, str], tuple[Contact, str]]]:
    yield linked(sales), linked(sales, "陳先生")


class TestMerged:
    @pytest.mark.parametrize("kind", ["deal", "case"])
    def test_what_was_of_both_is_the_survivors_without_anybody_doing_anything(self, sales: Shop, two: Any, kind: str) -> None:
        (chan, one), (other, second) = two
        record = begun(sales, one, second, kind=kind)
        assert listed() == {record: SEVERAL}
        joined(sales, chan, other)
        assert (listed(), owners()) == ({}, {kind: chan.pk})
        assert not AwaitedPerson.objects.exists()

    def test_one_that_others_have_a_part_in_stays_left_alone(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        _, third = linked(sales, "黃美玲")
        record = begun(sales, one, second, third)
        reads = sales.far.reads
        joined(sales, chan, other)
        assert (listed(), owners(), sales.far.reads) == ({record: SEVERAL}, {}, reads)
        assert awaiting.sweep() == 0

    def test_people_who_are_not_linked_here_do_not_count(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second, "777")
        joined(sales, chan, other)
        assert owners() == {"deal": chan.pk}

    def test_those_of_nobody_are_not_read_for_it(self, sales: Shop, two: Any) -> None:
        (chan, _), (other, _) = two
        record = begun(sales, "777", "778")
        before = Pull.objects.get(external_id=record).wanted
        joined(sales, chan, other)
        assert (listed(), Pull.objects.get(external_id=record).wanted) == ({record: NOBODY}, before)

    def test_a_merge_that_nobody_told_of_is_found(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second)
        quiet(sales)
        merge(chan, other, by=None)
        assert awaiting.sweep() == 1
        settle(sales)
        assert (listed(), owners(), awaiting.sweep()) == ({}, {"deal": chan.pk}, 0)

    def test_what_was_left_alone_before_its_people_were_noted_is_found_too(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        record = begun(sales, one, second)
        AwaitedPerson.objects.all().delete()
        assert awaiting.sweep() == 1
        settle(sales)
        assert (listed(), awaiting.sweep()) == ({record: SEVERAL}, 0)
        joined(sales, chan, other)
        assert owners() == {"deal": chan.pk}

    def test_one_that_a_person_took_off_the_list_stays_off(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second)
        Pull.objects.filter(kind="deal").update(state="discarded")
        joined(sales, chan, other)
        assert awaiting.sweep() == 0
        assert owners() == {}

    def test_many_at_once_take_few_statements(self, sales: Shop, two: Any, django_assert_max_num_queries: Any) -> None:
        (chan, one), (other, second) = two
        for _ in range(40):
            record = sales.far.add(kind="deal", Title="曲奇", Stage="Inbox")
            sales.far.people[record] = (Person(one), Person(second))
        quiet(sales)
        merge(chan, other, by=None)
        with django_assert_max_num_queries(25):
            listening.note_changes(list(Event.objects.filter(kind="contact.merged")))
        settle(sales)
        assert SaleState.objects.filter(contact=chan).count() == 40


class TestUndone:
    def test_what_the_crm_says_of_both_stays_and_people_are_asked(self, sales: Shop, two: Any, client: Client) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second)
        parted(sales, joined(sales, chan, other))
        assert owners() == {"deal": chan.pk}
        asked = SyncConflict.objects.get()
        assert (asked.field, asked.state, asked.theirs) == ("contact", "open", f"{one}; {second}")
        client.force_login(User.objects.create_superuser("boss", password="x"))
        page = client.get("/admin/sync/syncconflict/?state__exact=open", headers={"accept-language": "ja"}).content.decode()
        assert "同一人物として扱っていた間に" in page

    def test_that_is_asked_once_and_answered_by_the_crm_or_a_person(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        first, last = begun(sales, one, second), begun(sales, one, second)
        done = joined(sales, chan, other)
        parted(sales, done)
        boss = User.objects.create_user("kwok", password="x")
        assert deciding.keep_ours(SyncConflict.objects.filter(record__external_id=last), by=boss) == 1
        for record in (first, last):
            given(sales, record, one, second)
        assert list(SyncConflict.objects.filter(state="open").values_list("record__external_id", flat=True)) == [first]
        given(sales, first, one, Person(second, primary=True))
        assert SaleState.objects.get(key=f"crm:{first}").contact == other
        assert set(SyncConflict.objects.values_list("state", flat=True)) == {"settled", "ours"}

    @pytest.mark.parametrize("kind", ["deal", "case"])
    def test_what_the_crm_gave_to_the_other_meanwhile_is_theirs(self, sales: Shop, two: Any, kind: str) -> None:
        (chan, _), (other, second) = two
        done = joined(sales, chan, other)
        begun(sales, second, kind=kind)
        assert owners() == {kind: chan.pk}
        parted(sales, done)
        assert owners() == {kind: other.pk}
        assert not SyncConflict.objects.exists()

    def test_an_order_too(self, sales: Shop, two: Any) -> None:
        (chan, _), (other, second) = two
        done = joined(sales, chan, other)
        begun(sales, second, kind="order")
        assert Order.objects.get().contact == chan
        parted(sales, done)
        assert Order.objects.get().contact == other
        assert not SyncConflict.objects.exists()

    def test_a_deal_of_ours_follows_its_chat(self, sales: Shop, two: Any) -> None:
        (chan, _), (other, _) = two
        talk = sales.conversation(other)
        done = joined(sales, chan, other)
        want(sales.crm, "deal", f"conversation:{talk.pk}")
        settle(sales)
        sales.far.put(ExternalRecord.objects.get(kind="deal").external_id, {"Stage": "Inbox"})
        settle(sales)
        assert owners() == {"deal": chan.pk}
        parted(sales, done)
        assert owners() == {"deal": other.pk}

    def test_what_was_each_ones_before_is_not_touched(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one), begun(sales, second, kind="case"), begun(sales, second, kind="order")
        before, reads = owners(), sales.far.reads
        parted(sales, joined(sales, chan, other))
        assert (owners(), Order.objects.get().contact, sales.far.reads) == (before, other, reads)
        assert not SyncConflict.objects.exists()

    def test_both_sides_are_in_step_afterwards(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second)
        done = joined(sales, chan, other)
        begun(sales, second, kind="case"), begun(sales, second, kind="order")
        parted(sales, done)
        later(minutes=10)
        runs = [verification.verify(sales.crm, kind) for kind in ("deal", "case", "order")]
        assert [(run.checked, run.drifted) for run in runs if run is not None] == [(1, 0)] * 3

    def test_of_a_crm_that_names_the_person_in_a_field(self, sales: Shop, two: Any) -> None:
        FieldMapping.objects.create(connection=sales.crm, kind="deal", source="contact", target="Person", direction="in")
        (chan, _), (other, second) = two
        done = joined(sales, chan, other)
        sales.far.add(kind="deal", Title="曲奇", Stage="Inbox", Person=second)
        settle(sales)
        assert owners() == {"deal": chan.pk}
        parted(sales, done)
        assert owners() == {"deal": other.pk}
        later(minutes=10)
        run = verification.verify(sales.crm, "deal")
        assert run is not None and (run.checked, run.drifted) == (1, 0)

    def test_merged_again_nothing_is_asked_any_more_than_before(self, sales: Shop, two: Any) -> None:
        (chan, one), (other, second) = two
        begun(sales, one, second)
        parted(sales, joined(sales, chan, other))
        later(minutes=5)
        with clock.frozen(clock.now()):
            joined(sales, chan, other)
        assert (listed(), owners()) == ({}, {"deal": chan.pk})
