"""Single kinds of evidence: how common a name is, countries, fixed lines, what else was bought and when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.matching import rarity
from scrm.contacts.matching.evidence import may_propose, score, surely_one
from scrm.contacts.matching.judging import Surroundings, judged, told
from scrm.contacts.matching.profile import Facts, Profile, calling_code, code_of, dump, is_fixed_line, load, prepare
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT
from scrm.contacts.matching.words import sentence

LANDLINE, MOBILE = "+81364877033", "+819012345678"


def amounts(one: Profile, other: Profile, around: Surroundings | None = None) -> dict[str, float]:
    return {code: amount for code, amount, _ in told(one, other, Settings(), around or Surroundings())}


def shoppers(*names: str) -> list[Profile]:
    return [prepare(Facts(pk, name)) for pk, name in enumerate(names, 1)]


class Namesakes:
    def around(self, people: list[Profile], block: int = 2) -> Surroundings:
        return Surroundings(frozenset(), block, rarity.count(people))

    def test_a_given_name_that_others_have_beside_another_surname_says_less(self) -> None:
        """Two 陳志明 in a shop with ten other 志明 are two people rather than two 陳詩韻 where nobody else is called so."""
        others = shoppers(
            *(f"{family}志明" for family in "王李張劉黃林周吳徐孫"), *(f"陳{given}" for given in ("大文", "美玲", "家輝", "麗華"))
        )
        common, rare = [prepare(Facts(pk, "陳志明")) for pk in (91, 92)], [prepare(Facts(pk, "陳詩韻")) for pk in (93, 94)]
        around = self.around([*others, *common, *rare])
        assert amounts(*common, around)["namesakes_written"] > amounts(*rare, around)["namesakes_written"] + 3

    def test_more_records_of_one_person_do_not_make_its_name_common(self) -> None:
        others = shoppers("王大文", "李美玲", "張家輝", "陳麗華", "陳小明")
        records = [prepare(Facts(pk, "陳詩韻")) for pk in range(80, 84)]
        two, four = self.around([*others, *records[:2]], 2), self.around([*others, *records], 4)
        assert amounts(*records[:2], four)["namesakes_written"] == pytest.approx(amounts(*records[:2], two)["namesakes_written"], abs=0.6)

    def test_likeness_is_told_by_kind(self) -> None:
        han, again, latin, same = shoppers("陳大文", "陈大文", "CHAN Tai Man", "Chan Tai Man")
        assert "namesakes_written" in amounts(han, again)
        assert "namesakes_heard" in amounts(han, latin)
        assert "namesakes_spelled" in amounts(latin, same)

    @pytest.mark.parametrize("code", [rarity.WRITTEN, rarity.SPELLED, rarity.HEARD, rarity.PARTLY])
    def test_are_told_in_words_that_fit_their_side(self, code: str) -> None:
        """A line against never says that the names are rare, one for it never that many have them."""
        for contacts in (0, 1, 7):
            told = {side: sentence({"code": code, "for": side, "with": {"contacts": contacts}}) for side in (True, False)}
            assert "rare" in told[True] and "rare" not in told[False]
            assert ("7" in told[False]) == (contacts == 7)

    @given(st.integers(0, 60), st.integers(2, 20), st.sampled_from([1, 10]))
    def test_others_are_never_none_and_grow_with_the_count(self, held: int, block: int, times: int) -> None:
        known = rarity.Frequencies(1000, {"g1": held, "g2": held + 5}, 1000 * times)
        assert 0 < known.others("g1", block) <= known.others("g2", block)


class Crowds:
    def of(self, people: int) -> Surroundings:
        return Surroundings(known=rarity.Frequencies(1000, {}, people))

    def test_among_more_contacts_the_same_name_alone_says_less(self) -> None:
        one, other = shoppers("陳大文", "陳大文")
        likely = [judged(one, other, Settings(), DEFAULT, self.of(people))[0] for people in (1_000, 10_000, 100_000, 1_000_000)]
        assert likely[0] >= likely[1] > likely[2] > likely[3]

    def test_nothing_is_said_of_it_where_something_else_is_in_common(self) -> None:
        one, other = (prepare(Facts(pk, "陳大文", phones=(MOBILE,))) for pk in (1, 2))
        assert "crowd" not in amounts(one, other, self.of(1_000_000))


class Countries:
    @pytest.mark.parametrize(
        ("number", "code"),
        [("+85291234567", "852"), ("+12125550100", "1"), ("+819012345678", "81"), ("+999", "")],
    )
    def test_calling_code_of_a_number(self, number: str, code: str) -> None:
        assert calling_code(number[:4]) == code

    def test_of_a_country_as_of_its_numbers(self) -> None:
        assert code_of("HK") == calling_code("+852") and code_of("nowhere") == ""

    def test_are_read_back_though_they_are_not_stored(self) -> None:
        profile = prepare(Facts(1, "陳大文", phones=("+85291234567",), country="JP"))
        assert profile.countries == ("81", "852")
        assert load(1, dump(profile)).countries == profile.countries

    def test_numbers_of_two_countries_speak_against(self) -> None:
        one, other = prepare(Facts(1, "陳大文", phones=("+85291234567",))), prepare(Facts(2, "陳大文", phones=("+886912345678",)))
        assert "number_of_another_country" in amounts(one, other)
        assert score([("number_of_another_country", 1.0, {})], DEFAULT) < score([], DEFAULT)

    def test_who_has_numbers_of_both_is_not_told_from_either(self) -> None:
        both = prepare(Facts(1, "陳大文", phones=("+85291234567", "+886912345678")))
        assert "number_of_another_country" not in amounts(both, prepare(Facts(2, "陳大文", country="TW")))

    def test_the_same_says_nothing_where_all_are_of_it_and_more_the_rarer(self) -> None:
        local = [prepare(Facts(pk, f"陳大{pk}", country="HK")) for pk in range(1, 40)]
        one, other = (prepare(Facts(pk, "Tan Wei Ming", country="SG")) for pk in (90, 91))
        assert "same_country" not in amounts(local[0], local[1], Surroundings(known=rarity.count(local)))
        assert amounts(one, other, Surroundings(known=rarity.count([*local, one, other])))["same_country"] == 4.0


class FixedLines:
    def test_are_told_from_mobile_numbers(self) -> None:
        assert is_fixed_line(LANDLINE) and not is_fixed_line(MOBILE)
        assert not is_fixed_line("+12127757413"), "where the plan does not tell, it is not said"
        assert not is_fixed_line("nonsense")

    def test_merging_is_not_proposed_by_one_alone(self) -> None:
        """A household's two members of one name have one fixed line."""
        one, other = (prepare(Facts(pk, "大槻 萌美", phones=(LANDLINE,))) for pk in (1, 2))
        likely, items = judged(one, other, Settings(), DEFAULT, Surroundings())
        assert likely > 0.5
        assert not may_propose(code for code, _, _ in items)

    def test_merging_is_proposed_with_something_of_the_persons_own(self) -> None:
        one, other = (prepare(Facts(pk, "大槻 萌美", phones=(LANDLINE,), emails=("moemi@ezweb.ne.jp",))) for pk in (1, 2))
        assert may_propose(amounts(one, other))


