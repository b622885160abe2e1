from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.tags.keywords import KeywordRule, Matcher

OWN_RULES = (
    KeywordRule("price", ("price", "how much", "いくら", "値段", "多少錢", "價格", "幾錢")),
    KeywordRule("cancel", ("cancel", "キャンセル", "取消", "解約"), heeds_negation=True),
    KeywordRule("refund", ("refund", "返金", "退款", "退錢"), heeds_negation=True),
    KeywordRule("broken", ("broken", "壊れ", "故障", "壞了", "不良品"), heeds_negation=True),
    KeywordRule("apple", ("apple", "アップル", "蘋果")),
    KeywordRule("app", ("app", "アプリ", "應用程式")),
    KeywordRule("heart", ("❤", "👍")),
    KeywordRule("delivery", ("deliver", "delivery", "配送", "送貨")),
    KeywordRule("coupon", ("coupon", "クーポン", "優惠券"), exceptions=("coupon expired",)),
)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(OWN_RULES)


def keys(matcher: Matcher, text: str) -> set[int | str]:
    return {hit.key for hit in matcher.hits(text)}


class FindKeywords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("ＨＯＷ　ＭＵＣＨ is it", {"price"}),
            ("How\n much?", {"price"}),
            ("ｲｸﾗですか", {"price"}),
            ("イクラですか", {"price"}),
            ("おいくらですか", {"price"}),
            ("请问价格", {"price"}),
            ("請問價格", {"price"}),
            ("应用程式打不开", {"app"}),
            ("ｸｰﾎﾟﾝある？", {"coupon"}),
            ("love it ❤️", {"heart"}),
            ("👍🏽 ok", {"heart"}),
            ("refundしたいです", {"refund"}),
            ("我想cancel張單", {"cancel"}),
            ("Apple's new phone", {"apple"}),
        ],
    )
    def test_in_any_width_case_and_script(self, matcher: Matcher, text: str, expected: set[str]) -> None:
        assert keys(matcher, text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("refunds take how long", {"refund"}),
            ("it was refunded", {"refund"}),
            ("please cancel, cancelled, cancelling", {"cancel"}),
            ("two deliveries", {"delivery"}),
            ("pricing for two", {"price"}),
            ("several apps", {"app"}),
            ("an apple", {"apple"}),
            ("pineapple", set()),
            ("livery of the car", set()),
            ("happy", set()),
            ("application", set()),
            ("priceless", set()),
        ],
    )
    def test_latin_words_whole_with_plain_endings(self, matcher: Matcher, text: str, expected: set[str]) -> None:
        assert keys(matcher, text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("アプリが動かない", {"app"}),
            ("アプリコット", set()),
            ("アップルパイ", set()),
            ("パイアップル", set()),
            ("アップル・ストア", {"apple"}),
            ("ｱﾌﾟﾘ", {"app"}),
        ],
    )
    def test_katakana_not_inside_a_longer_katakana_word(self, matcher: Matcher, text: str, expected: set[str]) -> None:
        assert keys(matcher, text) == expected

    def test_short_words_get_no_endings(self) -> None:
        matcher = Matcher([KeywordRule("greeting", ("hi", "car"))])
        assert keys(matcher, "his caring") == set()
        assert keys(matcher, "hi, cars") == {"greeting"}

    def test_digits_do_not_run_on(self) -> None:
        matcher = Matcher([KeywordRule("order", ("order", "V15"))])
        assert keys(matcher, "order10234") == {"order"}
        assert keys(matcher, "V150") == set()

    def test_the_longest_keyword_of_a_rule_is_shown(self) -> None:
        (hit,) = Matcher([KeywordRule("order", ("order", "order status"))]).hits("my order status please")
        assert hit.matched == "order status"

    def test_nothing_without_keywords(self) -> None:
        assert Matcher([]).hits("How much?") == []
        assert Matcher([KeywordRule("empty", ("", "  "))]).hits("How much?") == []


