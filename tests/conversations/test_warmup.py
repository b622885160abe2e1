"""The warm-up of a new number: growth by quality, never over the platform's limit, an end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.connections.changes import note_change
from scrm.connections.models import Connection
from scrm.conversations.warmup import cap_for, course, plan_of, planned
from scrm.core import clock
from tests import people

QUALITIES = st.sampled_from(["GREEN", "UNKNOWN", "YELLOW", "RED"])
HISTORIES = st.lists(QUALITIES, max_size=40)
LIMITS = st.sampled_from([None, -1, 1, 40, 250, 2_000, 10_000, 100_000]) | st.integers(1, 200_000)
RANK = {"RED": 0, "YELLOW": 1, "UNKNOWN": 2, "GREEN": 3}
BEGAN = date(2026, 11, 18)


class Planned:
    def test_doubles_with_good_quality_until_the_limit(self) -> None:
        assert course(8, messaging_limit=2_000, quality_history=["GREEN"] * 8) == [50, 100, 200, 400, 800, 1600, 2000, 2000]

    def test_grows_by_half_while_nothing_is_rated(self) -> None:
        assert course(5, messaging_limit=2_000, quality_history=[]) == [50, 75, 112, 168, 252]

    def test_holds_with_medium_and_halves_with_low_quality(self) -> None:
        history = ["GREEN", "GREEN", "YELLOW", "YELLOW", "RED", "RED", "RED", "RED", "RED"]
        assert course(10, messaging_limit=2_000, quality_history=history) == [50, 100, 200, 200, 200, 100, 50, 25, 12, 10]

    def test_a_portfolio_without_a_known_limit_has_the_smallest(self) -> None:
        assert planned(30, messaging_limit=None, quality_history=["GREEN"] * 30) == 250

    def test_an_unlimited_portfolio_ends_at_the_highest_limit(self) -> None:
        assert planned(30, messaging_limit=-1, quality_history=["GREEN"] * 30) == 100_000

    def test_there_is_no_day_before_the_first(self) -> None:
        with pytest.raises(ValueError, match="day 1"):
            planned(0, messaging_limit=250, quality_history=[])

    @given(st.integers(1, 60), LIMITS, HISTORIES)
    def test_is_never_over_the_limit_nor_nothing(self, day: int, limit: int | None, history: list[str]) -> None:
        people_ = planned(day, messaging_limit=limit, quality_history=history)
        assert 1 <= people_ <= {None: 250, -1: 100_000}.get(limit, limit or 0)

    @given(st.integers(1, 40), st.integers(1, 150_000), st.integers(1, 150_000), HISTORIES)
    def test_a_higher_limit_never_plans_fewer(self, day: int, one: int, other: int, history: list[str]) -> None:
        low, high = sorted((one, other))
        assert planned(day, messaging_limit=low, quality_history=history) <= planned(day, messaging_limit=high, quality_history=history)

    @given(st.integers(2, 40), LIMITS, HISTORIES, st.data())
    def test_a_better_day_never_plans_fewer(self, day: int, limit: int | None, history: list[str], data: Any) -> None:
        history = [*history, "YELLOW"]
        at = data.draw(st.integers(0, len(history) - 1))
        better = list(history)
        better[at] = data.draw(QUALITIES.filter(lambda word: RANK[word] >= RANK[history[at]]))
        assert planned(day, messaging_limit=limit, quality_history=history) <= planned(day, messaging_limit=limit, quality_history=better)

    @given(LIMITS, HISTORIES)
    def test_each_day_follows_from_the_day_before(self, limit: int | None, history: list[str]) -> None:
        plan = course(len(history) + 1, messaging_limit=limit, quality_history=history)
        for before, after, quality in zip(plan, plan[1:], history, strict=False):
            if quality == "YELLOW":
                assert after == before
            elif quality == "RED":
                assert after <= before
            else:
                assert before <= after <= 2 * before


@pytest.mark.django_db
class CapFor:
    def number(self, **fields: Any) -> Connection:
        row = people.hong_kong()
        row.warm_up_from, row.facts = BEGAN, {"messaging_limit": 2_000}
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
        return row

    def test_is_none_for_a_number_that_is_not_new(self, django_assert_num_queries: Any) -> None:
        with clock.frozen(people.NOON):
            rows = [self.number(warm_up_from=None), self.number(warm_up_from=BEGAN + timedelta(days=1))]
            with django_assert_num_queries(0):
                assert [cap_for(row) for row in rows] == [None, None]

    def test_costs_one_query(self, django_assert_num_queries: Any) -> None:
        row = self.number()
        with clock.frozen(people.NOON), django_assert_num_queries(1):
            assert cap_for(row) == 50

    def test_follows_the_quality_on_record(self) -> None:
        row = self.number()
        days = [datetime(2026, 11, 18 + n, 12, tzinfo=UTC) for n in range(6)]
        note_change(row, "quality", "GREEN", "YELLOW", at=days[2])
        note_change(row, "quality", "YELLOW", "RED", at=days[3])
        note_change(row, "quality", "RED", "GREEN", at=days[3] + timedelta(hours=1))
        caps = []
        for day in days:
            with clock.frozen(day):
                caps.append(cap_for(row))
        # Green for two days, medium on the third, low for an hour of the fourth.
        assert caps == [50, 100, 200, 200, 100, 200]

    def test_what_happens_today_changes_tomorrow(self) -> None:
        row = self.number()
        with clock.frozen(people.NOON):
            before = cap_for(row)
            note_change(row, "quality", "GREEN", "RED", at=people.NOON)
            assert cap_for(row) == before

    def test_days_are_those_of_the_number(self) -> None:
        row = self.number(time_zone="Asia/Tokyo", facts={"messaging_limit": 2_000, "quality": "GREEN"})
        with clock.frozen(datetime(2026, 11, 18, 14, 59, tzinfo=UTC)):
            assert cap_for(row) == 50
        with clock.frozen(datetime(2026, 11, 18, 15, 0, tzinfo=UTC)):
            assert cap_for(row) == 100

    def test_the_warm_up_ends_when_the_plan_reaches_the_limit(self) -> None:
        row = self.number(facts={"messaging_limit": 250, "quality": "GREEN"})
        caps = []
        for number in range(5):
            with clock.frozen(people.NOON + timedelta(days=number)):
                caps.append(cap_for(row))
        assert caps == [50, 100, 200, None, None]

    def test_the_future_counts_as_unrated(self) -> None:
        row = self.number(facts={"messaging_limit": 2_000, "quality": "GREEN"})
        with clock.frozen(people.NOON + timedelta(days=1)):
            assert plan_of(row, 5) == [50, 100, 150, 225, 337]
