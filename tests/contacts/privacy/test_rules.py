"""Retention of 180 days, a legal hold, an erase request: twelve cases."""

from __future__ import annotations

import pytest

from scrm.contacts.privacy.rules import fate


class Fate:
    @pytest.mark.parametrize(
        ("age", "retention", "hold", "asked", "then"),
        [
            (10, 180, False, False, "keep"),
            (10, 180, False, True, "erase"),
            (10, 180, True, False, "keep"),
            (10, 180, True, True, "held"),
            (200, 180, False, False, "expire"),
            (200, 180, False, True, "erase"),
            (200, 180, True, False, "held"),
            (200, 180, True, True, "held"),
            (2000, None, False, False, "keep"),
            (2000, None, False, True, "erase"),
            (2000, None, True, False, "keep"),
            (2000, None, True, True, "held"),
        ],
    )
    def test_is_exact(self, age: int, retention: int | None, hold: bool, asked: bool, then: str) -> None:
        assert fate(age_days=age, retention_days=retention, hold=hold, erase_asked=asked) == then

    @pytest.mark.parametrize(("age", "then"), [(179.9, "keep"), (180.0, "keep"), (180.1, "expire")])
    def test_keeps_the_last_day_whole(self, age: float, then: str) -> None:
        assert fate(age_days=age, retention_days=180, hold=False, erase_asked=False) == then
