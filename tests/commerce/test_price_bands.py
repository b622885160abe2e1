"""Sums in what customers write, and the bands they lie in."""

from __future__ import annotations

import pytest

from scrm.commerce.price_bands import band_of, sums_in


class TestSums:
    @pytest.mark.parametrize(
        ("text", "country", "bands"),
        [
            ("HK$1,200得唔得?", "HK", ["HKD 1000-1999"]),
            ("預算３萬元左右", "TW", ["TWD 20000-49999"]),
            ("5000円以下でお願いします", "JP", ["JPY 5000-9999"]),
            ("￥5,000まで", "JP", ["JPY 5000-9999"]),
            ("NT$ 3000 左右", "TW", ["TWD 2000-4999"]),
            ("1.5万円くらい", "JP", ["JPY 10000-19999"]),
            ("500蚊有冇平啲?", "HK", ["HKD 500-999"]),
            ("About $45, or S$ 60 with delivery", "SG", ["SGD 0-99", "SGD 0-99"]),
            ("USD 2000000 for all of them", "HK", ["USD 1000000+"]),
            ("between HK$99 and HK$100", "HK", ["HKD 0-99", "HKD 100-199"]),
        ],
    )
    def test_are_found_with_their_currency(self, text: str, country: str, bands: list[str]) -> None:
        assert [band_of(each) for each in sums_in(text, country)] == bands

    @pytest.mark.parametrize("text", ["我的電話 91234567", "2026年11月22日", "order 12345", "50% off", "3 pcs please", "$0", ""])
    def test_numbers_that_are_no_money_are_none(self, text: str) -> None:
        assert sums_in(text, "HK") == []

    def test_a_bare_sign_without_a_place_says_nothing(self) -> None:
        assert sums_in("$500") == []
