"""What the other records of a person say about a pair: a rule by itself, and as it finds, unsays and explains pairs."""

from __future__ import annotations

import random

import pytest
from django.core.management import call_command
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.matching import cases, collective, words
from scrm.contacts.matching.evidence import Item
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, MatchTie
from tests import people
from tests.contacts.matching.test_accuracy import SAMPLE
from tests.contacts.matching.test_cases import contact

Tied = dict[int, dict[int, collective.Tie]]
TIES = st.dictionaries(
    st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda pair: pair[0] < pair[1]), st.tuples(st.floats(-4.5, 12), st.booleans())
)


def both_ways(ties: dict[tuple[int, int], collective.Tie]) -> Tied:
    found: Tied = {}
    for (one, other), tie in ties.items():
        found.setdefault(one, {})[other] = found.setdefault(other, {})[one] = tie
    return found


def items(one: int, other: int, ties: Tied) -> list[Item]:
    return collective.items(one, other, ties, ties.get(one, {}).get(other, (0.0, False))[0])


def amounts(one: int, other: int, ties: Tied) -> dict[str, float]:
    return {code: amount for code, amount, _ in items(one, other, ties)}


class Rule:
    def test_twin_of_both_speaks_for_a_pair(self) -> None:
        ties = both_ways({(1, 2): (8.0, True), (2, 3): (5.0, True)})
        assert amounts(1, 3, ties) == {"another_record_agrees": 6.0}

    def test_twin_that_has_nothing_in_common_speaks_against_it(self) -> None:
        ties = both_ways({(1, 2): (8.0, True), (1, 3): (1.0, False)})
        found = amounts(1, 3, ties)
        assert found.keys() == {"another_record_differs"}
        assert collective.leaves_to_people(found)

    def test_twin_that_says_no_more_than_the_two_themselves_adds_nothing(self) -> None:
        ties = both_ways({(1, 2): (8.0, True), (2, 3): (5.0, True), (1, 3): (6.5, False)})
        assert amounts(1, 3, ties) == {}
        less = both_ways({(1, 2): (8.0, True), (2, 3): (5.0, True), (1, 3): (1.5, False)})
        assert amounts(1, 3, less) == {"another_record_agrees": 4.5}

    def test_who_has_no_twin_is_judged_alone(self) -> None:
        ties = both_ways({(1, 2): (8.0, False), (2, 3): (5.0, False)})
        assert items(1, 3, ties) == []

    @given(TIES)
    def test_says_the_same_from_either_side_and_within_bounds(self, ties: dict[tuple[int, int], collective.Tie]) -> None:
        seen = both_ways(ties)
        for one, other in collective.pairs_of(seen, seen):
            found = items(one, other, seen)
            assert found == items(other, one, seen)
            assert all(0 < amount <= 12 for _, amount, _ in found)

    @given(TIES)
    def test_every_tie_is_judged_and_everything_that_a_twin_speaks_for(self, ties: dict[tuple[int, int], collective.Tie]) -> None:
        seen = both_ways(ties)
        found = collective.pairs_of(seen, seen)
        spoken_for = {
            (one, other) for one in range(1, 7) for other in range(one + 1, 7) if "another_record_agrees" in amounts(one, other, seen)
        }  # fmt: skip
        assert found >= ties.keys() | {pair for pair in spoken_for if amounts(*pair, seen)["another_record_agrees"] > 0.5}


def pair_of(one: Contact, other: Contact) -> DuplicateCandidate | None:
    return DuplicateCandidate.objects.filter(first=one, second=other).first()


def codes(row: DuplicateCandidate) -> dict[str, dict[str, object]]:
    return {line["code"]: line["with"] for line in row.evidence}


def three() -> tuple[Contact, Contact, Contact]:
    """The first has a number in common with the second, the second an e-mail with the third, the first and the third nothing at all."""
    return (
        contact("🌸 Karen 🌸", phone="+85255556666"),
        contact("Karen Leung", phone="+85255556666", email="karen.leung88@gmail.com", company="恆發貿易有限公司"),
        contact("K. Leung", email="karen.leung88@gmail.com", company="恆發貿易"),
    )


