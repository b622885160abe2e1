"""Sums as people of the region write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from scrm.commerce.money import written


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [
        ("JPY", "159800.00", "JPY 159,800"),
        ("TWD", "39900.00", "TWD 39,900"),
        ("HKD", "313", "HKD 313.00"),
        ("SGD", "39.9", "SGD 39.90"),
        ("JPY", "12.50", "JPY 12.50"),
        ("JPY", "-300.00", "JPY -300"),
    ],
)
def test_whole_units_have_no_cents_and_no_part_is_hidden(currency: str, amount: str, shown: str) -> None:
    assert written(currency, Decimal(amount)) == shown
