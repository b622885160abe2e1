"""Times in business hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.staff.hours import ALWAYS, BadHours, Hours, is_holiday, read_days, read_spans, written

NINE_TO_SIX = dict.fromkeys(range(5), ((540, 1080),))
HK = Hours("Asia/Hong_Kong", NINE_TO_SIX, country="HK")


def hk(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


class Opening:
    @pytest.mark.parametrize(
        ("at", "open_"),
        [
            ("2026-11-27 08:59:59", False),
            ("2026-11-27 09:00", True),
            ("2026-11-27 17:59:59", True),
            ("2026-11-27 18:00", False),
            ("2026-11-28 12:00", False),  # Saturday
            ("2026-12-25 12:00", False),  # Christmas, a Friday
        ],
    )
    def test_follows_week_and_holidays(self, at: str, open_: bool) -> None:
        assert HK.is_open(hk(at)) is open_

    def test_a_single_day_goes_before_all_else(self) -> None:
        special = Hours("Asia/Hong_Kong", NINE_TO_SIX, read_days("2026-12-25 10:00-12:00\n2026-11-27 -"), "HK")
        assert special.is_open(hk("2026-12-25 11:00")) and not special.is_open(hk("2026-11-27 11:00"))

    def test_goes_past_midnight(self) -> None:
        bar = Hours("Asia/Tokyo", {4: read_spans("18:00-02:00")})
        assert bar.is_open(datetime(2026, 11, 27, 16, 30, tzinfo=UTC))  # 01:30 on Saturday in Tokyo
        assert not bar.is_open(datetime(2026, 11, 27, 17, 0, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("country", "day"),
        [("HK", "2026-10-01"), ("TW", "2026-10-10"), ("JP", "2026-11-03"), ("SG", "2026-08-09"), ("MO", "2026-12-20")],
    )
    def test_each_place_has_its_own_holidays(self, country: str, day: str) -> None:
        assert is_holiday(country, date.fromisoformat(day))

    def test_an_unknown_country_has_none(self) -> None:
        assert not is_holiday("XX", date(2026, 1, 1))


class Counting:
    def test_a_due_time_skips_nights_and_weekends(self) -> None:
        assert HK.after(hk("2026-11-27 17:55"), 600) == hk("2026-11-30 09:05")  # Friday evening to Monday morning

    def test_a_question_at_night_is_due_after_the_opening(self) -> None:
        assert HK.after(hk("2026-11-27 03:00"), 360) == hk("2026-11-27 09:06")

    def test_the_lunar_new_year_is_skipped(self) -> None:
        assert HK.after(hk("2026-02-16 17:59"), 120) == hk("2026-02-20 09:01")

    def test_a_place_that_never_opens_never_answers(self) -> None:
        assert Hours("UTC").after(hk("2026-11-27 12:00"), 60) is None

    def test_seconds_between(self) -> None:
        assert HK.seconds_between(hk("2026-11-27 17:00"), hk("2026-11-30 10:00")) == 7200
        assert HK.seconds_between(hk("2026-11-30 10:00"), hk("2026-11-27 17:00")) == 0

    @given(st.integers(0, 10**6), st.integers(0, 40_000))
    def test_what_is_due_after_so_many_seconds_lies_so_many_away(self, offset: int, seconds: int) -> None:
        start = hk("2026-11-01 00:00") + timedelta(seconds=offset)
        due = HK.after(start, seconds)
        assert due is not None and HK.seconds_between(start, due) == seconds

    @given(st.integers(0, 10**7), st.integers(0, 10**6))
    def test_always_open_counts_every_second(self, offset: int, seconds: int) -> None:
        start = hk("2026-01-01 00:00") + timedelta(seconds=offset)
        assert ALWAYS.seconds_between(start, start + timedelta(seconds=seconds)) == seconds
        assert ALWAYS.after(start, seconds) == start + timedelta(seconds=seconds)


class Reading:
    @pytest.mark.parametrize(
        ("text", "spans"),
        [
            ("", ()),
            ("-", ()),
            ("9:00-18:00", ((540, 1080),)),
            ("14:00–18:00、09:00~12:30", ((540, 750), (840, 1080))),
            ("00:00-24:00", ((0, 1440),)),
        ],
    )
    def test_takes_what_people_write(self, text: str, spans: tuple[tuple[int, int], ...]) -> None:
        assert read_spans(text) == spans

    @pytest.mark.parametrize("text", ["9-18", "09:00", "25:00-26:00", "09:61-10:00", "09:00-12:00, 11:00-13:00", "nine to five"])
    def test_names_what_it_cannot_read(self, text: str) -> None:
        with pytest.raises(BadHours):
            read_spans(text)

    @given(st.lists(st.integers(0, 1439), min_size=2, max_size=6, unique=True))
    def test_what_is_written_is_read_again(self, minutes: list[int]) -> None:
        marks = sorted(minutes)[: len(minutes) // 2 * 2]
        spans = tuple(zip(marks[::2], marks[1::2], strict=True))
        assert read_spans(written(spans)) == spans

    def test_a_wrong_day_is_named_with_its_line(self) -> None:
        with pytest.raises(BadHours, match=r"31\.12\.2026"):
            read_days("2026-12-30 -\n31.12.2026 -")
