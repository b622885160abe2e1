"""What the platform would refuse is said before it is asked, field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scrm.conversations.template_parts import Button, Parts
from scrm.conversations.template_rules import Draft, check, errors_of, marketing_signs, words_in

GOOD = Parts(body="您好 {{1}}，您的訂單 {{2}} 已於今日寄出，多謝惠顧。", examples={"body_1": "陳生", "body_2": "HK-104233"})


def draft(category: str = "UTILITY", name: str = "order_sent", language: str = "zh_HK", **parts: Any) -> Draft:
    return Draft(name, language, category, replace(GOOD, **parts))


def fields(wrong: Draft) -> set[str]:
    return {finding.field for finding in errors_of(wrong)}


class Drafts:
    def test_that_are_right_are_left_alone(self) -> None:
        assert check(draft()) == []
        buttons = (Button("URL", "查詢", "https://x.example/{{1}}", "https://x.example/1"), Button("PHONE_NUMBER", "致電", "+85221234567"))
        assert check(draft(footer="Harbour Beauty", buttons=buttons, header_format="TEXT", header_text="訂單")) == []

    @pytest.mark.parametrize("name", ["", "Order Sent", "order-sent", "訂單", "a" * 513, "order\n"])
    def test_need_a_name_of_small_letters(self, name: str) -> None:
        assert fields(draft(name=name)) == {"name"}

    @pytest.mark.parametrize("language", ["", "zh", "xx", "zh-HK", "tlh"])
    def test_need_a_language_of_the_platform(self, language: str) -> None:
        assert fields(draft(language=language)) == {"language"}

    def test_need_a_category(self) -> None:
        assert "category" in fields(draft(category="SPAM"))

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "   ",
            "字" * 1025,
            "{{1}} 您好，您的訂單 {{2}} 已寄出，多謝惠顧。",
            "您好 {{1}}，您的訂單已經寄出，編號是 {{2}}",
            "您好 {{1}}，您的訂單已經寄出，編號是 {{2}}。",
            "您好 {{1}} {{2}} 您的訂單已經寄出，多謝惠顧。",
            "您好 {{1}}{{2}} 您的訂單已經寄出，多謝惠顧。",
            "您好 {{1}}，您的訂單 {{3}} 已經寄出，多謝惠顧。",
            "您好 {{1}}，您的訂單 {{order}} 已經寄出，多謝惠顧。",
            "您好 {{First Name}}，您的訂單 {{1}} 和 {{2}} 已經寄出，多謝惠顧。",
            "您好 {{1}，您的訂單 {{2}} 已經寄出，多謝惠顧 }}。",
            "您 {{1}} 好 {{2}} 了",
            "您好 {{1}}，\n\n\n您的訂單 {{2}} 已經寄出，多謝惠顧。",
            "您好 {{1}}，\t您的訂單 {{2}} 已經寄出，多謝惠顧。",
        ],
    )
    def test_with_a_wrong_text_are_told_so_at_the_text(self, body: str) -> None:
        assert "body" in fields(draft(body=body))

    def test_take_exactly_the_limits(self) -> None:
        assert fields(draft(body="字" * 1024, footer="字" * 60, header_format="TEXT", header_text="字" * 60, name="a" * 512)) == set()

    @pytest.mark.parametrize("header", ["", "字" * 61, "a {{1}} b {{2}}", "*x*", "好\n好", "好 😀"])
    def test_with_a_wrong_header_are_told_so_there(self, header: str) -> None:
        examples = {**GOOD.examples, "header_1": "x", "header_2": "y"}
        assert fields(draft(header_format="TEXT", header_text=header, examples=examples)) == {"header_text"}

    def test_with_a_file_in_the_header_need_an_example_of_it(self) -> None:
        wrong = draft(header_format="IMAGE")
        assert fields(wrong) == {"header_file"}
        assert fields(replace(wrong, has_sample=True)) == set()

    @pytest.mark.parametrize("footer", ["字" * 61, "{{1}}", "a\nb"])
    def test_with_a_wrong_footer_are_told_so_there(self, footer: str) -> None:
        assert fields(draft(footer=footer)) == {"footer"}

    def test_need_an_example_for_each_variable(self) -> None:
        assert fields(draft(examples={"body_1": "陳生"})) == {"example_body_2"}

    @pytest.mark.parametrize(
        ("buttons", "field"),
        [
            ((Button("QUICK_REPLY", "字" * 26),), "button_0"),
            ((Button("QUICK_REPLY", ""),), "button_0"),
            ((Button("QUICK_REPLY", "{{1}}"),), "button_0"),
            ((Button("URL", "查", "x.example"),), "button_0"),
            ((Button("URL", "查", "https://x.example/{{1}}/y", "https://x.example/1/y"),), "button_0"),
            ((Button("URL", "查", "https://x.example/{{1}}", "https://other.example/1"),), "button_0_example"),
            ((Button("PHONE_NUMBER", "打", "2123 4567"),), "button_0"),
            ((Button("COPY_CODE", "", "A" * 16),), "button_0"),
            (tuple(Button("QUICK_REPLY", f"好{n}") for n in range(11)), "buttons"),
            (tuple(Button("URL", f"查{n}", "https://x.example/") for n in range(3)), "buttons"),
            ((Button("QUICK_REPLY", "A"), Button("URL", "B", "https://x.example/"), Button("QUICK_REPLY", "C")), "buttons"),
            ((Button("QUICK_REPLY", "Yes"), Button("QUICK_REPLY", "yes")), "button_0"),
        ],
    )
    def test_with_wrong_buttons_are_told_so_at_the_button(self, buttons: tuple[Button, ...], field: str) -> None:
        assert field in fields(draft(buttons=buttons))

    def test_of_authentication_need_no_text(self) -> None:
        assert check(Draft("login_code", "en", "AUTHENTICATION", Parts(code_minutes=5))) == []
        assert errors_of(Draft("login_code", "en", "AUTHENTICATION", Parts(code_minutes=91)))[0].field == "code_minutes"


class Words:
    def test_are_counted_in_scripts_without_spaces_too(self) -> None:
        assert words_in("Hello {{1}}, it's here") == 3
        assert words_in("您的訂單已寄出") == 4
        assert words_in("ご注文 A-1 を発送") == 5


class Promotions:
    @pytest.mark.parametrize(
        ("text", "sign"),
        [
            ("You left something behind in your cart", "cart"),
            ("カートに商品が残っています", "cart"),
            ("購物車內仍有商品", "cart"),
            ("We miss you!", "win_back"),
            ("好久不見", "win_back"),
            ("Enjoy 15% off", "offer"),
            ("全店 8折", "offer"),
            ("クーポンをお使いください", "offer"),
            ("お誕生日おめでとうございます", "birthday"),
            ("生日快樂", "birthday"),
            ("Please take our survey", "survey"),
            ("請填寫問卷", "survey"),
        ],
    )
    def test_are_recognised_in_four_languages(self, text: str, sign: str) -> None:
        assert sign in marketing_signs(text)

    @pytest.mark.parametrize(
        "text", ["Your order HK-1 has shipped", "ご注文を発送しました", "您的訂單已寄出", "Please rate your order HK-1: feedback"]
    )
    def test_are_not_seen_in_news_of_an_order(self, text: str) -> None:
        assert not marketing_signs(text)

    def test_in_a_service_notice_are_a_warning_and_no_error(self) -> None:
        findings = check(draft(body="您好 {{1}}，訂單 {{2}} 已寄出，下次購物可享 8折優惠，歡迎光臨。"))
        assert [(finding.field, finding.warning) for finding in findings] == [("category", True)]

    def test_in_a_promotion_are_nothing_to_speak_of(self) -> None:
        assert check(draft("MARKETING", body="您好 {{1}}，{{2}} 現正 8折優惠，歡迎光臨本店選購。")) == []
