from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scrm.campaigns import segments
from scrm.campaigns.models import Segment
from scrm.commerce.models import Order
from scrm.contacts import conditions
from scrm.contacts.condition_faults import worded
from scrm.contacts.conditions import Facts
from scrm.contacts.models import Contact, Event
from scrm.core import clock
from scrm.tags.models import Tag, TagAssignment
from tests.tags.customers import NOON, conversation, writes

TAGS = ("price", "vip")


def leaf(term: str, op: str, value: Any, **options: Any) -> dict[str, Any]:
    return {"term": term, "op": op, "value": value, **options}


LEAVES = st.one_of(
    st.builds(leaf, st.just("tag"), st.sampled_from(["is", "is_not"]), st.sampled_from(TAGS)),
    st.builds(leaf, st.sampled_from(["order.exists", "order.under_way"]), st.just("is"), st.booleans()),
    st.builds(leaf, st.just("contact.country"), st.sampled_from(["is", "is_not"]), st.sampled_from(["HK", "JP", ""])),
    st.builds(
        leaf,
        st.just("contact.language"),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(["ja", "en", "zh-Hant"]), min_size=1, max_size=2),
    ),
    st.builds(
        leaf,
        st.just("event.count"),
        st.sampled_from(["==", "!=", ">=", "<=", ">", "<"]),
        st.sampled_from([-1, 0, 1, 2, 2.5, 3]),
        kind=st.sampled_from(["message.received", "tag.added"]),
        within_hours=st.sampled_from([24, 168]),
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda child: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(child, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(child, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, child),
    ),
    max_leaves=6,
)


@pytest.fixture
def people(db: None) -> list[Contact]:
    """Four people who differ in everything that the terms ask for, and an order that belongs to nobody."""
    tags = [Tag.objects.create(slug=slug, name=slug) for slug in TAGS]
    found = [
        conversation(place, language=language).identity.contact
        for place, language in (("hk", "zh-Hant"), ("jp", "ja"), ("sg", "en"), ("tw", ""))
    ]
    for number, contact in enumerate(found):
        for hours in range(number):
            Event.objects.create(contact=contact, kind="message.received", occurred_at=NOON - timedelta(hours=20 * hours))
    TagAssignment.objects.create(contact=found[0], tag=tags[0], assigned_at=NOON)
    TagAssignment.objects.create(contact=found[1], tag=tags[1], assigned_at=NOON)
    TagAssignment.objects.create(contact=found[1], tag=tags[0], assigned_at=NOON, removed_at=NOON)
    for number, (owner, status) in enumerate([(found[0], "shipped"), (found[2], "delivered"), (None, "paid")]):
        Order.objects.create(number=f"HK-{number}", contact=owner, status=status, currency="HKD", total=100, placed_at=NOON)
    return found


class TwoInterpreters:
    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(tree=TREES)
    def test_agree_on_everybody(self, people: list[Contact], tree: dict[str, Any]) -> None:
        assert conditions.check(tree) == []
        chosen = set(Contact.objects.filter(conditions.to_q(tree, NOON)).values_list("pk", flat=True))
        facts = [Facts(contact, NOON) for contact in people]
        conditions.load([tree], facts)
        assert {fact.contact.pk for fact in facts if conditions.evaluate(tree, fact).truth} == chosen

    def test_the_empty_condition_is_everybody(self, people: list[Contact]) -> None:
        assert Contact.objects.filter(conditions.to_q({}, NOON)).count() == 4
        assert conditions.evaluate({}, Facts(people[0], NOON)).truth is True


class Evaluate:
    def test_shows_every_leaf_also_those_that_did_not_decide(self, people: list[Contact]) -> None:
        tree = {"any": [leaf("tag", "is", "price"), leaf("event.count", ">=", 3, kind="message.received", within_hours=168)]}
        explained = conditions.evaluate(tree, Facts(people[0], NOON))
        assert explained.truth is True
        assert [(part.term, part.actual, part.truth) for part in explained.leaves] == [("tag", ["price"], True), ("event.count", 0, False)]
        assert explained.leaves[1].wanted == {"value": 3, "kind": "message.received", "within_hours": 168}

    def test_loads_a_batch_with_one_query_a_term(self, people: list[Contact]) -> None:
        tree = {"all": [leaf("tag", "is", "price"), leaf("order.exists", "is", True), leaf("order.under_way", "is", True)]}
        facts = [Facts(contact, NOON) for contact in people]
        with CaptureQueriesContext(database) as queries:
            conditions.load([tree], facts)
            truths = [conditions.evaluate(tree, fact).truth for fact in facts]
        assert truths == [True, False, False, False]
        assert len(queries) == 3

    def test_reads_the_message_and_its_conversation(self, people: list[Contact]) -> None:
        talk = conversation("tw")
        talk.automation_paused_until = NOON + timedelta(hours=1)
        message = writes(talk, "请问有没有优惠券")
        facts = Facts(talk.identity.contact, NOON, talk, message)
        assert conditions.evaluate(leaf("message.text", "contains", "優惠券"), facts).leaves[0].actual == "优惠券"
        assert conditions.evaluate(leaf("message.text", "contains_not", "coupon"), facts).truth is True
        assert conditions.evaluate(leaf("message.kind", "in", ["text", "image"]), facts).truth is True
        assert conditions.evaluate(leaf("conversation.automation_paused", "is", True), facts).truth is True


