"""Two contacts become one person and two again, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contracts import Address
from scrm.commerce.services import upsert_order
from scrm.contacts import effects, merging
from scrm.contacts.family import family_ids, root_of
from scrm.contacts.fields import Offer, offer
from scrm.contacts.locking import lock_owners, lock_person
from scrm.contacts.merging import CannotMerge, CannotUndo, merge, merge_many, undo
from scrm.contacts.models import Contact, Event, Identity, Merge
from scrm.contacts.services import Sender, record_consent, resolve_identity
from scrm.conversations.services import start_conversation
from scrm.core import clock
from scrm.tags.models import Tag, TagAssignment
from scrm.tags.services import add_tag, remove_tag
from tests.people import agent, hong_kong

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _morning():
    with clock.frozen(MORNING):
        yield


def person(name: str, phone: str) -> Contact:
    clock.advance(timedelta(minutes=1))
    sender = Sender((Address("whatsapp", phone),), name=name, at=clock.now().replace(microsecond=0), source="channel:hk")
    return resolve_identity(sender).contact


def three() -> tuple[Contact, Contact, Contact]:
    return person("陳大文", "85291234567"), person("Chan Tai Man", "85261112222"), person("大文", "85293334444")


def now(contact: Contact) -> Contact:
    return Contact.objects.get(pk=contact.pk)


def owners() -> dict[str, tuple[int, int | None]]:
    return {row.value: (row.contact_id, row.home_id) for row in Identity.objects.all()}


class MergeTests:
    def test_brings_the_addresses_to_the_survivor_and_leaves_the_duplicate_as_it_is(self):
        one, two, _ = three()
        row = merge(one, two, by=agent(), reason="same person")
        assert owners()["85261112222"] == (one.pk, two.pk) and owners()["85291234567"] == (one.pk, None)
        assert (now(two).merged_into_id, now(two).name) == (one.pk, "Chan Tai Man")
        assert family_ids(two.pk) == [one.pk, two.pk] and root_of(two.pk) == one.pk
        assert row.journal["before"][str(two.pk)]["name"] == "Chan Tai Man"
        assert Event.objects.get(kind="contact.merged").contact_id == one.pk

    def test_shows_the_later_value_of_each_field_and_fills_what_is_blank(self):
        one, two, _ = three()
        offer([Offer(one, {"company": "海港"}, "person", clock.now())])
        offer([Offer(two, {"city": "香港", "custom.shade": "N21"}, "import:1", clock.now())])
        merge(one, two, by=agent())
        shown = now(one)
        assert (shown.name, shown.company, shown.city, shown.custom) == ("Chan Tai Man", "海港", "香港", {"shade": "N21"})
        assert shown.provenance["city"]["source"] == "import:1"
        for name in ("陳大文", "Chan Tai Man"):
            assert [row.pk for row in Contact.objects.search(name)] == [one.pk]  # type: ignore[attr-defined]

    def test_obeys_what_was_chosen(self):
        one, two, _ = three()
        offer([Offer(two, {"company": "ACME", "city": "九龍"}, "import:1", clock.now())])
        choices = {"name": {"from": "typed", "value": "陳大文 Tai Man"}, "company": {"from": "survivor"}, "city": {"from": "duplicate"}}
        merge(one, two, by=agent(), choices=choices)
        assert (now(one).name, now(one).company, now(one).city) == ("陳大文 Tai Man", "", "九龍")
        assert (now(two).name, now(two).company) == ("Chan Tai Man", "ACME")

    def test_goes_on_hearing_what_is_said_of_either(self):
        one, two, _ = three()
        merge(one, two, by=agent())
        clock.advance(timedelta(hours=1))
        person("大文 🌸", "85261112222")
        assert now(one).name == "大文 🌸" and now(two).name == "大文 🌸"
        clock.advance(timedelta(hours=1))
        offer([Offer(one, {"name": "陳生"}, "person", clock.now(), "mei")])
        assert (now(one).name, now(two).name) == ("陳生", "大文 🌸")

    @pytest.mark.parametrize(
        "choices", [{"shoe": {"from": "typed"}}, {"name": {"from": "nobody"}}, {"birthday": {"from": "typed", "value": "x"}}]
    )
    def test_refuses_choices_that_mean_nothing(self, choices):
        one, two, _ = three()
        with pytest.raises(CannotMerge):
            merge(one, two, by=agent(), choices=choices)
        assert not Merge.objects.exists()

    def test_refuses_somebody_with_themselves_twice_and_who_is_gone(self):
        one, two, _ = three()
        with pytest.raises(CannotMerge):
            merge(one, one, by=agent())
        merge(one, two, by=agent())
        for pair in ((one, two), (two, one)):
            with pytest.raises(CannotMerge):
                merge(*pair, by=agent())
        with pytest.raises(CannotMerge):
            merge(one, 424242, by=agent())
        assert Merge.objects.count() == 1

    def test_takes_a_cluster_at_once_or_not_at_all(self):
        one, two, three_ = three()
        with pytest.raises(CannotMerge):
            merge_many(one, [two, two], by=agent())
        assert not Merge.objects.exists() and now(two).merged_into is None
        assert len(merge_many(one, [two, three_], by=agent())) == 2
        assert family_ids(three_.pk) == [one.pk, two.pk, three_.pk]


class Consent:
    def test_of_a_merged_person_is_the_strictest_and_comes_back(self):
        one, two, _ = three()
        stopped = two.identities.get()
        record_consent(stopped, purpose="all", allowed=False, source="message")
        assert "85261112222" in effects.preview(one.pk, [two.pk]).consent
        row = merge(one, two, by=agent())
        assert effects.consent_of([one.pk]).startswith("No messages at all")
        undo(row, by=agent())
        assert not effects.consent_of([one.pk]).startswith("No messages") and effects.consent_of([two.pk]).startswith("No messages")


class Chains:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_are_taken_apart_in_any_order(self, order):
        one, two, last = three()
        before = {row.pk: (row.name, row.merged_into_id, row.own, row.provenance) for row in Contact.objects.all()}
        steps = [merge(two, last, by=agent()), merge(one, two, by=agent())]
        assert {now(two).merged_into_id, now(last).merged_into_id} == {one.pk}
        assert owners()["85293334444"] == (one.pk, last.pk)
        undo(steps[order[0]], by=agent())
        if order[0] == 0:
            assert now(last).merged_into_id is None and owners()["85293334444"] == (last.pk, None)
            assert now(two).merged_into_id == one.pk
        else:
            assert now(two).merged_into_id is None and now(last).merged_into_id == two.pk
            assert owners()["85293334444"] == (two.pk, last.pk)
        undo(steps[order[1]], by=agent())
        assert {row.pk: (row.name, row.merged_into_id, row.own, row.provenance) for row in Contact.objects.all()} == before
        assert all(home is None for _, home in owners().values())

    def test_are_not_undone_twice(self):
        one, two, _ = three()
        row = merge(one, two, by=agent())
        undo(row, by=agent())
        with pytest.raises(CannotUndo):
            undo(row, by=agent())
        merge(two, one, by=agent())
        assert now(one).merged_into_id == two.pk


class Undo:
    def test_sends_home_what_came_since_by_their_address(self):
        one, two, _ = three()
        row = merge(one, two, by=agent())
        theirs, ours = Identity.objects.get(value="85261112222"), Identity.objects.get(value="85291234567")
        clock.advance(timedelta(hours=1))
        start_conversation(theirs, hong_kong())
        start_conversation(ours, hong_kong())
        assert Event.objects.filter(kind="conversation.opened", contact=one).count() == 2
        undo(row, by=agent())
        assert Event.objects.get(kind="conversation.opened", contact=two).identity == theirs
        assert Event.objects.get(kind="conversation.opened", contact=one).identity == ours

    def test_leaves_later_edits_with_the_record_they_were_made_on(self):
        one, two, _ = three()
        row = merge(one, two, by=agent())
        offer([Offer(one, {"company": "海港"}, "person", clock.now()), Offer(two, {"city": "九龍"}, "crm:hubspot", clock.now())])
        assert (now(one).company, now(one).city) == ("海港", "九龍")
        undo(row, by=agent())
        assert (now(one).company, now(one).city) == ("海港", "")
        assert (now(two).company, now(two).city) == ("", "九龍")


class TagsAndOrders:
    def test_are_those_of_the_whole_person_and_stay_with_their_record(self):
        one, two, _ = three()
        vip = Tag.objects.create(slug="vip", name="VIP")
        chat = start_conversation(two.identities.get(), hong_kong())
        add_tag(one, vip)
        row = merge(one, two, by=agent())
        chat.refresh_from_db()
        add_tag(now(one), vip, conversation=type(chat).objects.get(pk=chat.pk))
        assert set(TagAssignment.objects.values_list("contact", flat=True)) == {one.pk, two.pk}
        upsert_order("A1", contact=two, status="paid", currency="HKD", total="10", placed_at=clock.now())
        effect = {count.name: count.total for count in effects.preview(one.pk, []).counts}
        assert (effect["tags"], effect["orders"]) == (2, 1)
        undo(row, by=agent())
        assert TagAssignment.objects.filter(contact=two, removed_at=None).count() == 1

    def test_a_tag_taken_off_is_off_the_whole_person(self):
        one, two, _ = three()
        vip = Tag.objects.create(slug="vip", name="VIP")
        add_tag(two, vip)
        mine = add_tag(one, vip)
        merge(one, two, by=agent())
        assert remove_tag(mine, by=None)
        assert not TagAssignment.objects.filter(removed_at=None).exists()


class Locks:
    def test_of_somebody_who_was_merged_are_the_survivors(self):
        one, two, _ = three()
        held = Identity.objects.select_related("contact", "home").get(value="85261112222")
        row = merge(one, two, by=agent())
        assert lock_person(two.pk).pk == one.pk
        lock_owners([held])
        assert (held.contact_id, held.home_id) == (one.pk, two.pk)
        undo(row, by=agent())
        lock_owners([held])
        assert (held.contact_id, held.home_id) == (two.pk, None)

    def test_cost_one_query_while_nobody_is_merged(self, django_assert_num_queries):
        three()
        held = list(Identity.objects.select_related("contact", "home"))
        with django_assert_num_queries(1):
            lock_owners(held)


class Preview:
    def test_counts_what_comes_together_and_shows_each_value_with_its_source(self):
        one, two, _ = three()
        start_conversation(two.identities.get(), hong_kong())
        effect = effects.preview(one.pk, [two.pk], {two.pk: {"name": {"from": "survivor"}}})
        counts = {count.name: count.total for count in effect.counts}
        assert counts["conversations"] == 1 and counts["addresses"] == 2
        name = next(field for field in effect.fields if field.name == "name")
        assert name.result == "陳大文" and [cell.shown for cell in name.cells] == [True, False]
        assert {cell.source for cell in name.cells} == {"channel:hk"}
        assert not Merge.objects.exists()


def test_the_surface_is_what_others_build_on():
    assert {"merge", "merge_many", "undo", "family_ids", "root_of"} <= set(dir(merging))
