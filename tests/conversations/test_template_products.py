"""Products of the catalogue in templates: one, several, all of them, and cards of them; what would be refused, sent and drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scrm.conversations.template_bubble import bubble_of
from scrm.conversations.template_parts import Button, Parts, compose, parts_of
from scrm.conversations.template_products import BadProducts, sections_in, words_of
from scrm.conversations.template_rules import Draft, check, errors_of
from scrm.conversations.template_sent import values_in
from scrm.conversations.template_text import NotFillable, fill, places_of

BODY = "您好 {{1}}，本月新品已經到店，歡迎選購。"
EXAMPLES = {"body_1": "陳生"}
SEVERAL = Parts(header_format="TEXT", header_text="本月新品", body=BODY, examples=EXAMPLES, buttons=(Button("MPM"),))
ONE = Parts(header_format="PRODUCT", body=BODY, footer="Harbour Beauty", examples=EXAMPLES, buttons=(Button("SPM"),))
ALL = Parts(body=BODY, examples=EXAMPLES, buttons=(Button("CATALOG"),))
CARD = Parts(header_format="PRODUCT", buttons=(Button("SPM"),))
CARDS = Parts(body=BODY, examples=EXAMPLES, cards=(CARD, CARD, CARD))
LINK = Button("URL", "購買", "https://shop.example/p/{{1}}", "https://shop.example/p/serum")


def fields(parts: Parts, category: str = "MARKETING") -> set[str]:
    return {finding.field for finding in errors_of(Draft("new_in", "zh_HK", category, parts))}


def request(parts: Parts, **values: Any) -> list[dict[str, Any]]:
    return fill(compose(parts, "MARKETING"), {"1": "陳生", **values}).components


class Templates:
    @pytest.mark.parametrize("parts", [SEVERAL, ONE, ALL, CARDS, replace(CARDS, cards=(replace(CARD, buttons=(LINK,)),) * 2)])
    def test_that_are_right_are_left_alone_and_come_back(self, parts: Parts) -> None:
        assert check(Draft("new_in", "zh_HK", "MARKETING", parts)) == []
        components = compose(parts, "MARKETING")
        again = parts_of(components)
        assert compose(again, "MARKETING") == components and again.others == ()

    @pytest.mark.parametrize("parts", [SEVERAL, ONE, ALL, CARDS])
    def test_are_promotions(self, parts: Parts) -> None:
        assert "category" in fields(parts, "UTILITY")

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            (replace(SEVERAL, header_format="", header_text=""), "header_format"),
            (replace(SEVERAL, header_format="IMAGE", header_handle="4::a"), "header_format"),
            (replace(SEVERAL, buttons=(Button("MPM"), Button("QUICK_REPLY", "好"))), "buttons"),
            (replace(SEVERAL, buttons=(Button("MPM"), Button("MPM"))), "buttons"),
            (replace(ONE, header_format=""), "header_format"),
            (replace(ONE, buttons=(Button("QUICK_REPLY", "好"),)), "header_format"),
            (replace(ALL, header_format="TEXT", header_text="本月新品"), "header_format"),
            (replace(CARDS, cards=(CARD,)), "cards"),
            (replace(CARDS, cards=(CARD, replace(CARD, body="字"))), "card_1_body"),
            (replace(CARDS, cards=(CARD, replace(CARD, buttons=()))), "card_1"),
            (replace(CARDS, cards=(replace(CARD, buttons=(Button("QUICK_REPLY", "好"),)),) * 2), "card_0"),
            (replace(CARDS, cards=(CARD, replace(CARD, header_format="IMAGE", header_handle="4::a"))), "cards"),
        ],
    )
    def test_say_what_the_platform_would_refuse(self, parts: Parts, field: str) -> None:
        assert field in fields(parts)

    def test_have_the_words_of_the_platform_on_their_buttons(self) -> None:
        texts = {parts.buttons[0].kind: compose(parts, "MARKETING")[-1]["buttons"] for parts in (SEVERAL, ONE, ALL)}
        assert texts == {
            "MPM": [{"type": "MPM", "text": "View items"}],
            "SPM": [{"type": "SPM", "text": "View"}],
            "CATALOG": [{"type": "CATALOG", "text": "View catalog"}],
        }


class Sections:
    def test_are_read_in_either_width(self) -> None:
        assert sections_in("人氣: A1, B2；新品：C3、D4\n ") == [
            {"title": "人氣", "product_items": [{"product_retailer_id": "A1"}, {"product_retailer_id": "B2"}]},
            {"title": "新品", "product_items": [{"product_retailer_id": "C3"}, {"product_retailer_id": "D4"}]},
        ]

    @pytest.mark.parametrize(
        "text",
        ["", " ; ", "A1, B2", "人氣:", ": A1", "字" * 25 + ": A1", "人氣: " + "x" * 101]
        + ["; ".join(f"{n}: A{n}" for n in range(11)), "人氣: " + ",".join(f"A{n}" for n in range(31))],
    )
    def test_that_the_platform_would_refuse_are_named(self, text: str) -> None:
        with pytest.raises(BadProducts):
            sections_in(text)


class Sending:
    def test_of_several_products_names_them_by_section(self) -> None:
        assert request(SEVERAL, button_0="人氣: A1, B2; 新品: C3")[-1] == {
            "type": "button",
            "sub_type": "mpm",
            "index": "0",
            "parameters": [
                {
                    "type": "action",
                    "action": {
                        "thumbnail_product_retailer_id": "A1",
                        "sections": [
                            {"title": "人氣", "product_items": [{"product_retailer_id": "A1"}, {"product_retailer_id": "B2"}]},
                            {"title": "新品", "product_items": [{"product_retailer_id": "C3"}]},
                        ],
                    },
                }
            ],
        }

    def test_of_one_product_puts_it_above(self) -> None:
        assert request(ONE, header="A1")[0] == {
            "type": "header",
            "parameters": [{"type": "product", "product": {"product_retailer_id": "A1"}}],
        }

    def test_of_the_catalogue_may_name_its_picture(self) -> None:
        assert len(request(ALL)) == 1
        assert request(ALL, button_0="A1")[1]["parameters"] == [{"type": "action", "action": {"thumbnail_product_retailer_id": "A1"}}]
        assert request(ALL, button_0="A1")[1]["sub_type"] == "catalog"
        assert [place.optional for place in places_of(compose(ALL, "MARKETING"))] == [False, True]

    def test_of_cards_names_a_product_on_each(self) -> None:
        cards = request(CARDS, card_0_header="A1", card_1_header="B2", card_2_header="C3")[-1]["cards"]
        assert [card["components"][0]["parameters"][0]["product"]["product_retailer_id"] for card in cards] == ["A1", "B2", "C3"]
        assert all(len(card["components"]) == 1 for card in cards)

    @pytest.mark.parametrize(
        ("parts", "values", "place"),
        [
            (SEVERAL, {}, "button_0"),
            (SEVERAL, {"button_0": "A1, B2"}, "button_0"),
            (SEVERAL, {"button_0": ["A1"]}, "button_0"),
            (ONE, {}, "header"),
            (ONE, {"header": "x" * 101}, "header"),
            (CARDS, {"card_0_header": "A1", "card_1_header": "B2"}, "card_2_header"),
        ],
    )
    def test_without_products_is_refused_in_words(self, parts: Parts, values: dict[str, Any], place: str) -> None:
        with pytest.raises(NotFillable) as refused:
            request(parts, **values)
        assert set(refused.value.problems) == {place}

    def test_can_be_read_back(self) -> None:
        for parts, values in ((SEVERAL, {"button_0": "人氣: A1, B2; 新品: C3"}), (ONE, {"header": "A1"}), (ALL, {"button_0": "A1"})):
            assert values_in(compose(parts, "MARKETING"), request(parts, **values)) == {"body_1": "陳生", **values}
        assert [words_of(each) for each in (None, [], {"sections": [None, {"product_items": 7}]})] == ["", "", ": "]


class Drawings:
    def test_show_the_products(self) -> None:
        several = bubble_of(compose(SEVERAL, "MARKETING"), {"button_0": "人氣: A1"})
        assert (several.products, several.buttons) == ((("", "人氣: A1"),), (("mpm", "View items"),))
        one = bubble_of(compose(ONE, "MARKETING"), {"header": "A1"})
        assert (one.header_kind, one.header, one.products) == ("product", (("", "A1"),), ())
        cards = bubble_of(compose(CARDS, "MARKETING"), {"card_1_header": "B2"}).cards
        assert [card.header for card in cards] == [(("gap", "SKU"),), (("", "B2"),), (("gap", "SKU"),)]
