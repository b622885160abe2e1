"""Which side of a field is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.sync.resolution import ALLOWANCE_MS, Side, Verdict, alike, resolve

NOW = 1_780_000_000_000
values = st.sampled_from(["", "陳大文", "陳小文", "Chan", "chan ", "+852 9123 4567", "1280.50"])
moments = st.integers(NOW - 10_000, NOW)
grains = st.sampled_from([1, 1_000])


def side(value: str, at: int | None = NOW, base: str | None = "陳大文") -> Side:
    return Side((value,), at, None if base is None else (base,))


class TestOneSide:
    @given(values, values, moments, moments)
    def test_only_ours_changed_goes_out_whatever_the_clocks_say(self, base: str, new: str, ours_at: int, theirs_at: int) -> None:
        found = resolve(side(new, ours_at, base), side(base, theirs_at, base), clock_ms=NOW)
        assert found.verdict is (Verdict.SAME if new == base else Verdict.OUT)

    @given(values, values, moments, moments)
    def test_only_theirs_changed_comes_in_whatever_the_clocks_say(self, base: str, new: str, ours_at: int, theirs_at: int) -> None:
        found = resolve(side(base, ours_at, base), side(new, theirs_at, base), clock_ms=NOW)
        assert found.verdict is (Verdict.SAME if new == base else Verdict.IN)

    @given(values)
    def test_what_comes_back_as_written_is_an_echo(self, base: str) -> None:
        assert resolve(side(base, base=base), side(base, NOW + 5, base), clock_ms=NOW).verdict is Verdict.SAME

    @pytest.mark.parametrize("tidied", ["+852 9123-4567", "85291234567", "  +85291234567 "])
    def test_what_the_crm_tidied_is_an_echo(self, tidied: str) -> None:
        found = resolve(Side(("+85291234567",), NOW, ("+85291234567",)), Side((tidied,), NOW + 50, None), clock_ms=NOW)
        assert found.verdict is Verdict.SAME

    def test_capitals_that_somebody_changed_there_are_a_change(self) -> None:
        found = resolve(side("chan", base="chan"), side("Chan", base="chan"), clock_ms=NOW)
        assert found.verdict is Verdict.IN


class TestBothSides:
    @given(values, values, values, moments, moments, grains)
    def test_a_change_is_never_dropped_silently(self, base: str, ours: str, theirs: str, ours_at: int, theirs_at: int, grain: int) -> None:
        found = resolve(side(ours, ours_at, base), side(theirs, theirs_at, base), grain_ms=grain, clock_ms=NOW)
        if ours != base and theirs != base and not alike(ours, theirs):
            assert found.verdict is Verdict.CONFLICT
            assert found.winner == ("" if ours_at // grain == theirs_at // grain else "ours" if ours_at > theirs_at else "theirs")

    @given(values, values, moments, moments, grains)
    def test_turned_round_the_other_side_wins(self, ours: str, theirs: str, ours_at: int, theirs_at: int, grain: int) -> None:
        one = resolve(side(ours, ours_at), side(theirs, theirs_at), grain_ms=grain, clock_ms=NOW)
        other = resolve(side(theirs, theirs_at), side(ours, ours_at), grain_ms=grain, clock_ms=NOW)
        if one.verdict is Verdict.CONFLICT:
            assert {one.winner, other.winner} in ({"ours", "theirs"}, {""})

    def test_the_same_new_value_is_agreed(self) -> None:
        assert resolve(side("陳小文"), side("陳小文"), clock_ms=NOW).verdict is Verdict.AGREED

    def test_within_a_second_of_a_crm_with_whole_seconds_nobody_wins(self) -> None:
        second = NOW - NOW % 1000 - 5_000
        found = resolve(side("陳小文", second + 999), side("Chan", second), grain_ms=1_000, clock_ms=NOW)
        assert (found.verdict, found.winner) == (Verdict.CONFLICT, "")
        assert resolve(side("陳小文", second + 1_000), side("Chan", second), grain_ms=1_000, clock_ms=NOW).winner == "ours"

    def test_a_clock_that_runs_ahead_does_not_win(self) -> None:
        found = resolve(side("陳小文"), side("Chan", NOW + ALLOWANCE_MS + 1), clock_ms=NOW)
        assert (found.winner, found.suspect) == ("", True)

    def test_without_times_nobody_wins(self) -> None:
        assert resolve(side("陳小文"), side("Chan", None), clock_ms=NOW).winner == ""


class TestFirstMeeting:
    def test_whoever_has_a_value_gives_it(self) -> None:
        assert resolve(side("", base=None), side("Chan", base=None), clock_ms=NOW).verdict is Verdict.IN
        assert resolve(side("Chan", base=None), side("", base=None), clock_ms=NOW).verdict is Verdict.OUT
        assert resolve(side("", base=None), side("", base=None), clock_ms=NOW).verdict in (Verdict.SAME, Verdict.AGREED)

    def test_two_values_are_compared_by_time(self) -> None:
        assert resolve(side("陳大文", NOW, None), side("Chan", NOW - 1, None), clock_ms=NOW).winner == "ours"


class TestDirections:
    @given(values, values, values)
    def test_a_one_way_field_never_goes_the_other_way(self, base: str, ours: str, theirs: str) -> None:
        out = resolve(side(ours, base=base), side(theirs, base=base), direction="out", clock_ms=NOW).verdict
        into = resolve(side(ours, base=base), side(theirs, base=base), direction="in", clock_ms=NOW).verdict
        assert out in (Verdict.SAME, Verdict.OUT, Verdict.AGREED)
        assert into in (Verdict.SAME, Verdict.IN, Verdict.AGREED)


class TestAlike:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1280.50", "1280.5"),
            ("2026-11-22T03:30:00.000Z", "2026-11-22T11:30:00+08:00"),
            ("2026-11-22T03:30:00.000Z", "1795318200000"),
            ("ＡＢＣ", "abc "),
            (["VIP", "批發"], "批發;VIP"),
            (None, ""),
        ],
    )
    def test_what_crms_tidy_is_alike(self, one: object, other: object) -> None:
        assert alike(one, other)
        assert alike(other, one)

    @pytest.mark.parametrize(("one", "other"), [("+85291234567", "+85291234568"), ("12", "13"), ("陳大文", "陳小文"), ("", "0")])
    def test_other_values_are_not(self, one: object, other: object) -> None:
        assert not alike(one, other)
