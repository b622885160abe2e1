"""Where somebody lives, as evidence and as a way to be found; and what is left uncompared cannot have been likely."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.matching import judging, keys
from scrm.contacts.matching.profile import Facts, prepare
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT

BORN = date(1976, 2, 3)
BOUGHT = date(2026, 3, 1)


def facts(pk: int, name: str = "", **more: Any) -> Facts:
    return Facts(pk, name, **more)


def codes(one: Facts, other: Facts) -> set[str]:
    return {code for code, _, _ in judging.told(prepare(one), prepare(other), Settings())}


class Addresses:
    @pytest.mark.parametrize(
        ("one", "other", "found"),
        [
            ("62 Matina Street", "62 Matina Street, Sun City Resort", "near_address"),
            ("198 Alfred Hill Drive, Sun City", "198 Alfred Hill Drive Glanworth Station", "near_address"),
            ("旺角彌敦道123號", "旺角彌敦道123號5樓B室", "near_address"),
            ("62 Matina Street", "62 Matina Street", "same_address"),
            ("62 Matina Street", "8 Outtrim Avenue, Sun City Resort", "different_address"),
            ("旺角彌敦道", "旺角彌敦道123號5樓B室，由地鐵站A出口步行五分鐘", "different_address"),
        ],
    )
    def test_as_far_as_both_tell_it(self, one: str, other: str, found: str) -> None:
        assert found in codes(facts(1, address=one), facts(2, address=other))
        assert found in codes(facts(2, address=other), facts(1, address=one))


class Home:
    def test_is_a_key_with_the_birthday_or_the_house_whatever_the_name(self) -> None:
        one = prepare(facts(1, "Wilkson", postal_code="4020", birthday=BORN))
        same_day = prepare(facts(2, "Nathan Rundle", postal_code="4020", birthday=BORN))
        same_house = prepare(facts(3, "Rundle", postal_code="4020", address="5 Beaumont Close"))
        next_door = prepare(facts(4, "Rundyle", postal_code="4020", address="5 beaumont close, Tyrone Hills"))
        assert not keys.keys(one).isdisjoint(keys.keys(same_day))
        assert not keys.keys(same_house).isdisjoint(keys.keys(next_door))
        assert keys.keys(one).isdisjoint(keys.keys(same_house))

    def test_and_birthday_say_more_together(self) -> None:
        one, other = facts(1, "Lily Lam", postal_code="4020", birthday=BORN), facts(2, "Lam", postal_code="4020", birthday=BORN)
        assert "birthday_and_home" in codes(one, other)
        assert "birthday_and_home" not in codes(one, facts(2, "Lam", postal_code="4021", birthday=BORN))


NAMES = st.sampled_from(["陳大文", "CHAN Tai Man", "Peter Chan", "Debbie Thomas", "Brenda Thomas", "山田太郎", "", "🌸", "阿文", "Lam"])
PEOPLE = st.builds(
    facts,
    st.just(1),
    NAMES,
    phones=st.sampled_from([(), ("+85291234567",), ("+85291234568",)]),
    emails=st.sampled_from([(), ("tai.man@gmail.com",), ("peter.chan@example.com",)]),
    birthday=st.sampled_from([None, BORN, date(1980, 5, 6)]),
    postal_code=st.sampled_from(["", "4020", "4021"]),
    address=st.sampled_from(["", "62 Matina Street", "62 Matina Street, Sun City", "8 Outtrim Avenue"]),
    city=st.sampled_from(["", "Southbank", "Shatin"]),
    company=st.sampled_from(["", "恆發貿易", "Pioneer"]),
    country=st.sampled_from(["", "HK", "JP"]),
    purchases=st.sampled_from([(), (("A1", BOUGHT),), (("A1", BOUGHT + timedelta(days=40)), ("B2", BOUGHT)), (("C3", BOUGHT),)]),
)


class Bound:
    @given(PEOPLE, PEOPLE, st.sampled_from([0.01, 0.2, 0.5, 0.9]))
    def test_who_is_not_compared_to_the_end_was_not_likely(self, one: Facts, other: Facts, least: float) -> None:
        a, b = prepare(one), prepare(other)
        short, items = judging.judged(a, b, Settings(), DEFAULT, judging.ALONE, least)
        whole, _ = judging.judged(a, b, Settings(), DEFAULT, judging.ALONE)
        assert short == whole if items else whole < least

    def test_strangers_whose_facts_differ_are_not_compared_to_the_end(self) -> None:
        one = prepare(facts(1, "陳大文", phones=("+85291234567",), emails=("tai.man@gmail.com",)))
        other = prepare(facts(2, "Wong Siu Ming", phones=("+85298765432",), emails=("siuming@example.com",)))
        assert judging.judged(one, other, Settings(), DEFAULT, judging.ALONE, 0.01) == (0.0, [])
