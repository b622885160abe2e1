"""New and changed contacts are compared at once; what people decide is remembered, and nothing is merged by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from scrm.contacts.matching import cases, store
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Identity, MatchKey, MatchProfile, Merge
from scrm.core import clock
from tests import people

pytestmark = pytest.mark.django_db
Pair, Case = DuplicateCandidate, DuplicateCase


def contact(name: str, *, phone: str = "", email: str = "", shared: bool = False, **fields: object) -> Contact:
    now = clock.now()
    row = Contact.objects.create(name=name, last_activity_at=now, created_at=now, updated_at=now, **fields)
    if phone:
        kind, scope = ("phone", f"contact:{row.pk}")
        since = now if shared else None
        Identity.objects.create(
            contact=row, kind=kind, scope=scope, value=phone, e164=phone, verified="import", valid_from=now, shared_since=since
        )
    if email:
        Identity.objects.create(contact=row, kind="email", scope=f"contact:{row.pk}", value=email, verified="import", valid_from=now)
    return row


def pair() -> tuple[Contact, Contact]:
    one = contact("陳大文", phone="+85291234567", email="taiman.chan@gmail.com")
    other = contact("CHAN Tai Man", phone="+85291234567", email="tai.man.chan@gmail.com")
    return one, other


def triple() -> list[Contact]:
    return [*pair(), contact("陈大文", phone="+85291234567")]


def match(*contacts: Contact) -> None:
    match_contacts([row.pk for row in contacts])


class Finding:
    def test_same_person_in_two_scripts_is_proposed_with_evidence(self) -> None:
        one, other = pair()
        match(one, other)
        row = Pair.objects.get()
        assert (row.first, row.second, row.state) == (one, other, "open")
        assert row.score > 0.97
        codes = {line["code"]: line for line in row.evidence}
        assert codes["same_phone"]["for"] and codes["same_phone"]["with"] == {"value": "+85291234567"}
        assert "name_sound" in codes
        assert (row.case.size, row.case.proposal, row.case.state) == (2, "merge", "open")

    def test_nothing_is_merged_by_itself(self) -> None:
        match(*pair())
        assert not Merge.objects.exists()
        assert not Contact.objects.exclude(merged_into=None).exists()

    def test_different_names_on_one_number_are_never_proposed(self) -> None:
        home = [contact(name, phone="+85227001234") for name in ("陳大文", "陳美玲", "林怡君", "CHAN Tai Man")]
        match(*home)
        assert not Case.objects.filter(proposal="merge").exists()
        assert not Pair.objects.filter(first=home[0], second=home[1], state="open").exists()

    def test_number_known_to_be_shared_is_looked_at_at_most(self) -> None:
        match(contact("陳大文", phone="+85227001234", shared=True), contact("陳大文", phone="+85227001234", shared=True))
        assert not Case.objects.filter(proposal="merge").exists()

    def test_different_birthday_speaks_against(self) -> None:
        one = contact("陳大文", phone="+85291234567", birthday="1990-03-05")
        other = contact("陳大文", phone="+85291234567", birthday="1971-11-23")
        match(one, other)
        assert not Case.objects.filter(proposal="merge").exists()

    def test_change_withdraws_what_is_no_longer_alike(self) -> None:
        one, other = pair()
        match(one, other)
        Contact.objects.filter(pk=other.pk).update(name="林怡君")
        Identity.objects.filter(contact=other).delete()
        match(other)
        assert Pair.objects.get().state == "gone"
        assert Case.objects.get().state == "gone"

    def test_merged_contact_keeps_no_keys(self) -> None:
        one, other = pair()
        match(one, other)
        Contact.objects.filter(pk=other.pk).update(merged_into=one)
        match(other)
        assert not MatchKey.objects.filter(contact=other).exists()
        assert not MatchProfile.objects.filter(contact=other).exists()

    def test_same_again_changes_nothing(self) -> None:
        rows = triple()
        match(*rows)
        before = list(Pair.objects.order_by("pk").values()), list(Case.objects.order_by("pk").values())
        match(*rows)
        assert (list(Pair.objects.order_by("pk").values()), list(Case.objects.order_by("pk").values())) == before

    def test_one_by_one_finds_what_all_at_once_finds(self) -> None:
        rows = triple()
        for row in rows:
            match(row)
        found = set(Pair.objects.values_list("first", "second"))
        Case.objects.all().delete()
        Pair.objects.all().delete()
        match(*rows)
        assert set(Pair.objects.values_list("first", "second")) == found
        assert Case.objects.filter(state="open").get().size == 3

    def test_bulk_writers_store_the_same_as_the_consumer(self) -> None:
        rows = triple()
        store.store_keys(rows, list(Identity.objects.filter(contact__in=rows)), fresh=True)
        stored = set(MatchKey.objects.values_list("key", "contact_id"))
        assert stored
        store.refresh([row.pk for row in rows])
        assert set(MatchKey.objects.values_list("key", "contact_id")) == stored

    def test_statements_do_not_grow_with_contacts(self, django_assert_max_num_queries: object) -> None:
        rows = [contact(f"Person {number}", phone=f"+8529{number:07d}") for number in range(40)]
        with django_assert_max_num_queries(22):  # type: ignore[operator]
            match(*rows)


class Deciding:
    def test_each_supervisor_gets_another_case(self) -> None:
        match(*pair())
        match(contact("山田太郎", email="taro@example.jp"), contact("ヤマダ タロウ", email="taro@example.jp"))
        mei, ken = people.agent("mei"), people.agent("ken")
        first, second = cases.next_case(mei), cases.next_case(ken)
        assert first is not None and second is not None and first.pk != second.pk
        assert cases.next_case(people.agent("aya")) is None
        assert cases.next_case(mei) == first
        assert cases.next_case(mei, skip=[first.pk]) is None

    def test_claim_ends(self) -> None:
        match(*pair())
        case = cases.next_case(people.agent("mei"))
        Case.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
        assert cases.next_case(people.agent("ken")) == case

    def test_kept_apart_is_remembered(self) -> None:
        rows = pair()
        match(*rows)
        cases.decide(Case.objects.get(), by=people.agent("mei"), verdict="apart", reason="father and son")
        match(*rows)
        row = Pair.objects.get()
        assert (row.state, row.reason, row.decided_by) == ("apart", "father and son", "mei")
        assert not Case.objects.filter(state="open").exists()

    def test_kept_apart_splits_the_cluster_of_a_third(self) -> None:
        one, other = pair()
        match(one, other)
        cases.decide(Case.objects.get(), by=people.agent("mei"), verdict="apart")
        third = contact("陈大文", phone="+85291234567")
        match(third)
        assert all(case.size == 2 for case in Case.objects.filter(state="open"))

    def test_rest_of_a_cluster_goes_on(self) -> None:
        rows = triple()
        match(*rows)
        cases.decide(Case.objects.get(), by=people.agent("mei"), verdict="link", members=[rows[0].pk, rows[1].pk])
        assert Pair.objects.get(first=rows[0], second=rows[1]).state == "linked"
        assert Case.objects.filter(state="open").exists()
        for case in Case.objects.filter(state="open"):
            assert {pair.state for pair in case.candidates.all()} == {"open"}

    def test_second_decision_is_refused(self) -> None:
        match(*pair())
        case = Case.objects.get()
        cases.decide(case, by=people.agent("mei"), verdict="apart")
        with pytest.raises(ValidationError):
            cases.decide(case, by=people.agent("ken"), verdict="apart")

    def test_case_before_somebody_else_is_refused(self) -> None:
        match(*pair())
        case = cases.next_case(people.agent("mei"))
        assert case is not None
        with pytest.raises(ValidationError):
            cases.decide(case, by=people.agent("ken"), verdict="apart")

    def test_later_comes_back_tomorrow(self) -> None:
        match(*pair())
        cases.decide(Case.objects.get(), by=people.agent("mei"), verdict="later")
        assert cases.next_case(people.agent("mei")) is None
        Case.objects.update(later_until=clock.now() - timedelta(seconds=1))
        assert cases.next_case(people.agent("mei")) is not None

    def test_decision_is_taken_back(self) -> None:
        rows = pair()
        match(*rows)
        mei = people.agent("mei")
        cases.decide(Case.objects.get(), by=mei, verdict="apart")
        case = cases.reopen(Case.objects.get(), by=mei)
        assert (case.state, case.decision) == ("open", "")
        assert Pair.objects.get().state == "open"

    def test_progress_counts_the_day(self) -> None:
        match(*pair())
        mei = people.agent("mei")
        assert cases.progress_of(mei, timezone.localdate()) == cases.Progress(decided=0, waiting=1)
        cases.decide(Case.objects.get(), by=mei, verdict="apart")
        assert cases.progress_of(mei, timezone.localdate()) == cases.Progress(decided=1, waiting=0)
