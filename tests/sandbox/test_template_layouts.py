"""The stand-in platform's offers and carousels: refused when wrong, delivered, shown on the phone, answered card by card."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from scrm.sandbox import play, thread
from scrm.sandbox.models import Chat, Message, MessageTemplate, Number, Person
from tests.sandbox.conftest import Graph, error_code

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

BODY = {"type": "BODY", "text": "您好 {{1}}，本月新品到店。", "example": {"body_text": [["陳生"]]}}
LINK = {"type": "URL", "text": "購買", "url": "https://shop.example/p/{{1}}", "example": ["https://shop.example/p/serum"]}
CODE = {"type": "COPY_CODE", "example": "SUMMER10"}
OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "夏日限時優惠", "has_expiration": True}}
PICTURE = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::a"]}}
WORDS = {"type": "BODY", "text": "只售 {{1}} 元，送完即止。", "example": {"body_text": [["188"]]}}
TAPS = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "想知多啲"}, LINK]}
CARD = {"components": [PICTURE, WORDS, TAPS]}


def buttons(*made: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(made)}


def creation(*components: dict[str, Any], category: str = "MARKETING") -> dict[str, Any]:
    return {"name": "summer", "language": "zh_HK", "category": category, "components": list(components)}


def carousel(*cards: Any) -> dict[str, Any]:
    return {"type": "CAROUSEL", "cards": list(cards)}


def approve(graph: Graph, number: Number, *components: dict[str, Any]) -> None:
    answer = graph(f"/{number.waba_id}/message_templates", creation(*components))
    assert answer.status_code == 200, answer.content
    MessageTemplate.objects.filter(template_id=json.loads(answer.content)["id"]).update(approve_at=0)


def send(graph: Graph, person: Person, *components: dict[str, Any]) -> Any:
    template = {"name": "summer", "language": {"code": "zh_HK"}, "components": list(components)}
    return graph("messages", {"messaging_product": "whatsapp", "to": f"+{person.phone}", "type": "template", "template": template})


def value(*parameters: dict[str, Any], kind: str = "body", **more: Any) -> dict[str, Any]:
    return {"type": kind, "parameters": list(parameters), **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def filled(index: int, price: str = "88") -> dict[str, Any]:
    picture = value({"type": "image", "image": {"link": "https://cdn.example/a.jpg"}}, kind="header")
    link = value(text("serum"), kind="button", sub_type="url", index="1")
    return {"card_index": index, "components": [picture, value(text(price)), link]}


class Submissions:
    @pytest.mark.parametrize(
        "components",
        [
            (OFFER, BODY, buttons(LINK)),
            (OFFER, BODY, buttons(LINK, CODE)),
            (OFFER, BODY, buttons(CODE)),
            (OFFER, BODY, buttons(CODE, LINK), {"type": "FOOTER", "text": "Harbour"}),
            (OFFER, {**BODY, "text": "字" * 601}, buttons(CODE, LINK)),
            (OFFER, BODY, buttons({"type": "COPY_CODE", "example": "X" * 16}, LINK)),
            (BODY, carousel(CARD)),
            (BODY, carousel(CARD, {"components": [PICTURE, TAPS]})),
            (BODY, carousel(CARD, CARD), buttons(LINK)),
            (BODY, carousel(*[{"components": [{**PICTURE, "example": {}}, TAPS]}] * 2)),
            (BODY, carousel(*[{"components": [PICTURE, {"type": "BODY", "text": "字" * 161}, TAPS]}] * 2)),
            (BODY, carousel(*[{"components": [PICTURE, buttons(CODE)]}] * 2)),
        ],
    )
    def test_of_a_wrong_form_are_refused(self, graph: Graph, hongkong: Number, components: tuple[dict[str, Any], ...]) -> None:
        assert error_code(graph(f"/{hongkong.waba_id}/message_templates", creation(*components))) == 100

    @pytest.mark.parametrize("components", [(OFFER, BODY, buttons(CODE, LINK)), (BODY, carousel(CARD, CARD))])
    def test_are_promotions_only(self, graph: Graph, hongkong: Number, components: tuple[dict[str, Any], ...]) -> None:
        address = f"/{hongkong.waba_id}/message_templates"
        assert error_code(graph(address, creation(*components, category="UTILITY"))) == 100
        assert graph(address, creation(*components)).status_code == 200


class Deliveries:
    def test_of_an_offer_reach_the_phone_with_code_and_end(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, OFFER, BODY, buttons(CODE, LINK))
        ends = int(time.time() * 1000) + 3_600_000
        offer = value({"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": ends}}, kind="limited_time_offer")
        code = value({"type": "coupon_code", "coupon_code": "SUMMER10"}, kind="button", sub_type="copy_code", index=0)
        link = value(text("serum"), kind="button", sub_type="url", index=1)
        assert send(graph, tai_man, offer, value(text("陳大文")), code, link).status_code == 200
        bubble = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))["bubbles"][-1]
        assert bubble["offer"] == {"text": "夏日限時優惠", "ends": ends}
        assert bubble["codes"] == ["SUMMER10"] and bubble["links"] == [{"title": "購買", "url": "https://shop.example/p/serum"}]
        late = value({"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1}}, kind="limited_time_offer")
        assert error_code(send(graph, tai_man, late, value(text("陳大文")), code, link)) == 132012

    def test_of_cards_are_shown_and_answered_one_by_one(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, BODY, carousel(CARD, CARD))
        sent = send(graph, tai_man, value(text("陳大文")), {"type": "carousel", "cards": [filled(0), filled(1, "99")]})
        assert sent.status_code == 200, sent.content
        bubble = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))["bubbles"][-1]
        assert [card["text"] for card in bubble["cards"]] == ["只售 88 元，送完即止。", "只售 99 元，送完即止。"]
        assert bubble["cards"][1]["media"] == "https://cdn.example/a.jpg"
        choice = bubble["cards"][1]["buttons"][0]["choice"]
        answer = play.tap_button(tai_man, Message.objects.get(wamid=bubble["id"]), choice)
        assert (answer.kind, answer.content) == ("button", {"text": "想知多啲", "payload": "想知多啲"})

    @pytest.mark.parametrize("choice", ["9.0", "1.1", "x.0", "0", "1."])
    def test_of_cards_take_no_answer_that_is_none(self, choice: str, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, BODY, carousel(CARD, CARD))
        send(graph, tai_man, value(text("陳大文")), {"type": "carousel", "cards": [filled(0), filled(1)]})
        with pytest.raises(ValueError, match="template has no"):
            play.tap_button(tai_man, Message.objects.get(inbound=False, kind="template"), choice)

    @pytest.mark.parametrize(
        ("cards", "code"), [([filled(0)], 132000), ([filled(1), filled(0)], 132000), ([filled(0), filled(1, "字" * 160)], 132005)]
    )
    def test_of_other_cards_are_refused(self, cards: list[Any], code: int, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, BODY, carousel(CARD, CARD))
        assert error_code(send(graph, tai_man, value(text("陳大文")), {"type": "carousel", "cards": cards})) == code


TITLE = {"type": "HEADER", "format": "TEXT", "text": "本月新品"}
PRODUCT = {"type": "HEADER", "format": "PRODUCT"}
SEVERAL, ONE, ALL = ({"type": kind, "text": words} for kind, words in (("MPM", "View items"), ("SPM", "View"), ("CATALOG", "View catalog")))
PRODUCT_CARD = {"components": [PRODUCT, buttons(ONE)]}


def product(code: str = "APL-IP15", **more: Any) -> dict[str, Any]:
    return value({"type": "product", "product": {"product_retailer_id": code, "catalog_id": "9", **more}}, kind="header")


def action(**given: Any) -> dict[str, Any]:
    return value({"type": "action", "action": given}, kind="button", sub_type="mpm", index="0")


def section(title: str = "人氣", *codes: str) -> dict[str, Any]:
    return {"title": title, "product_items": [{"product_retailer_id": code} for code in codes]}


class Products:
    @pytest.mark.parametrize(
        "components",
        [
            (BODY, buttons(SEVERAL)),
            (TITLE, BODY, buttons(SEVERAL, LINK)),
            (BODY, buttons(ONE)),
            (PRODUCT, BODY, buttons(LINK)),
            (TITLE, BODY, buttons(ALL)),
            (BODY, carousel(PRODUCT_CARD)),
            (BODY, carousel(*[{"components": [PRODUCT, WORDS, buttons(ONE)]}] * 2)),
            (BODY, carousel(*[{"components": [PRODUCT, buttons(ONE, LINK)]}] * 2)),
        ],
    )
    def test_of_a_wrong_form_are_refused(self, graph: Graph, hongkong: Number, components: tuple[dict[str, Any], ...]) -> None:
        assert error_code(graph(f"/{hongkong.waba_id}/message_templates", creation(*components))) == 100

    @pytest.mark.parametrize(
        "components",
        [
            (TITLE, BODY, buttons(SEVERAL)),
            (PRODUCT, BODY, buttons(ONE)),
            (BODY, buttons(ALL)),
            (BODY, carousel(PRODUCT_CARD, PRODUCT_CARD)),
        ],
    )
    def test_are_promotions_only(self, graph: Graph, hongkong: Number, components: tuple[dict[str, Any], ...]) -> None:
        address = f"/{hongkong.waba_id}/message_templates"
        assert error_code(graph(address, creation(*components, category="UTILITY"))) == 100
        assert graph(address, creation(*components)).status_code == 200

    def test_reach_the_phone_by_section(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, TITLE, BODY, buttons(SEVERAL))
        shown = action(thumbnail_product_retailer_id="APL-IP15", sections=[section("人氣", "APL-IP15", "OWN-1"), section("新品", "OWN-2")])
        assert send(graph, tai_man, value(text("陳大文")), shown).status_code == 200
        bubble = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))["bubbles"][-1]
        assert (bubble["header"], bubble["catalogue"]) == ("本月新品", "View items")
        assert [one["title"] for one in bubble["sections"]] == ["人氣", "新品"]
        assert bubble["sections"][0]["products"] == [{"code": "APL-IP15", "name": "iPhone 15 128GB"}, {"code": "OWN-1", "name": "OWN-1"}]

    def test_reach_the_phone_one_by_one_and_side_by_side(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, PRODUCT, BODY, buttons(ONE))
        assert send(graph, tai_man, product(), value(text("陳大文"))).status_code == 200
        bubble = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))["bubbles"][-1]
        assert bubble["products"] == [{"code": "APL-IP15", "name": "iPhone 15 128GB"}] and bubble["catalogue"] == "View"
        MessageTemplate.objects.all().delete()
        approve(graph, hongkong, BODY, carousel(PRODUCT_CARD, PRODUCT_CARD))
        cards = [{"card_index": n, "components": [product(code)]} for n, code in enumerate(("APL-IP15", "OWN-2"))]
        assert send(graph, tai_man, value(text("陳大文")), {"type": "carousel", "cards": cards}).status_code == 200
        bubble = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))["bubbles"][-1]
        assert [card["products"][0]["code"] for card in bubble["cards"]] == ["APL-IP15", "OWN-2"]

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ([], 132018),
            ([action(sections=[section("人氣", "A1")])], 131008),
            ([action(thumbnail_product_retailer_id="A1", sections=[])], 132018),
            ([action(thumbnail_product_retailer_id="A1", sections=[section("字" * 25, "A1")])], 132018),
            ([action(thumbnail_product_retailer_id="A1", sections=[section("人氣", *map(str, range(31)))])], 132018),
        ],
    )
    def test_of_a_wrong_number_are_refused(self, given: list[Any], code: int, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, TITLE, BODY, buttons(SEVERAL))
        assert error_code(send(graph, tai_man, value(text("陳大文")), *given)) == code

    def test_without_their_catalogue_are_refused(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, PRODUCT, BODY, buttons(ONE))
        assert error_code(send(graph, tai_man, product(catalog_id=""), value(text("陳大文")))) == 131008
