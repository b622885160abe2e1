"""Limited-time offers and cards side by side: what the platform would refuse, and that form and components undo each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scrm.conversations.template_bubble import bubble_of, examples_for
from scrm.conversations.template_parts import Button, Parts, compose, is_named, parts_of
from scrm.conversations.template_rules import Draft, check, errors_of
from scrm.conversations.template_text import NotFillable, fill

BUY = Button("URL", "立即選購", "https://shop.example/o?code={{1}}", "https://shop.example/o?code=SUMMER")
OFFER = Parts(
    header_format="IMAGE",
    header_handle="4::a",
    body="您好 {{1}}，夏日護膚品全線優惠只限本週，把握機會。",
    buttons=(Button("COPY_CODE", "", "SUMMER10"), BUY),
    examples={"body_1": "陳生"},
    offer="夏日限時優惠",
    offer_ends=True,
)
CARD = Parts(
    header_format="IMAGE",
    header_handle="4::b",
    body="保濕精華，只售 {{1}} 元，送完即止。",
    buttons=(Button("QUICK_REPLY", "想知多啲"), Button("URL", "購買", "https://shop.example/p/{{1}}", "https://shop.example/p/serum")),
    examples={"body_1": "188"},
)
CAROUSEL = Parts(
    body="您好 {{1}}，本月新品已經到店，歡迎選購。",
    examples={"body_1": "陳生"},
    cards=(CARD, replace(CARD, body="防曬乳，只售 {{1}} 元，送完即止。")),
)


def fields(parts: Parts, category: str = "MARKETING", **samples: Any) -> set[str]:
    return {finding.field for finding in errors_of(Draft("summer", "zh_HK", category, parts, **samples))}


class Offers:
    def test_that_are_right_are_left_alone(self) -> None:
        assert check(Draft("summer", "zh_HK", "MARKETING", OFFER)) == []

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"offer": ""}, "offer"),
            ({"offer": "字" * 17}, "offer"),
            ({"offer": "{{1}} 優惠"}, "offer"),
            ({"footer": "Harbour Beauty"}, "footer"),
            ({"header_format": "TEXT", "header_text": "優惠"}, "header_format"),
            ({"body": "字" * 601, "examples": {}}, "body"),
            ({"buttons": (Button("COPY_CODE", "", "SUMMER10"),)}, "buttons"),
            ({"buttons": (BUY,)}, "buttons"),
            ({"buttons": (BUY, Button("COPY_CODE", "", "SUMMER10"))}, "buttons"),
            ({"buttons": (*OFFER.buttons, Button("QUICK_REPLY", "好"))}, "buttons"),
            ({"buttons": (Button("COPY_CODE", "", "X" * 16), BUY)}, "button_0"),
        ],
    )
    def test_that_are_wrong_are_told_at_their_field(self, changes: dict[str, Any], field: str) -> None:
        assert fields(replace(OFFER, **changes)) == {field}

    def test_that_do_not_count_down_need_no_code(self) -> None:
        assert fields(replace(OFFER, offer_ends=False, buttons=(BUY,))) == set()

    def test_are_promotions(self) -> None:
        assert fields(OFFER, "UTILITY") == {"category"}

    def test_become_components_and_come_back(self) -> None:
        components = compose(OFFER, "MARKETING")
        assert [part["type"] for part in components] == ["HEADER", "LIMITED_TIME_OFFER", "BODY", "BUTTONS"]
        assert components[1]["limited_time_offer"] == {"text": "夏日限時優惠", "has_expiration": True}
        assert parts_of(components) == OFFER

    def test_that_are_over_are_not_sent(self) -> None:
        now = datetime(2026, 7, 1, tzinfo=UTC)
        values = {"header": "1", "1": "陳生", "button_0": "SUMMER10", "button_1": "x", "offer": "2026-07-01T08:00:00+08:00"}
        with pytest.raises(NotFillable, match="over already"):
            fill(compose(OFFER, "MARKETING"), values, now=now)
        sent = fill(compose(OFFER, "MARKETING"), {**values, "offer": "2026-07-01T08:00:01+08:00"}, now=now).components
        assert sent[1]["parameters"][0]["limited_time_offer"] == {"expiration_time_ms": 1782864001000}
        assert sent[3]["parameters"] == [{"type": "coupon_code", "coupon_code": "SUMMER10"}]

    def test_are_drawn_with_their_code(self) -> None:
        components = compose(OFFER, "MARKETING")
        drawn = bubble_of(components, examples_for(components))
        assert (drawn.offer, drawn.offer_ends, drawn.code) == ("夏日限時優惠", True, "SUMMER10")


class Carousels:
    def test_that_are_right_are_left_alone(self) -> None:
        assert check(Draft("new_in", "zh_HK", "MARKETING", CAROUSEL)) == []

    def test_may_have_cards_without_words(self) -> None:
        bare = replace(CARD, body="", examples={})
        assert fields(replace(CAROUSEL, cards=(bare, bare))) == set()

    @pytest.mark.parametrize(
        ("second", "field"),
        [
            ({"header_format": "VIDEO"}, "cards"),
            ({"body": "", "examples": {}}, "cards"),
            ({"buttons": CARD.buttons[:1]}, "cards"),
            ({"body": "字" * 161, "examples": {}}, "card_1_body"),
            ({"body": "一\n二\n三\n四", "examples": {}}, "card_1_body"),
            ({"body": "只售 {{1}}"}, "card_1_body"),
            ({"examples": {}}, "example_card_1_body_1"),
            ({"buttons": (CARD.buttons[0], replace(CARD.buttons[1], text="字" * 26))}, "card_1_button_1"),
            ({"buttons": (CARD.buttons[0], replace(CARD.buttons[1], example=""))}, "card_1_button_1_example"),
            ({"header_handle": ""}, "card_1_file"),
        ],
    )
    def test_that_are_wrong_are_told_at_their_field(self, second: dict[str, Any], field: str) -> None:
        assert field in fields(replace(CAROUSEL, cards=(CARD, replace(CARD, **second))))

    @pytest.mark.parametrize("count", [1, 11])
    def test_have_two_to_ten_cards(self, count: int) -> None:
        assert fields(replace(CAROUSEL, cards=(CARD,) * count)) == {"cards"}

    @pytest.mark.parametrize("buttons", [(), CARD.buttons * 2, (Button("COPY_CODE", "", "X"),)])
    def test_have_one_or_two_buttons_on_each_card(self, buttons: tuple[Button, ...]) -> None:
        card = replace(CARD, buttons=buttons)
        assert fields(replace(CAROUSEL, cards=(card, card))) >= {"card_0", "card_1"}

    def test_have_nothing_else_beside_the_cards(self) -> None:
        assert fields(replace(CAROUSEL, footer="Harbour")) == fields(replace(CAROUSEL, buttons=(BUY,))) == {"cards"}

    def test_are_promotions(self) -> None:
        assert fields(CAROUSEL, "UTILITY") == {"category"}

    def test_do_not_mix_numbers_and_names(self) -> None:
        named = replace(CARD, body="精華，只售 {{price}} 元，送完即止。", examples={"body_price": "188"})
        assert fields(replace(CAROUSEL, cards=(named, named))) == {"cards"}
        assert is_named(compose(replace(CAROUSEL, body="本月新品已經到店。", cards=(named, named)), "MARKETING"))

    def test_take_a_file_that_lies_here_as_the_example(self) -> None:
        bare = replace(CARD, header_handle="")
        assert fields(replace(CAROUSEL, cards=(bare, bare)), sampled=frozenset({0})) == {"card_1_file"}

    def test_become_components_and_come_back(self) -> None:
        components = compose(CAROUSEL, "MARKETING")
        assert [part["type"] for part in components] == ["BODY", "CAROUSEL"]
        assert [part["type"] for part in components[1]["cards"][0]["components"]] == ["HEADER", "BODY", "BUTTONS"]
        assert parts_of(components) == CAROUSEL

    def test_of_a_kind_that_is_not_written_here_are_kept_as_they_are(self) -> None:
        places = {"type": "CAROUSEL", "cards": [{"components": [{"type": "HEADER", "format": "LOCATION"}]}] * 2}
        parts = parts_of([{"type": "BODY", "text": "x"}, places])
        assert parts.cards == () and places in compose(parts, "MARKETING")

    def test_whose_values_are_too_long_for_a_card_are_not_sent(self) -> None:
        values = {"1": "陳生"}
        for n in (0, 1):
            values |= {f"card_{n}_header": "9", f"card_{n}_body_1": "1", f"card_{n}_button_1": "serum"}
        assert fill(compose(CAROUSEL, "MARKETING"), values)
        with pytest.raises(NotFillable) as refused:
            fill(compose(CAROUSEL, "MARKETING"), {**values, "card_1_body_1": "字" * 150})
        assert set(refused.value.problems) == {"card_1_body"}

    def test_are_drawn_card_by_card(self) -> None:
        components = compose(CAROUSEL, "MARKETING")
        drawn = bubble_of(components, examples_for(components) | {"card_1_body_1": "88"})
        assert [("", "88") in card.body for card in drawn.cards] == [False, True]
        assert [card.header_kind for card in drawn.cards] == ["image", "image"]
