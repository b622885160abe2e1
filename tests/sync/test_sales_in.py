"""What people do with deals and cases in the CRM is seen here: the stage, the sum, who it is for, and that it was closed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contracts import Person
from scrm.commerce.services import upsert_order
from scrm.console.inbox.profile import profile_of
from scrm.contacts.merging import merge
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import verification
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, SaleState, SyncConflict, SyncPlan
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_goods_in import mapped
from tests.sync.test_pull import linked, settle

DEAL = (
    ("name", "Title", "out", None),
    ("stage", "Stage", "both", {"new": "Inbox", "won": "Won!", "lost": "Lost!"}),
    ("amount", "Sum", "both", None),
    ("closed_at", "Closed", "in", None),
    ("contact", "Person", "in", None),
)
CASE = (("name", "Subject", "both", None), ("stage", "State", "in", None), ("contact", "Person", "in", None))


@pytest.fixture
def sales(shop: Shop) -> Shop:
    mapped(shop, "deal", DEAL)
    mapped(shop, "case", CASE)
    shop.crm.settings = {"deal_stage_won": "won", "deal_stage_lost": "lost"}
    shop.crm.save()
    shop.far.stamps = True
    return shop


def asked(shop: Shop, kind: str) -> tuple[Conversation, str]:
    """A conversation that stands in the CRM as a deal or a case, and the record's id there."""
    chan, _ = linked(shop)
    talk = shop.conversation(chan)
    want(shop.crm, kind, f"conversation:{talk.pk}")
    settle(shop)
    return talk, ExternalRecord.objects.get(kind=kind).external_id


class TestOurs:
    def test_the_stage_and_the_sum_that_a_seller_enters_are_seen(self, sales: Shop) -> None:
        talk, record = asked(sales, "deal")
        sales.far.put(record, {"Stage": "Inbox", "Sum": "1200"})
        settle(sales)
        state = SaleState.objects.get()
        assert (state.key, state.stage, state.amount) == (f"conversation:{talk.pk}", "new", Decimal("1200.00"))
        assert state.contact == talk.identity.contact
        sales.far.put(record, {"Stage": "Won!", "Closed": "2026-11-23T02:00:00Z"})
        settle(sales)
        told = Event.objects.get(kind="deal.changed")
        assert (told.data["stage_before"], told.data["stage"], told.cause) == ("new", "won", "crm:crm")
        assert len([write for write in sales.far.writes() if write.kind == "deal"]) == 1

    def test_both_of_one_conversation_are_kept_apart(self, sales: Shop) -> None:
        talk, deal = asked(sales, "deal")
        want(sales.crm, "case", f"conversation:{talk.pk}")
        settle(sales)
        case = ExternalRecord.objects.get(kind="case").external_id
        sales.far.put(deal, {"Stage": "Inbox"})
        sales.far.put(case, {"State": "Escalated"})
        settle(sales)
        assert dict(SaleState.objects.values_list("kind", "stage")) == {"deal": "new", "case": "Escalated"}

    def test_a_stage_without_counterpart_is_listed(self, sales: Shop) -> None:
        _, record = asked(sales, "deal")
        sales.far.put(record, {"Stage": "Limbo", "Sum": "5"})
        settle(sales)
        assert (SaleState.objects.get().stage, SyncConflict.objects.get().field) == ("", "stage")

    def test_an_order_that_is_lost_there_is_not_won_again_by_us(self, sales: Shop) -> None:
        chan, _ = linked(sales)
        order = upsert_order("HK-7", contact=chan, status="paid", currency="HKD", total=Decimal(256), placed_at=clock.now()).order
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        record = ExternalRecord.objects.get(kind="deal").external_id
        assert sales.far.fields[record]["Stage"] == "Won!"
        sales.far.put(record, {"Stage": "Lost!"})
        settle(sales)
        want(sales.crm, "deal", f"order:{order.pk}")
        settle(sales)
        assert (SaleState.objects.get().stage, sales.far.fields[record]["Stage"]) == ("lost", "Lost!")

    def test_later_rounds_and_repeats_change_nothing(self, sales: Shop) -> None:
        _, record = asked(sales, "case")
        sales.far.put(record, {"State": "Escalated"})
        for _ in range(4):
            settle(sales)
            sales.far.put(record, {"Colour": "red"})
        assert not Event.objects.filter(kind="case.changed").exists()
        assert len([write for write in sales.far.writes() if write.kind == "case"]) == 1