def shop() -> None:
    for line in SAMPLE.strip().splitlines():
        _, name, phone, email, _, company = (cell.strip() for cell in line.split("|"))
        contact(name, phone=phone, email=email, company=company)
    three()


def everything() -> list[tuple[object, ...]]:
    rows = DuplicateCandidate.objects.filter(state="open").order_by("first", "second")
    return [(row.first_id, row.second_id, round(row.score, 6), row.evidence) for row in rows]


@pytest.mark.django_db
class Found:
    def test_by_way_of_a_record_between_them_and_says_which(self) -> None:
        chat, order, lead = three()
        match_contacts([chat.pk, order.pk, lead.pk])
        row = pair_of(chat, lead)
        assert row is not None and row.score > 0.5
        assert codes(row)["another_record_agrees"] == {"contact": order.pk}
        line = next(line for line in row.evidence if line["code"] == "another_record_agrees")
        assert f"no. {order.pk}," in words.sentence(line)
        with translation.override("ja"):
            assert str(order.pk) in words.sentence(line) and "record" not in words.sentence(line)

    def test_whichever_of_them_comes_last(self) -> None:
        rows = three()
        for last in range(3):
            MatchTie.objects.all().delete()
            DuplicateCandidate.objects.all().delete()
            for row in [each for place, each in enumerate(rows) if place != last] + [rows[last]]:
                match_contacts([row.pk])
            assert pair_of(rows[0], rows[2]) is not None

    def test_never_proposed_by_the_word_of_others_alone(self) -> None:
        chat, order, lead = three()
        match_contacts([chat.pk, order.pk, lead.pk])
        row = pair_of(chat, lead)
        assert row is not None
        alone = DuplicateCase.objects.get(candidates=row)
        assert alone.size == 3

    def test_a_change_of_the_one_between_is_a_change_for_both(self) -> None:
        chat, order, lead = three()
        match_contacts([chat.pk, order.pk, lead.pk])
        order.identities.filter(kind="email").delete()
        Contact.objects.filter(pk=order.pk).update(company="")
        match_contacts([order.pk])
        row = pair_of(chat, lead)
        assert row is not None and row.state == "gone"

    def test_no_longer_when_people_keep_one_of_them_apart(self) -> None:
        chat, order, lead = three()
        match_contacts([chat.pk, order.pk, lead.pk])
        boss = people.agent()
        case = DuplicateCase.objects.get(state="open")
        cases.decide(case, by=boss, verdict="apart", members=[order.pk, lead.pk])
        row = pair_of(chat, lead)
        assert row is not None and row.state == "gone"
        cases.reopen(case, by=boss)
        row = pair_of(chat, lead)
        assert row is not None and row.state == "open"

    def test_all_at_once_what_is_found_one_by_one_in_any_order(self) -> None:
        shop()
        call_command("find_duplicates", "--step", "7", verbosity=0)
        at_once = everything()
        assert any("another_record_agrees" in str(row) for row in at_once)
        ids = list(Contact.objects.values_list("pk", flat=True))
        for seed in (1, 2):
            DuplicateCase.objects.all().delete()
            DuplicateCandidate.objects.all().delete()
            MatchTie.objects.all().delete()
            random.Random(seed).shuffle(ids)
            for pk in ids:
                match_contacts([pk])
            assert [row[:2] for row in everything()] == [row[:2] for row in at_once]

    def test_a_second_run_over_all_changes_nothing(self) -> None:
        shop()
        call_command("find_duplicates", "--step", "7", verbosity=0)
        before = list(DuplicateCandidate.objects.order_by("pk").values())
        call_command("find_duplicates", "--step", "5", verbosity=0)
        assert list(DuplicateCandidate.objects.order_by("pk").values()) == before