class KeepTheOriginalPlace:
    @pytest.mark.parametrize(
        ("text", "matched"),
        [
            ("これ、ｲｸﾗですか", "ｲｸﾗ"),
            ("ｸｰﾎﾟﾝある？", "ｸｰﾎﾟﾝ"),
            ("I ❤️ it", "❤️"),
            ("㍿の価格… ＨＯＷ　ＭＵＣＨ", "ＨＯＷ　ＭＵＣＨ"),
            ("请问价格吗", "价格"),
        ],
    )
    def test_span_and_text(self, matcher: Matcher, text: str, matched: str) -> None:
        (hit,) = matcher.hits(text)
        assert (hit.matched, text[hit.start : hit.end]) == (matched, matched)

    @given(st.text(alphabet="ｲｸﾗｶﾞﾊﾟ イクラ価價格❤️👍🏽㍿①éÅaApp\u200d\u3099\uff9e取消不要クーポン \n", max_size=40))
    def test_every_span_is_a_part_of_the_text(self, text: str) -> None:
        matcher = Matcher(OWN_RULES)
        for hit in matcher.explain(text):
            assert 0 <= hit.start < hit.end <= len(text)
            assert text[hit.start : hit.end] == hit.matched
        assert {hit.key for hit in matcher.hits(text + " ")} == {hit.key for hit in matcher.hits(text)}


class Negation:
    @pytest.mark.parametrize(
        "text",
        [
            "please don't cancel",
            "do not cancel my order",
            "I don’t want a refund",
            "It is not broken",
            "no refund needed",
            "解約はしません",
            "キャンセルしないでください",
            "キャンセルするつもりはありません",
            "返金は不要です",
            "壊れていません",
            "故障ではありません",
            "唔好取消",
            "唔使退款喇",
            "不要帮我取消订单",
            "別取消",
            "没坏了",
            "沒有故障",
        ],
    )
    def test_silences_the_keyword_and_says_why(self, matcher: Matcher, text: str) -> None:
        assert keys(matcher, text) == set()
        assert any(hit.silenced.startswith("negated: ") for hit in matcher.explain(text))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("why can't I cancel", "cancel"),
            ("I haven't received my refund", "refund"),
            ("not refunded yet", "refund"),
            ("you didn't refund me", "refund"),
            ("Don't worry. Cancel it", "cancel"),
            ("キャンセルできません", "cancel"),
            ("返金されていません", "refund"),
            ("返金してくれません", "refund"),
            ("要不要取消", "cancel"),
            ("可不可以取消", "cancel"),
            ("是不是壞了", "broken"),
            ("还没退款", "refund"),
            ("點解唔退款", "refund"),
            ("你們不退款嗎", "refund"),
        ],
    )
    def test_keeps_what_only_sounds_negative(self, matcher: Matcher, text: str, expected: str) -> None:
        assert expected in keys(matcher, text)

    def test_is_heeded_only_by_rules_that_ask_for_it(self, matcher: Matcher) -> None:
        assert keys(matcher, "I don't know the price") == {"price"}
        assert keys(matcher, "not an apple") == {"apple"}


class Exceptions:
    def test_silence_the_whole_rule(self, matcher: Matcher) -> None:
        assert keys(matcher, "my coupon: COUPON EXPIRED?") == set()
        assert {hit.silenced for hit in matcher.explain("my coupon: COUPON EXPIRED?")} == {"unless: coupon expired"}

    def test_other_rules_go_on(self, matcher: Matcher) -> None:
        assert keys(matcher, "coupon expired, how much now?") == {"price"}


SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the labelled samples are not part of the repository")
class LabelledSamples:
    def test_every_message_gets_its_tags(self) -> None:
        rules = json.loads((SAMPLES / "own_keyword_rules.json").read_text())
        matcher = Matcher(KeywordRule(rule["tag"], tuple(rule["any"]), heeds_negation=rule["neg"]) for rule in rules)
        with (SAMPLES / "own_keyword_messages.csv").open() as lines:
            wrong = [row["text"] for row in csv.DictReader(lines) if keys(matcher, row["text"]) != set(json.loads(row["tags"]))]
        assert wrong == []
