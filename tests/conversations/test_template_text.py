"""Filling a template: every kind of component, values as they are, what is missing named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.conversations.template_bubble import bubble_of, examples_for
from scrm.conversations.template_parts import Button, Parts, compose, parts_of
from scrm.conversations.template_text import NotFillable, fill, one_line, places_of

BODY = {"type": "BODY", "text": "您好 {{1}}，訂單 {{2}} 已寄出。"}
NAMED = {"type": "BODY", "text": "{{name}} 様、ご注文 {{ order }} を発送しました。"}


def template(*more: dict[str, Any], body: dict[str, Any] = BODY) -> list[dict[str, Any]]:
    return [*(part for part in more if part["type"] == "HEADER"), body, *(part for part in more if part["type"] != "HEADER")]


class Values:
    def test_stand_in_the_request_and_in_the_text(self) -> None:
        filled = fill([BODY], {"1": "陳生", "body_2": "HK-104233"})
        assert filled.text == "您好 陳生，訂單 HK-104233 已寄出。"
        assert filled.components == [
            {"type": "body", "parameters": [{"type": "text", "text": "陳生"}, {"type": "text", "text": "HK-104233"}]}
        ]

    def test_of_named_places_carry_their_names(self) -> None:
        (body,) = fill([NAMED], {"name": "佐藤", "order": "JP-1"}).components
        assert [p["parameter_name"] for p in body["parameters"]] == ["name", "order"]

    @pytest.mark.parametrize(
        "nasty",
        [
            "{{7*7}}",
            "{{2}}",
            "{{settings.SECRET_KEY}}",
            "{% debug %}",
            "{0.__class__}",
            "%(x)s %s %n",
            "${7*7}",
            "\\1\\g<0>",
            "<b>x</b>",
            "*b*",
        ],
    )
    def test_are_characters_and_are_never_evaluated(self, nasty: str) -> None:
        filled = fill([BODY], {"1": nasty, "2": "HK-1"})
        assert filled.text == f"您好 {nasty}，訂單 HK-1 已寄出。"
        assert filled.components[0]["parameters"][0]["text"] == nasty

    @pytest.mark.parametrize(
        ("given_value", "sent"),
        [
            ("陳\n大文", "陳 大文"),
            ("a\t\tb", "a b"),
            ("a" + " " * 9 + "b", "a b"),
            ("\r\n陳生 \u2028", "陳生"),
            ("مرحبا \u200fאב", "مرحبا \u200fאב"),
            ("👩\u200d🚀 🇭🇰", "👩\u200d🚀 🇭🇰"),
            ("x\x00\x07y", "xy"),
            ("a\ud800b", "ab"),
            ("全角　空白", "全角　空白"),
        ],
    )
    def test_are_brought_to_one_line(self, given_value: str, sent: str) -> None:
        assert fill([BODY], {"1": given_value, "2": "x"}).components[0]["parameters"][0]["text"] == sent

    @given(st.text())
    def test_never_hold_what_the_platform_refuses(self, text: str) -> None:
        cleaned = one_line(text)
        assert not any(mark in cleaned for mark in ("\n", "\t", "\r", "     ", "\x00"))
        cleaned.encode()

    @pytest.mark.parametrize("nothing", ["", "   ", "\n\t", "\u200b\u200f", "\u3000", None])
    def test_that_show_nothing_are_missing_and_named(self, nothing: str | None) -> None:
        with pytest.raises(NotFillable) as refused:
            fill([BODY], {"1": "陳生", "2": nothing})
        assert list(refused.value.problems) == ["2"] and "2" in str(refused.value)

    def test_that_are_missing_are_all_named_at_once(self) -> None:
        with pytest.raises(NotFillable) as refused:
            fill(template({"type": "HEADER", "format": "TEXT", "text": "{{1}}"}, body=NAMED), {"name": "佐藤"})
        assert set(refused.value.problems) == {"header_1", "order"}

    def test_that_make_the_text_too_long_are_refused_with_the_length(self) -> None:
        with pytest.raises(NotFillable) as refused:
            fill([BODY], {"1": "字" * 1010, "2": "x" * 20})
        assert str(1010 + 20 + len("您好 ，訂單  已寄出。")) in refused.value.problems["body"]

    def test_longer_than_a_place_are_refused_at_that_place(self) -> None:
        with pytest.raises(NotFillable) as refused:
            fill([BODY], {"1": "字" * 1025, "2": "x"})
        assert list(refused.value.problems) == ["1"]


class Headers:
    @pytest.mark.parametrize("kind", ["image", "video", "document"])
    @pytest.mark.parametrize(
        "file", ["https://cdn.example.hk/a.jpg", "1234567890", {"id": "99"}, {"link": "https://x.example/a", "filename": "發票.pdf"}]
    )
    def test_with_a_file_take_a_link_or_an_id(self, kind: str, file: Any) -> None:
        header = {"type": "HEADER", "format": kind.upper()}
        (first, _body) = fill(template(header), {"header": file, "1": "a", "2": "b"}).components
        (parameter,) = first["parameters"]
        assert parameter["type"] == kind and ("id" in parameter[kind]) != ("link" in parameter[kind])
        assert ("filename" in parameter[kind]) == (kind == "document" and isinstance(file, dict) and "filename" in file)

    @pytest.mark.parametrize("file", [None, "", "http", "https://", {"link": "javascript:alert(1)"}, {}, 5])
    def test_with_a_file_refuse_what_is_none(self, file: Any) -> None:
        with pytest.raises(NotFillable) as refused:
            fill(template({"type": "HEADER", "format": "IMAGE"}), {"header": file, "1": "a", "2": "b"})
        assert list(refused.value.problems) == ["header"]

    def test_with_a_place_take_coordinates(self) -> None:
        where = {"latitude": 22.28, "longitude": "114.15", "name": "中環\n店"}
        (header, _body) = fill(template({"type": "HEADER", "format": "LOCATION"}), {"header": where, "1": "a", "2": "b"}).components
        assert header["parameters"][0]["location"] == {"latitude": "22.28", "longitude": "114.15", "name": "中環 店"}

    @pytest.mark.parametrize("where", [None, {"latitude": 91, "longitude": 0}, {"latitude": "x", "longitude": 0}, {"latitude": 1}])
    def test_with_a_place_refuse_what_is_none(self, where: Any) -> None:
        with pytest.raises(NotFillable):
            fill(template({"type": "HEADER", "format": "LOCATION"}), {"header": where, "1": "a", "2": "b"})

    def test_of_kinds_that_are_unknown_are_refused_aloud(self) -> None:
        with pytest.raises(NotFillable, match="cannot be sent"):
            fill(template({"type": "HEADER", "format": "AUDIO"}), {"header": "1", "1": "a", "2": "b"})


class Buttons:
    def test_take_the_end_of_a_link_a_code_and_nothing_else(self) -> None:
        buttons = [
            {"type": "QUICK_REPLY", "text": "好"},
            {"type": "URL", "text": "查詢", "url": "https://x.example/{{1}}"},
            {"type": "URL", "text": "店", "url": "https://x.example/"},
            {"type": "PHONE_NUMBER", "text": "打電話", "phone_number": "+85221234567"},
            {"type": "COPY_CODE", "example": "SAVE10"},
            {"type": "CATALOG", "text": "全部"},
        ]
        parts = template({"type": "BUTTONS", "buttons": buttons})
        assert [place.key for place in places_of(parts)] == ["body_1", "body_2", "button_1", "button_4", "button_5"]
        request = fill(parts, {"1": "a", "2": "b", "button_1": "訂單 7", "button_4": "SAVE15"}).components[1:]
        assert request == [
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "%E8%A8%82%E5%96%AE%207"}]},
            {"type": "button", "sub_type": "copy_code", "index": "4", "parameters": [{"type": "coupon_code", "coupon_code": "SAVE15"}]},
        ]

    def test_of_forms_get_a_token(self) -> None:
        (_body, flow) = fill(template({"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "x"}]}), {"1": "a", "2": "b"}).components
        assert flow["sub_type"] == "flow" and flow["parameters"][0]["action"] == {"flow_token": "unused"}

    def test_of_authentication_repeat_the_code_of_the_body(self) -> None:
        body = {"type": "BODY", "text": "*{{1}}* is your verification code."}
        button = {"type": "URL", "text": "Copy code", "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}
        filled = fill([body, {"type": "BUTTONS", "buttons": [button]}], {"1": "123456"})
        assert filled.components[1]["parameters"] == [{"type": "text", "text": "123456"}]
        assert filled.text == "*123456* is your verification code."

    def test_that_cannot_be_sent_from_here_say_so(self) -> None:
        with pytest.raises(NotFillable, match="cannot be sent"):
            fill(template({"type": "BUTTONS", "buttons": [{"type": "ORDER_DETAILS", "text": "x"}]}), {"1": "a", "2": "b"})


class Offers:
    OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "只限今日", "has_expiration": True}}

    @pytest.mark.parametrize("ends", ["1795000000000", "2026-11-18T16:53:20+00:00", "2026-11-19T00:53:20+08:00"])
    def test_take_the_end_as_time_or_milliseconds(self, ends: str) -> None:
        request = fill([self.OFFER, BODY], {"offer": ends, "1": "a", "2": "b"}).components
        value = request[0]["parameters"][0]["limited_time_offer"]["expiration_time_ms"]
        assert isinstance(value, int) and value > 1_790_000_000_000

    @pytest.mark.parametrize("ends", ["", "soon", "2026-11-18T16:53:20", None])
    def test_without_a_clear_end_are_refused(self, ends: Any) -> None:
        with pytest.raises(NotFillable) as refused:
            fill([self.OFFER, BODY], {"offer": ends, "1": "a", "2": "b"})
        assert list(refused.value.problems) == ["offer"]


class Carousels:
    CARD = {
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "{{1}} 只售 {{2}} 元"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "買", "url": "https://x.example/{{1}}"}]},
        ]
    }

    def test_fill_every_card_by_its_own_places(self) -> None:
        parts = [BODY, {"type": "CAROUSEL", "cards": [self.CARD, self.CARD]}]
        values = {"1": "a", "2": "b"}
        for card in ("card_0_", "card_1_"):
            values |= {f"{card}header": "123", f"{card}body_1": f"精華 {card}", f"{card}body_2": "88", f"{card}button_0": "sku"}
        filled = fill(parts, values)
        cards = filled.components[1]["cards"]
        assert [card["card_index"] for card in cards] == [0, 1]
        assert [part["type"] for part in cards[0]["components"]] == ["header", "body", "button"]
        assert "精華 card_1_ 只售 88 元" in filled.text

    def test_name_the_card_whose_value_is_missing(self) -> None:
        with pytest.raises(NotFillable) as refused:
            fill([BODY, {"type": "CAROUSEL", "cards": [self.CARD]}], {"1": "a", "2": "b", "card_0_header": "1", "card_0_body_1": "x"})
        assert set(refused.value.problems) == {"card_0_body_2", "card_0_button_0"}


class Damaged:
    @pytest.mark.parametrize(
        "components",
        [
            [],
            [None],
            [{"type": "BODY"}],
            [{"text": "x"}],
            [{"type": "BUTTONS", "buttons": None}],
            [{"type": "CAROUSEL", "cards": [None]}],
            ["x"],
        ],
    )
    def test_components_do_not_break_the_page(self, components: Any) -> None:
        assert fill(components, {}).text == ""
        bubble_of(components, {})
        parts_of([part for part in components if isinstance(part, dict)])


class Previews:
    def test_show_gaps_instead_of_braces(self) -> None:
        pieces = bubble_of([{"type": "BODY", "text": "*Hi {{1}}*, order {{2}}"}], {"body_2": "HK-1"}).body
        assert pieces == (("b", "Hi "), ("gap", "1"), ("", ", order "), ("", "HK-1"))

    def test_style_the_template_and_not_the_values(self) -> None:
        pieces = bubble_of([{"type": "BODY", "text": "_a_ ~b~ ```c``` {{1}} 2*3*4"}], {"body_1": "*x*"}).body
        assert [style for style, _ in pieces] == ["i", "", "s", "", "code", "", "", ""]
        assert ("", "*x*") in pieces

    def test_read_examples_of_both_forms(self) -> None:
        positional = {**BODY, "example": {"body_text": [["陳生", "HK-1"]]}}
        named = {**NAMED, "example": {"body_text_named_params": [{"param_name": "order", "example": "JP-1"}]}}
        assert examples_for([positional]) == {"body_1": "陳生", "body_2": "HK-1"}
        assert examples_for([named]) == {"body_order": "JP-1"}


class Parts_:
    PARTS = Parts(
        header_format="TEXT",
        header_text="訂單 {{1}}",
        body="{{name}} 您好，已寄出。",
        footer="Harbour Beauty",
        buttons=(
            Button("URL", "查詢", "https://x.example/{{1}}", "https://x.example/7"),
            Button("COPY_CODE", "", "SAVE10"),
            Button("QUICK_REPLY", "好"),
        ),
        examples={"header_1": "HK-1", "body_name": "陳生"},
    )

    def test_become_components_and_come_back(self) -> None:
        components = compose(self.PARTS, "UTILITY")
        json.dumps(components)
        assert parts_of(components) == self.PARTS

    def test_keep_components_that_are_not_written_here(self) -> None:
        offer = Offers.OFFER
        assert offer in compose(parts_of([BODY, offer]), "MARKETING")

    def test_of_authentication_leave_the_words_to_the_platform(self) -> None:
        components = compose(Parts(security_hint=True, code_minutes=5), "AUTHENTICATION")
        assert [part["type"] for part in components] == ["BODY", "FOOTER", "BUTTONS"] and "text" not in components[0]
