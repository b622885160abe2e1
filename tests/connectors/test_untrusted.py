"""Strings, numbers and times of strangers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import untrusted
from connectors.contracts import UNKNOWN_TIME
from connectors.timestamps import from_milliseconds, milliseconds, moment, moment_or_unknown

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=4),
)


class TestClean:
    @given(ANY_JSON)
    def test_everything_can_be_stored(self, value: Any) -> None:
        stored = json.dumps(untrusted.clean(value), ensure_ascii=False, allow_nan=False)
        # A backslash of the text itself is written as two.
        assert "\\u0000" not in stored.replace("\\\\", "")
        stored.encode("utf-8")

    def test_nul_goes_and_surrogates_are_marked(self) -> None:
        assert untrusted.clean({"a\x00": ["香\x00港", "\ud83d"]}) == {"a": ["香港", "\ufffd"]}

    def test_emoji_written_as_a_pair_is_whole(self) -> None:
        assert untrusted.loads(b'"\\ud83d\\ude00"') == "\U0001f600"

    def test_depth_is_bounded(self) -> None:
        value: Any = "leaf"
        for _ in range(untrusted.MAX_DEPTH + 5):
            value = [value]
        assert untrusted.TOO_DEEP in json.dumps(untrusted.clean(value))


class TestLoads:
    @given(st.binary())
    def test_raises_nothing_but_not_json(self, body: bytes) -> None:
        try:
            untrusted.loads(body)
        except untrusted.NotJson as error:
            assert str(error)

    def test_one_broken_byte_costs_one_character(self) -> None:
        assert untrusted.loads('{"a": "台北"}'.encode()[:-3] + b'\xff"}')["a"].startswith("台")


class TestMoment:
    @pytest.mark.parametrize(
        "value",
        [
            1_764_000_000,
            "1764000000",
            1_764_000_000_000,
            "1764000000000",
            1764000000.0,
            "2025-11-24T16:00:00Z",
            "2025-11-25T00:00:00+08:00",
        ],
    )
    def test_all_spellings_of_a_time(self, value: Any) -> None:
        assert moment(value) == datetime(2025, 11, 24, 16, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            0,
            -1,
            "0",
            "-1",
            "",
            "TIMESTAMP",
            True,
            [],
            {},
            253402300799,
            "9999-12-31T23:59:59Z",
            1e300,
            float("nan"),
            float("inf"),
            "9" * 400,
        ],
    )
    def test_nonsense_is_no_time(self, value: Any) -> None:
        assert moment(value) is None
        assert moment_or_unknown(value) == UNKNOWN_TIME

    @given(st.integers() | st.floats() | st.text() | st.none())
    def test_never_raises(self, value: Any) -> None:
        found = moment(value)
        assert found is None or 2009 <= found.year < 2100

    @given(st.datetimes(datetime(2009, 1, 1), datetime(2099, 12, 31)))
    def test_milliseconds_are_exact(self, when: datetime) -> None:
        exact = when.replace(tzinfo=UTC, microsecond=when.microsecond // 1000 * 1000)
        assert from_milliseconds(milliseconds(exact)) == exact
