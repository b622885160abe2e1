"""The customer's cart on the phone: what a message offers can be ordered, nothing else, and the webhook is the platform's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from scrm.sandbox import ordering, thread
from scrm.sandbox.models import Chat, Message, Number, Person
from scrm.sandbox.numbers import CATALOGUE
from scrm.sandbox.story.catalogue import PRODUCTS
from tests.sandbox.conftest import Graph, message
from tests.sandbox.test_template_layouts import (
    ALL,
    BODY,
    ONE,
    PRODUCT,
    PRODUCT_CARD,
    SEVERAL,
    TITLE,
    action,
    approve,
    buttons,
    carousel,
    product,
    section,
    send,
    text,
    value,
)  # fmt: skip
from tests.sandbox.test_webhooks import played

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

EVERYTHING = {each.sku for each in PRODUCTS}
SHELVES = {
    "type": "product_list",
    "header": {"type": "text", "text": "本月新品"},
    "body": {"text": "請選擇"},
    "action": {"catalog_id": CATALOGUE, "sections": [section("手機", "APL-IP15", "OWN-1"), section("音響", "APL-APP2")]},
}
SINGLE = {"type": "product", "body": {"text": "呢款啱你"}, "action": {"catalog_id": CATALOGUE, "product_retailer_id": "APL-IP15"}}
WHOLE = {"type": "catalog_message", "body": {"text": "全部商品"}, "action": {"name": "catalog_message"}}


def offering(graph: Graph, person: Person, interactive: dict[str, Any] | None = None) -> Message:
    assert graph("messages", message(person, "interactive", interactive or SHELVES)).status_code == 200
    return Message.objects.get(inbound=False)


def order(client: Client, person: Person, target: Message, items: Any, **more: Any) -> Any:
    given = {"act": "order", "person": person.pk, "number": target.number.slug, "target": target.wamid, "items": json.dumps(items)}
    return client.post("/sandbox/phone/send/", given | more)


def pieces(code: Any, quantity: Any = 1) -> dict[str, Any]:
    return {"code": code, "quantity": quantity}


class Orders:
    def test_reach_the_business_as_the_platform_tells_them(self, client: Client, graph: Graph, tai_man: Person) -> None:
        offer = offering(graph, tai_man)
        answer = order(client, tai_man, offer, [pieces("APL-IP15", 2), pieces("APL-APP2")], note="請包裝好")
        assert answer.status_code == 200, answer.content
        sent = played()[-1]
        assert {name: sent[name] for name in ("from", "type", "order")} == {
            "from": tai_man.phone,
            "type": "order",
            "order": {
                "catalog_id": CATALOGUE,
                "product_items": [
                    {"product_retailer_id": "APL-IP15", "quantity": 2, "item_price": 5999, "currency": "HKD"},
                    {"product_retailer_id": "APL-APP2", "quantity": 1, "item_price": 1849, "currency": "HKD"},
                ],
                "text": "請包裝好",
            },
        }
        assert set(sent) == {"from", "from_user_id", "id", "timestamp", "type", "order"}

    def test_without_a_word_have_none(self, client: Client, graph: Graph, tai_man: Person) -> None:
        order(client, tai_man, offering(graph, tai_man), [pieces("APL-APP2")], note=" ")
        assert set(played()[-1]["order"]) == {"catalog_id", "product_items"}

    def test_stand_on_the_phone_with_their_lines(self, client: Client, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        order(client, tai_man, offering(graph, tai_man), [pieces("APL-APP2", 3)])
        state = thread.chat_state(Chat.objects.get(person=tai_man, number=hongkong))
        (line,) = state["bubbles"][-1]["ordered"]
        assert line == {"code": "APL-APP2", "name": "AirPods Pro 2", "quantity": 3, "price": 1849, "currency": "HKD"}
        assert Chat.objects.get(person=tai_man, number=hongkong).preview == "🛒 3 × APL-APP2"

    def test_have_a_price_of_two_places_as_such(self) -> None:
        assert (ordering._number(PRODUCTS[0].prices["SGD"]), ordering._number(PRODUCTS[10].prices["SGD"])) == (1149, 39.9)

    @pytest.mark.parametrize(
        ("items", "words"),
        [
            ([], "at least one"),
            ({}, "at least one"),
            (["APL-IP15"], "does not offer"),
            ([pieces(["APL-IP15"])], "does not offer"),
            ([pieces("DYS-V15")], "does not offer DYS-V15"),
            ([pieces("OWN-1")], "OWN-1 is not in the catalogue"),
            ([pieces("APL-IP15", 0)], "1 to 99"),
            ([pieces("APL-IP15", 100)], "1 to 99"),
            ([pieces("APL-IP15", True)], "1 to 99"),
            ([pieces("APL-IP15", "2")], "1 to 99"),
            ([pieces("APL-IP15"), pieces("APL-IP15")], "once"),
        ],
    )
    def test_that_no_phone_could_make_are_told_in_words(
        self, items: Any, words: str, client: Client, graph: Graph, tai_man: Person
    ) -> None:
        answer = order(client, tai_man, offering(graph, tai_man), items)
        assert answer.status_code == 400 and words in json.loads(answer.content)["error"]
        assert not Message.objects.filter(kind="order").exists()

    def test_of_what_the_customer_wrote_are_none(self, client: Client, tai_man: Person) -> None:
        assert order(client, tai_man, Message.objects.get(), [pieces("APL-IP15")]).status_code == 400


class Offers:
    @pytest.mark.parametrize(
        ("interactive", "codes"), [(SHELVES, {"APL-IP15", "OWN-1", "APL-APP2"}), (SINGLE, {"APL-IP15"}), (WHOLE, EVERYTHING)]
    )
    def test_of_free_messages(self, interactive: dict[str, Any], codes: set[str], graph: Graph, tai_man: Person) -> None:
        assert ordering.offered(offering(graph, tai_man, interactive)) == codes

    @pytest.mark.parametrize(
        ("layout", "given", "codes"),
        [
            (
                (TITLE, BODY, buttons(SEVERAL)),
                (action(thumbnail_product_retailer_id="APL-IP15", sections=[section("人氣", "APL-IP15", "APL-APP2")]),),
                {"APL-IP15", "APL-APP2"},
            ),
            ((PRODUCT, BODY, buttons(ONE)), (product(),), {"APL-IP15"}),
            ((BODY, buttons(ALL)), (), EVERYTHING),
            (
                (BODY, carousel(PRODUCT_CARD, PRODUCT_CARD)),
                (
                    {
                        "type": "carousel",
                        "cards": [{"card_index": n, "components": [product(code)]} for n, code in enumerate(("APL-IP15", "APL-APP2"))],
                    },
                ),
                {"APL-IP15", "APL-APP2"},
            ),
        ],
    )
    def test_of_templates(self, layout: Any, given: Any, codes: set[str], graph: Graph, hongkong: Number, tai_man: Person) -> None:
        approve(graph, hongkong, *layout)
        assert send(graph, tai_man, value(text("陳大文")), *given).status_code == 200
        assert ordering.offered(Message.objects.get(inbound=False)) == codes

    def test_of_words_alone_are_none(self, graph: Graph, tai_man: Person) -> None:
        graph("messages", message(tai_man, "text", {"body": "你好"}))
        assert ordering.offered(Message.objects.get(inbound=False)) == set()