class TestCompared:
    """The daily sample: what only the CRM says of a case is in step while it is what was seen."""

    def compared(self, sales: Shop) -> tuple[int, int, list[str]]:
        later(minutes=10)
        run = verification.verify(sales.crm, "case")
        assert run is not None
        return run.checked, run.agreed, [each["field"] for row in run.records.all() for each in row.differences]

    def test_a_stage_that_was_seen_is_in_step(self, sales: Shop) -> None:
        _, record = asked(sales, "case")
        sales.far.put(record, {"State": "Escalated"})
        settle(sales)
        assert self.compared(sales) == (1, 1, [])

    def test_one_that_changed_without_a_word_is_drift(self, sales: Shop) -> None:
        _, record = asked(sales, "case")
        sales.far.put(record, {"State": "Escalated"})
        settle(sales)
        sales.far.fields[record]["State"] = "Solved"
        assert self.compared(sales) == (1, 0, ["State"])


class TestLongTexts:
    def test_a_stage_as_long_as_the_vendors_have_them_is_kept_whole(self, sales: Shop) -> None:
        FieldMapping.objects.filter(kind="deal", source="stage").update(transform="", options={})
        _, record = asked(sales, "deal")
        sales.far.put(record, {"Stage": "段" * 255})
        settle(sales)
        assert (SaleState.objects.get().stage, SyncConflict.objects.count()) == ("段" * 255, 0)

    def test_what_is_longer_is_shown_cut_and_noted_with_the_whole(self, sales: Shop) -> None:
        _, record = asked(sales, "case")
        sales.far.put(record, {"State": "段" * 300})
        settle(sales)
        assert SaleState.objects.get().stage == "段" * 254 + "…"
        note = SyncConflict.objects.get()
        assert (note.field, note.reason, note.state, note.theirs) == ("stage", "cut", "settled", "段" * 300)
        assert "300 characters" in note.words
        for _ in range(2):
            sales.far.put(record, {"Colour": "red"})
            settle(sales)
        assert SyncConflict.objects.count() == 1

    def test_the_name_of_one_begun_there_ends_visibly(self, sales: Shop) -> None:
        _, person = linked(sales)
        sales.far.add(kind="deal", Title="曲" * 600, Stage="Inbox", Person=person)
        settle(sales)
        assert SaleState.objects.get().name == "曲" * 499 + "…"


class TestBegunThere:
    @pytest.mark.parametrize("key", ["conversation:99999999999999999999", "order:9999999999999999999", "crm:1", "case:", "x" * 300])
    def test_a_key_that_somebody_typed_over_there_stops_nobody(self, key: str, sales: Shop) -> None:
        _, person = linked(sales)
        sales.far.add(kind="deal", Title="Typed", Stage="Inbox", Person=person, scrm_id=key)
        sales.far.add(kind="deal", Title="Other", Stage="Inbox", Person=person)
        settle(sales)
        assert SaleState.objects.count() == 2

    def test_a_case_of_somebody_we_know_is_shown_beside_the_chat(self, sales: Shop) -> None:
        chan, person = linked(sales)
        sales.far.add(kind="case", Subject="壞咗一隻杯", State="New", Person=person)
        settle(sales)
        state = SaleState.objects.get()
        assert (state.name, state.stage, state.contact) == ("壞咗一隻杯", "New", chan)
        assert Event.objects.get(kind="case.changed").contact == chan
        boss = User.objects.create_superuser("boss", password="x")
        shown = profile_of(sales.conversation(chan), boss).sales
        assert [(row.state.name, row.state.stage, row.removed) for row in shown] == [("壞咗一隻杯", "New", False)]

    def test_it_is_never_written_and_goes_with_its_record(self, sales: Shop) -> None:
        _, person = linked(sales)
        record = sales.far.add(kind="case", Subject="杯", State="New", Person=person)
        settle(sales)
        sales.far.put(record, {"State": "Closed"})
        settle(sales)
        assert SaleState.objects.get().stage == "Closed"
        assert [write for write in sales.far.writes() if write.kind == "case"] == []
        sales.far.remove(record)
        later(minutes=11)
        settle(sales)
        assert ExternalRecord.objects.get(kind="case").removed_at is not None

    def test_nobody_hears_of_one_about_nobody_here(self, sales: Shop) -> None:
        sales.far.add(kind="case", Subject="杯", State="New")
        sales.far.add(kind="deal", Title="A firm", Stage="Inbox")
        settle(sales)
        assert not SaleState.objects.exists()
        assert sorted(Pull.objects.values_list("kind", "state")) == [("case", "left"), ("deal", "left")]

    def test_the_setting_can_leave_them_out(self, sales: Shop) -> None:
        SyncPlan.objects.create(connection=sales.crm, kind="case", makes_new=False)
        _, person = linked(sales)
        sales.far.add(kind="case", Subject="杯", State="New", Person=person)
        settle(sales)
        assert not SaleState.objects.exists()