class Baskets:
    def bought(self, pk: int, *skus: str, day: int = 0) -> Profile:
        start = date(2026, 3, 1)
        return prepare(Facts(pk, "陳大文", purchases=tuple((sku, start + timedelta(days=day)) for sku in skus)))

    def test_the_longer_between_two_purchases_the_less_they_say(self) -> None:
        near, far = (amounts(self.bought(1, "A1"), self.bought(2, "A1", day=days)) for days in (5, 80))
        assert 0 < near["days_apart"] < 0.1 < far["days_apart"] < 2
        assert "days_apart" not in amounts(self.bought(1, "A1"), self.bought(2, "A1"))

    def test_a_shop_that_lets_a_year_count_loses_no_match_by_it(self) -> None:
        one, other = self.bought(1, "A1"), self.bought(2, "A1", day=300)
        found = {code: amount for code, amount, _ in told(one, other, Settings(sku_days=365), Surroundings())}
        assert found["days_apart"] == 2.25 and "same_sku" in found

    def test_what_each_bought_besides_counts_up_to_a_bound(self) -> None:
        few = amounts(self.bought(1, "A1", "B1"), self.bought(2, "A1", "C1"))
        many = amounts(self.bought(1, "A1", *"BCDEFG"), self.bought(2, "A1", *"HIJKLM"))
        assert (few["other_purchases"], many["other_purchases"]) == (1.0, 3.0)
        assert "other_purchases" not in amounts(self.bought(1, "A1"), self.bought(2, "A1", "C1"))
        assert amounts(self.bought(1, "A1", "B1"), self.bought(2, "C1", "D1", "E1"))["no_purchase_in_common"] == 2.0


@given(st.lists(st.sampled_from(["陳大文", "Chan Tai Man", "陳志明", "Wong"]), min_size=2, max_size=2), st.booleans(), st.booleans())
def test_is_the_same_from_either_side_and_never_cut_short_wrongly(names: list[str], number: bool, country: bool) -> None:
    """A pair that is given up early would not have reached the bound."""
    one, other = (
        prepare(Facts(pk, name, phones=(f"+8529123456{pk}",) if number else (), country="HK" if country else ""))
        for pk, name in enumerate(names, 1)
    )
    around = Surroundings(known=rarity.count([one, other, *shoppers("李大文", "Lee Tai Man", "陳美玲")]))
    assert sorted(amounts(one, other, around).items()) == sorted(amounts(other, one, around).items())
    whole, _ = judged(one, other, Settings(), DEFAULT, around)
    for least in (0.01, 0.5):
        early, _ = judged(one, other, Settings(), DEFAULT, around, least)
        assert early == whole or (early == 0 and whole < least)


class Proposing:
    """Who is likely enough, and yet left to people."""

    SAME, OWN = "name_same", "same_sku"

    @pytest.mark.parametrize("doubt", [{"possible_phone"}, {"same_phone", "different_email"}, {"same_fixed_line"}])
    def test_a_doubtful_number_and_a_name_are_not_enough(self, doubt: set[str]) -> None:
        assert not may_propose({self.SAME, *doubt})
        assert may_propose({self.SAME, self.OWN, *doubt})

    def test_one_product_is_not_enough_where_an_address_differs(self) -> None:
        namesakes = {self.SAME, "same_sku", "days_apart", "different_phone"}
        assert not may_propose(namesakes) and surely_one(namesakes)
        assert may_propose(namesakes - {"different_phone"}), "nothing differs"
        for more in ("same_day", "more_skus", "same_email", "same_birthday", "same_company"):
            assert may_propose(namesakes | {more}), more

    def test_one_number_and_one_name_are(self) -> None:
        assert may_propose({self.SAME, "same_phone"}) and may_propose({self.SAME, "same_phone", "same_email"})

    def test_for_others_they_count_as_one_all_the_same(self) -> None:
        assert surely_one({self.SAME, "possible_phone"}) and surely_one({self.SAME, "same_phone", "different_email"})
        assert not surely_one({self.SAME, "same_fixed_line"}) and not surely_one({"name_different", "same_phone"})
