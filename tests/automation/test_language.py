from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from scrm.automation.actions.order_status import named_numbers
from scrm.automation.language import known_language, language_of
from scrm.automation.order_words import WORDS, OrderFacts, order_text
from scrm.commerce.models import Order


class LanguageOfAText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("私の荷物はどこですか?", "ja"),
            ("ｲｸﾗ", "ja"),
            ("訂單到邊度呀", "zh-hk"),
            ("幾時送貨", "zh-hk"),
            ("我的包裹到哪裡了", "zh-hant"),
            ("我的快递到哪了", "zh-hans"),
            ("Where is my order 10234?", "en"),
            ("10234", ""),
            ("👍", ""),
            ("", ""),
        ],
    )
    def test_is_told_by_its_script(self, text: str, expected: str) -> None:
        assert language_of(text) == expected

    @pytest.mark.parametrize(("text", "expected"), [("注文状況", "ja"), ("荷物", "ja"), ("订单", "zh-hans")])
    def test_shared_characters_are_read_as_the_customer_likely_writes(self, text: str, expected: str) -> None:
        assert language_of(text, likely="ja") == expected


class KnownLanguage:
    @pytest.mark.parametrize(
        ("code", "country", "expected"),
        [
            ("zh_TW", "", "zh-hant"),
            ("zh-HK", "", "zh-hk"),
            ("zh-Hant", "HK", "zh-hk"),
            ("zh-Hans", "", "zh-hans"),
            ("zh", "SG", "zh-hans"),
            ("ja-JP", "", "ja"),
            ("ko", "", ""),
        ],
    )
    def test_of_a_code(self, code: str, country: str, expected: str) -> None:
        assert known_language(code, country) == expected


class OrderWords:
    def test_every_way_of_writing_knows_every_state(self) -> None:
        for words in WORDS.values():
            assert set(words.statuses) == set(Order.Status.values)
            assert len(words.weekdays.split()) == 7

    def test_the_window_is_two_hours_to_both_sides_in_the_customers_zone(self) -> None:
        at = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
        text = order_text(OrderFacts("TK-1", "shipped", expected_at=at), "ja", ZoneInfo("Asia/Tokyo"), datetime(2026, 11, 20, tzinfo=UTC))
        assert "11月25日（水） 06:30〜10:30" in text


class NamedNumbers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("order #88 please", ["88"]),
            ("訂單10234嘅狀態", ["10234"]),
            ("ＨＫ－１０２３４ はどこ", ["HK-10234"]),
            ("HK-2026-0012", ["HK-2026-0012"]),
            ("I bought 2 in 2026", []),
            ("iPhone15 arrived?", []),
        ],
    )
    def test_are_found_in_any_width(self, text: str, expected: list[str]) -> None:
        assert named_numbers(text) == expected
