"""What people write into cells, and the short way for phone numbers. Without a database."""

from __future__ import annotations

import random
from datetime import date

import pytest

from scrm.contacts import phone
from scrm.contacts.importing.parsing import PhoneCell, fast_readings
from scrm.contacts.importing.values import birthday, country, language, time_zone, yes_or_no

TODAY = date(2026, 11, 29)


class Days:
    @pytest.mark.parametrize(
        ("written", "day"),
        [
            ("1990-05-03", date(1990, 5, 3)),
            ("1990/5/3", date(1990, 5, 3)),
            ("1990年5月3日", date(1990, 5, 3)),
            ("１９９０年５月３日", date(1990, 5, 3)),
            ("19900503", date(1990, 5, 3)),
            ("1990-05-03 00:00:00", date(1990, 5, 3)),
            ("1990-05-03T00:00:00+08:00", date(1990, 5, 3)),
            ("明治45年7月29日", date(1912, 7, 29)),
            ("大正元年7月30日", date(1912, 7, 30)),
            ("昭和64年1月7日", date(1989, 1, 7)),
            ("平成元年1月8日", date(1989, 1, 8)),
            ("平成31年4月30日", date(2019, 4, 30)),
            ("令和元年5月1日", date(2019, 5, 1)),
            ("S55.3.21", date(1980, 3, 21)),
            ("h2/12/31", date(1990, 12, 31)),
            ("R1-05-01", date(2019, 5, 1)),
            ("民國79年5月3日", date(1990, 5, 3)),
            ("民国79/5/3", date(1990, 5, 3)),
            ("中華民國 1年 1月 1日", date(1912, 1, 1)),
            ("民國元年10月10日", date(1912, 10, 10)),
            ("ROC 113/02/29", date(2024, 2, 29)),
            ("3 May 1990", date(1990, 5, 3)),
            ("May 3rd, 1990", date(1990, 5, 3)),
            ("25/12/1990", date(1990, 12, 25)),
            ("5/5/1990", date(1990, 5, 5)),
        ],
    )
    def test_are_read_in_every_calendar(self, written: str, day: date) -> None:
        assert birthday(written, today=TODAY) == (day, "")

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ("民國79/2/30", "birthday"),
            ("平成2年13月1日", "birthday"),
            ("昭和 0x", "birthday"),
            ("31 Brumaire", "birthday"),
            ("03/04/1990", "birthday_order"),
            ("1879-12-31", "birthday_range"),
            ("2026-11-30", "birthday_range"),
            ("民國116年1月1日", "birthday_range"),
        ],
    )
    def test_that_are_none_say_why(self, written: str, problem: str) -> None:
        assert birthday(written, today=TODAY) == (None, problem)

    def test_follow_the_habit_of_the_files_countries(self) -> None:
        assert birthday("03/04/1990", ("HK", "SG"), today=TODAY)[0] == date(1990, 4, 3)
        assert birthday("03/04/1990", ("US",), today=TODAY)[0] == date(1990, 3, 4)
        assert birthday("03/04/1990", ("HK", "US"), today=TODAY) == (None, "birthday_order")


class Words:
    def test_name_countries_languages_and_zones(self) -> None:
        assert [country(each) for each in ("香港", "Hong Kong", "ＪＰ", "臺灣", "uk", "Atlantis")] == ["HK", "HK", "JP", "TW", "GB", None]
        assert [language(each) for each in ("繁體中文", "zh_TW", "日本語", "English", "the usual one")] == [
            "zh-hant", "zh-hant", "ja", "en", None,
        ]  # fmt: skip
        assert [time_zone(each) for each in ("東京", "asia/hong_kong", "SGT", "Mars")] == [
            "Asia/Tokyo",
            "Asia/Hong_Kong",
            "Asia/Singapore",
            None,
        ]

    def test_mean_yes_or_no_or_neither(self) -> None:
        assert [yes_or_no(each) for each in ("はい", "同意", "○", "ＹＥＳ")] == [True] * 4
        assert [yes_or_no(each) for each in ("不同意", "いいえ", "×", "0")] == [False] * 4
        assert yes_or_no("perhaps") is None


SPELLED = ("{0}", "+{1}{0}", "{1}{0}", "+{1} {2} {3}", "({1}) {2}-{3}", "0{0}", "0{2}-{3}", "{2} {3}", "+{1} (0){0}", "00{1}{0}", "-{0}")
CODES = {"HK": ("852", 8), "SG": ("65", 8), "MO": ("853", 8), "TW": ("886", 9), "JP": ("81", 10), "CN": ("86", 11)}
BEGINNINGS = {8: ("6", "9", "8", "5", "2", "3"), 9: ("9", "91", "2"), 10: ("90", "80", "70", "3"), 11: ("13",)}
REGIONS = ((), ("HK",), ("HK", "TW", "JP", "SG"), ("JP", "TW"), ("SG", "HK", "MO"), ("CN", "HK"))


class TheShortWay:
    @pytest.mark.parametrize("regions", REGIONS)
    def test_to_read_a_number_says_what_the_library_says_or_nothing(self, regions: tuple[str, ...]) -> None:
        chance, quick = random.Random(str(regions)), 0
        for _ in range(400):
            code, size = CODES[chance.choice(list(CODES))]
            digits = "".join(chance.choice("0123456789") for _ in range(size))
            if chance.random() < 0.6:
                digits = (
                    chance.choice({8: ("6", "9", "8", "5", "2", "3"), 9: ("9", "91", "2"), 10: ("90", "80", "70", "3")}.get(size, ("13",)))
                    + digits
                )
                digits = digits[:size]
            cell = chance.choice(SPELLED).format(digits, code, digits[: size // 2], digits[size // 2 :])
            found = fast_readings(cell, regions)
            if not found:
                continue
            quick += 1
            read = phone.parse(cell, regions)
            if len(found) > 1:
                assert read == phone.Unread(cell, phone.SEVERAL_REGIONS, found)
                continue
            assert isinstance(read, phone.Number), (cell, found, read)
            assert (read.e164, read.extension) == (found[0], ""), cell
        assert quick > 10

    def test_asks_about_a_number_of_two_countries(self) -> None:
        assert fast_readings("8123 4567", ("HK", "SG")) == ("+85281234567", "+6581234567")
        assert fast_readings("8123 4567", ("SG",)) == ("+6581234567",)

    def test_does_not_vouch_for_a_block_of_which_a_part_is_not_given_out(self) -> None:
        assert fast_readings("6800 8049", ("MO",)) == fast_readings("+853 6800 8049") == ()

    def test_leaves_all_else_to_the_library(self) -> None:
        for cell in ("8.52912E+10", "6123 4567 / 68", "+852 6123 4567 ext 3", "６１２３４５６７", "6123.4567", "", "+", "-", "call me"):
            assert fast_readings(cell, ("HK",)) == ()

    def test_keeps_the_number_as_it_was_typed(self) -> None:
        from scrm.contacts.importing.parsing import Layout, parse

        said = parse(2, ["(852) 6123-4567"], Layout(("Phone",), ("phone",), ("HK",)))
        assert said.phones == [PhoneCell("+85261234567", "(852) 6123-4567")]