WRONG: list[tuple[Any, str]] = [
    ({"term": "weather", "op": "is", "value": "rain"}, "There is no term 'weather'"),
    ({"term": ["tag"], "op": "is", "value": "x"}, "There is no term"),
    ({"term": "tag", "op": ">=", "value": "price"}, "the operator '>=' is not one of is, is_not"),
    ({"term": "tag", "op": "is", "value": 3}, "the value must be a word"),
    ({"term": "tag", "op": "is", "value": ""}, "must not be empty"),
    ({"term": "contact.country", "op": "in", "value": "HK"}, "a list of words"),
    ({"term": "contact.priority", "op": "is", "value": "urgent"}, "'urgent' is not one of low, normal, high"),
    ({"term": "order.exists", "op": "is", "value": "yes"}, "true or false"),
    ({"term": "event.count", "op": ">=", "value": True, "kind": "message.received", "within_hours": 24}, "must be a number"),
    ({"term": "event.count", "op": ">=", "value": 3, "within_hours": 24}, "kind must be given"),
    ({"term": "event.count", "op": ">=", "value": 3, "kind": "tag.added", "within_hours": 0}, "a number above 0"),
    ({"term": "tag", "op": "is", "value": "price", "weight": 2}, "there is no setting 'weight'"),
    ({"all": []}, "at least one"),
    ({"some": []}, 'Expected one of "all"'),
    ({"all": [{}]}, "Expected one of"),
    ({"all": ["tag"]}, "written in braces"),
    (["tag"], "written in braces"),
    ({"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}}}, "nested more than 8 deep"),
    ({"all": [{"term": "tag", "op": "is", "value": "price"}] * 61}, "more than 60"),
]


class Check:
    @pytest.mark.parametrize(("tree", "words"), WRONG)
    def test_says_in_words_what_is_wrong(self, tree: Any, words: str) -> None:
        assert [error for error in conditions.check(tree) if words in error]

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_is_said_in_the_readers_language(self, language: str) -> None:
        for tree, _words in WRONG:
            faults = conditions.check(tree)
            with translation.override(language):
                told = worded(faults)
            assert worded(faults) == faults and len(told) == len(faults)
            for one, english in zip(told, faults, strict=True):
                assert one != english and "%(" not in one and all(str(value) in one for value in english.values.values())

    def test_finds_nothing_wrong_with_the_empty_condition(self) -> None:
        assert conditions.check({}) == []

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda part: (
                st.lists(part, max_size=3)
                | st.dictionaries(st.sampled_from(["all", "any", "not", "term", "op", "value", "kind"]), part, max_size=4)
            ),
            max_leaves=8,
        )
    )
    def test_answers_whatever_it_is_given(self, tree: Any) -> None:
        assert isinstance(conditions.check(tree), list)


class Segments:
    def test_count_current_people(self, people: list[Contact]) -> None:
        segment = Segment(name="Hong Kong", conditions=leaf("contact.country", "in", ["HK", "JP"]))
        assert segments.size(segment) == 2
        Contact.objects.filter(pk=people[1].pk).update(merged_into=people[0])
        assert list(segments.members(segment)) == [people[0]]

    def test_look_at_the_present_moment(self, people: list[Contact]) -> None:
        segment = Segment(name="Busy", conditions=leaf("event.count", ">=", 1, kind="message.received", within_hours=1))
        with clock.frozen(NOON):
            assert segments.size(segment) == 3
            clock.advance(timedelta(hours=2))
            assert segments.size(segment) == 0

    def test_refuse_what_only_one_message_has(self, people: list[Contact]) -> None:
        with pytest.raises(segments.BrokenSegment, match=r"message\.text is known for one message only"):
            segments.size(Segment(name="Words", conditions=leaf("message.text", "contains", "price")))

    def test_refuse_broken_conditions_in_words(self, people: list[Contact]) -> None:
        with pytest.raises(segments.BrokenSegment, match="There is no term"):
            segments.members(Segment(name="Broken", conditions=leaf("weather", "is", "rain")))
