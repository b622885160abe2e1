"""Merges and undoings that are made outside a case: cases know of them, what was kept apart follows the person, and undo puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from scrm.commerce.services import LineInput, upsert_order, upsert_product
from scrm.contacts import claims, events, merging
from scrm.contacts.matching import cases, learning
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Identity, MatchKey
from scrm.core import clock
from tests import people
from tests.contacts.matching.test_cases import contact, match, pair, triple

pytestmark = pytest.mark.django_db
Pair, Case = DuplicateCandidate, DuplicateCase


@pytest.fixture(autouse=True)
def _running_clock() -> Iterator[None]:
    with clock.frozen(datetime(2026, 11, 18, 1, 0, tzinfo=UTC)):
        yield


def asked() -> set[tuple[int, int]]:
    return set(Pair.objects.asked().values_list("first", "second"))


def waiting() -> list[int]:
    return sorted(Case.objects.filter(state="open").values_list("size", flat=True))


def deliver() -> None:
    """What the background does a few seconds later."""
    clock.advance(timedelta(seconds=5))
    events.deliver("matching")


class MergedElsewhere:
    def test_settles_the_pair_and_leaves_no_case(self) -> None:
        one, other = pair()
        match(one, other)
        merging.merge(one, other, by=people.agent("mei"))
        row = Pair.objects.get()
        assert (row.state, row.decided_by) == ("merged", "mei")
        assert not waiting() and cases.next_case(people.agent("ken")) is None

    def test_leaves_the_rest_of_a_cluster_to_be_decided(self) -> None:
        rows = triple()
        match(*rows)
        merging.merge(rows[0], rows[1], by=people.agent())
        assert waiting() == [2] and asked() == {(rows[0].pk, rows[2].pk)}

    def test_record_that_became_part_of_another_is_compared_no_more(self) -> None:
        one, other = pair()
        match(one, other)
        merging.merge(one, other, by=None)
        assert not MatchKey.objects.filter(contact=other).exists()
        newcomer = contact("陈大文", phone="+85291234567")
        match(newcomer)
        assert asked() == {(one.pk, newcomer.pk)}

    def test_undone_stands_open_again(self) -> None:
        one, other = pair()
        match(one, other)
        row = merging.merge(one, other, by=None)
        merging.undo(row, by=None)
        found = Pair.objects.get()
        assert (found.state, found.decided_by, found.decided_at) == ("open", "", None)
        assert waiting() == [2]

    def test_undone_as_a_mistake_is_remembered(self) -> None:
        one, other = pair()
        match(one, other)
        row = merging.merge(one, other, by=None)
        merging.undo(row, by=people.agent("mei"), keep_apart=True, reason="father and son")
        match(one, other)
        found = Pair.objects.get()
        assert (found.state, found.reason, found.decided_by) == ("apart", "father and son", "mei")
        assert not waiting()

    def test_undone_as_a_mistake_is_remembered_of_those_never_compared(self) -> None:
        one, other = contact("林怡君"), contact("山田太郎")
        merging.undo(merging.merge(other, one, by=None), by=None, keep_apart=True)
        assert Pair.objects.get(first=one, second=other).state == "apart"

    def test_decision_in_a_case_is_not_taken_back_twice(self) -> None:
        rows = pair()
        match(*rows)
        mei = people.agent("mei")
        decision = cases.decide(Case.objects.get(), by=mei)
        merging.undo(decision.merges[0], by=mei)
        with pytest.raises(ValidationError, match="no case any more"):
            cases.reopen(decision.case, by=mei)
        assert waiting() == [2]

    def test_decision_in_a_case_taken_back_there_is_one_case_again(self) -> None:
        rows = triple()
        match(*rows)
        mei = people.agent("mei")
        case = cases.decide(Case.objects.get(), by=mei).case
        assert not waiting() and Contact.objects.filter(merged_into=None).count() == 1
        cases.reopen(case, by=mei)
        assert waiting() == [3] and Case.objects.get(state="open").pk == case.pk


class KeptApart:
    def apart(self) -> list[Contact]:
        """The first two of three alike are kept apart."""
        rows = triple()
        match(*rows)
        cases.decide(Case.objects.get(), by=people.agent("mei"), verdict="apart", members=[rows[0].pk, rows[1].pk])
        return rows

    def test_holds_for_whom_one_of_them_was_merged_into(self) -> None:
        one, other, third = self.apart()
        merging.merge(third, one, by=None)
        assert asked() == set() and not waiting()
        match(third, other)
        assert asked() == set() and not waiting()

    def test_holds_for_what_is_merged_into_one_of_them(self) -> None:
        one, other, third = self.apart()
        merging.merge(one, third, by=None)
        match(one, other)
        assert asked() == set() and not waiting()

    def test_is_open_again_for_the_third_when_the_merge_is_undone(self) -> None:
        one, other, third = self.apart()
        row = merging.merge(third, one, by=None)
        deliver()
        merging.undo(row, by=None)
        deliver()
        assert (one.pk, other.pk) not in asked()
        assert {(one.pk, third.pk), (other.pk, third.pk)} <= asked()

    def test_holds_through_a_chain_and_newcomers(self) -> None:
        one, other, third = self.apart()
        merging.merge(third, one, by=None)
        top = contact("陳大文", email="taiman.chan@gmail.com")
        match(top)
        merging.merge(top, third, by=None)
        match(top, other)
        assert asked() == set() and not waiting()

    def test_and_merged_all_the_same_is_no_label_and_apart_again_after_undo(self) -> None:
        one, other, _ = self.apart()
        row = merging.merge(one, other, by=None)
        assert not learning.labels()
        merging.undo(row, by=None)
        assert Pair.objects.get(first=one, second=other).state == "apart"
        assert learning.labels()


class NewEvidence:
    def namesakes(self) -> tuple[Contact, Contact]:
        for sku in ("APL-IP15PM", "SAM-S24"):
            upsert_product(sku, name=sku)
        rows = (contact("陳大文", city="香港"), contact("CHAN Tai Man", city="香港"))
        match(*rows)
        return rows

    def buy(self, number: str, who: Contact, sku: str) -> None:
        lines = [LineInput(sku, 1, "9988")]  # type: ignore[arg-type]
        upsert_order(number, contact=who, status="paid", currency="HKD", total="9988", placed_at=clock.now(), lines=lines)  # type: ignore[arg-type]

    def codes(self) -> set[str]:
        return {line["code"] for row in Pair.objects.filter(state="open") for line in row.evidence}

    def test_of_an_order_is_looked_at(self) -> None:
        one, other = self.namesakes()
        self.buy("HK-1", one, "APL-IP15PM")
        self.buy("HK-2", other, "APL-IP15PM")
        deliver()
        assert "same_sku" in self.codes()
        self.buy("HK-2", other, "SAM-S24")
        deliver()
        assert "same_sku" not in self.codes()

    def test_of_an_order_that_was_somebody_elses_is_withdrawn(self) -> None:
        one, other = self.namesakes()
        self.buy("HK-1", one, "APL-IP15PM")
        self.buy("HK-2", other, "APL-IP15PM")
        deliver()
        self.buy("HK-2", contact("山田太郎"), "APL-IP15PM")
        deliver()
        assert "same_sku" not in self.codes()

    def test_of_a_number_that_several_people_use_is_looked_at(self) -> None:
        one, other = pair()
        match(one, other)
        assert Case.objects.get().proposal == "merge"
        number = Identity.objects.get(contact=one, kind="phone")
        claims.mark_shared(number, "staff", other.pk, at=clock.now())
        deliver()
        assert "shared_phone" in self.codes()
        assert Case.objects.get().proposal == "review"

    def test_matching_again_without_news_changes_nothing(self) -> None:
        one, other, third = KeptApart().apart()
        merging.merge(third, one, by=None)
        match_contacts([third.pk, other.pk])
        before = list(Pair.objects.order_by("pk").values()), list(Case.objects.order_by("pk").values())
        match_contacts([third.pk, other.pk])
        assert (list(Pair.objects.order_by("pk").values()), list(Case.objects.order_by("pk").values())) == before