class TestPeopleApart:
    """Of CRMs that keep whom a deal belongs to apart from it."""

    @pytest.fixture
    def sales(self, sales: Shop) -> Shop:
        FieldMapping.objects.filter(source="contact").delete()
        return sales

    def begun(self, shop: Shop, *people: Person, kind: str = "deal") -> str:
        fields = {"Title": "曲奇", "Stage": "Inbox", "Sum": "900"} if kind == "deal" else {"Subject": "杯", "State": "New"}
        record = shop.far.add(kind=kind, **fields)
        shop.far.people[record] = people
        return record

    @pytest.mark.parametrize("kind", ["deal", "case"])
    def test_one_for_a_person_we_know_is_theirs(self, sales: Shop, kind: str) -> None:
        chan, person = linked(sales)
        record = self.begun(sales, Person(person), kind=kind)
        settle(sales)
        state = SaleState.objects.get()
        assert (state.key, state.contact, state.name) == (f"crm:{record}", chan, "曲奇" if kind == "deal" else "杯")
        assert ExternalRecord.objects.get(kind=kind).links == [["contact", person]]

    def test_a_person_who_is_not_known_yet_is_read_first(self, sales: Shop) -> None:
        FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
        settle(sales)
        person = sales.far.add(firstname="花子", lastname="佐藤", phone="+819012345678", at=clock.now() - timedelta(days=1))
        self.begun(sales, Person(person))
        settle(sales)
        assert SaleState.objects.get().contact == Contact.objects.get(name__contains="佐藤")

    def test_of_several_the_primary_one_has_it(self, sales: Shop) -> None:
        (_, one), (wong, two) = linked(sales), linked(sales, "黃美玲")
        self.begun(sales, Person(one), Person(two, primary=True))
        settle(sales)
        assert SaleState.objects.get().contact == wong

    def test_of_several_without_a_primary_one_the_only_one_we_know_has_it(self, sales: Shop) -> None:
        chan, one = linked(sales)
        self.begun(sales, Person(one), Person("777"), Person("778"))
        settle(sales)
        assert SaleState.objects.get().contact == chan

    def test_two_records_of_one_person_are_one_person(self, sales: Shop) -> None:
        (chan, one), (other, two) = linked(sales), linked(sales, "陳先生")
        merge(chan, other, by=None)
        self.begun(sales, Person(one), Person(two))
        settle(sales)
        assert SaleState.objects.get().contact == chan

    @pytest.mark.parametrize("primary", [0, 2])
    def test_several_whom_we_know_are_nobodys(self, sales: Shop, primary: int) -> None:
        ids = [linked(sales)[1], linked(sales, "黃美玲")[1]]
        self.begun(sales, *(Person(each, primary=number < primary) for number, each in enumerate(ids)))
        settle(sales)
        assert not SaleState.objects.exists()
        assert set(Pull.objects.values_list("kind", "state")) == {("deal", "left")}

    def test_nobody_we_know_leaves_it_alone_after_one_look_at_each(self, sales: Shop) -> None:
        self.begun(sales, *(Person(str(number)) for number in range(700, 730)))
        settle(sales)
        assert not SaleState.objects.exists()
        assert Pull.objects.filter(kind="contact").count() == 10
        assert set(Pull.objects.values_list("kind", "state")) == {("contact", "done"), ("deal", "left")}


def test_an_erased_person_leaves_none_behind(sales: Shop) -> None:
    from scrm.contacts.privacy.erasure import begin, carry_out

    chan, person = linked(sales)
    record = sales.far.add(kind="case", Subject="陳大文 的杯", State="New", Person=person)
    settle(sales)
    later(hours=1)
    carry_out(begin(chan.pk, by="boss", reason="asked"))
    sales.far.put(record, {"State": "Closed"})
    settle(sales)
    assert not SaleState.objects.exists()
    assert not ExternalRecord.objects.exists()


def test_many_cost_few_queries(sales: Shop, django_assert_max_num_queries: Any) -> None:
    from scrm.sync import feeds

    _, person = linked(sales)
    for number in range(50):
        sales.far.add(kind="case", Subject=f"Case {number}", State="New", Person=person)
    later(seconds=61)
    with django_assert_max_num_queries(400):
        feeds.pull_due()
    assert SaleState.objects.count() == 50
