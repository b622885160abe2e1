"""Every kind of message that leaves, as the platform's contract wants it; and what breaks the contract never leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from test_whatsapp_wire import MEI, MEI_USER, SENT, channel_at

from connectors.channels.whatsapp.composing import KINDS, compose
from connectors.conformance import Answer
from connectors.contracts import Address, OutboundMessage
from connectors.errors import Rejected

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "whatsapp_cloud_contract.yaml"


def message(kind: str, content: dict[str, Any], **parts: Any) -> OutboundMessage:
    return OutboundMessage(**{"client_ref": "out-17", "to": MEI, "kind": kind, "content": content, **parts})


def interactive(kind: str, **content: Any) -> OutboundMessage:
    return message("interactive", {"type": kind, "body": "請選擇", **content})


def template(*components: dict[str, Any], **parts: Any) -> OutboundMessage:
    return message("template", {"name": "order_shipped", "language": "zh_HK", "components": list(components)}, **parts)


def button(sub_type: str, **parameter: Any) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": 0, "parameters": [parameter]}


def value(text: str, name: str = "") -> dict[str, Any]:
    return {"type": "text", "text": text, **({"parameter_name": name} if name else {})}


CARD = {"card_index": 0, "components": [{"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]}]}
LINK = {"link": "https://shop.example/mask.jpg"}

MESSAGES = [
    message("text", {"body": "你好", "preview_url": True}),
    message("text", {"body": "收到"}, reply_to="wamid.in1"),
    message("text", {"body": "看不到號碼"}, to=MEI_USER),
    message("text", {"body": "家族"}, to=Address("whatsapp_parent_user", "HK.ENT.11815799212886844830")),
    message("text", {"body": "test number"}, to=Address("phone", "+1 555-123-4567")),
    *[message(kind, {"id": "77"}) for kind in ("image", "video", "audio", "document", "sticker")],
    *[message(kind, LINK) for kind in ("image", "video", "audio", "document", "sticker")],
    message("image", {**LINK, "caption": "新品"}),
    message("document", {"id": "77", "caption": "發票", "filename": "INV-1.pdf"}),
    message("audio", {"id": "77", "voice": True}),
    message("location", {"latitude": "22.28", "longitude": 114.15, "name": "IFC", "address": "8 Finance Street"}),
    message("contacts", {"contacts": [{"name": "尖沙咀店"}]}),
    message(
        "contacts",
        {
            "contacts": [
                {
                    "name": {"formatted_name": "佐藤花子", "last_name": "佐藤"},
                    "phones": [{"phone": "+819012345678", "type": "CELL", "wa_id": "819012345678"}],
                    "emails": [{"email": "hanako@example.jp", "type": "WORK"}],
                    "addresses": [{"city": "Tokyo", "country_code": "jp"}],
                    "urls": [{"url": "https://shop.example"}],
                    "org": {"company": "Harbour Beauty"},
                    "birthday": "1990-05-05",
                }
            ]
        },
    ),
    message("reaction", {"message_id": "wamid.in1", "emoji": "👍🏽"}),
    message("reaction", {"message_id": "wamid.in1", "emoji": ""}, reply_to="wamid.in1"),
    interactive(
        "button", buttons=[{"id": "y", "title": "要"}, {"id": "n", "title": "不要"}], header={"type": "image", "id": "5"}, footer="f"
    ),
    interactive("list", button="看", sections=[{"rows": [{"id": "tst", "title": "尖沙咀", "description": "24h"}]}], header="分店"),
    interactive("cta_url", label="追蹤", url="https://t.example/1", header={"type": "document", "link": "https://t.example/a.pdf"}),
    interactive("location_request"),
    interactive("contact_request"),
    interactive("flow", label="預約", flow_id="123", token="t", screen="BOOKING", data={"shop": "TST"}, mode="published"),
    interactive("flow", label="預約", flow_name="booking", action="data_exchange"),
    interactive("product", catalog_id="9", product="SKU4711", footer="f"),
    interactive("product_list", header="面膜", catalog_id="9", sections=[{"products": ["SKU1", "SKU2"]}]),
    interactive("catalog", thumbnail="SKU1", footer="f"),
    interactive("catalog"),
    interactive("carousel", cards=[{"header": {"type": "image", **LINK}, "label": "買", "url": "https://shop.example/1"}] * 2),
    interactive("carousel", cards=[{"header": {"type": "video", "id": "5"}, "body": "b", "buttons": [{"id": "1", "title": "要"}]}] * 10),
    interactive("carousel", cards=[{"catalog_id": "9", "product": "SKU1"}, {"catalog_id": "9", "product": "SKU2"}]),
    interactive("address", country="sg", values={"name": "Tan Mei Ling"}),
    interactive("call_permission"),
    interactive("call", label="致電", minutes=60),
    interactive("call"),
    template(),
    template({"type": "HEADER", "parameters": [value("A1")]}, {"type": "body", "parameters": [value("陳", "name"), value("A1", "order")]}),
    *[
        template(
            {"type": "header", "parameters": [{"type": kind, kind: {"id": "7"} | ({"filename": "a.pdf"} if kind == "document" else {})}]}
        )
        for kind in ("image", "video", "document")
    ],
    template(
        {"type": "header", "parameters": [{"type": "location", "location": {"latitude": "22.2", "longitude": "114.1", "name": "IFC"}}]}
    ),
    template({"type": "header", "parameters": [{"type": "product", "product": {"product_retailer_id": "SKU1", "catalog_id": "9"}}]}),
    template(
        {
            "type": "body",
            "parameters": [
                {"type": "currency", "currency": {"fallback_value": "HK$88", "code": "HKD", "amount_1000": 88000}},
                {"type": "date_time", "date_time": {"fallback_value": "11月23日"}},
            ],
        }
    ),
    template(button("quick_reply", type="payload", payload="track-A1"), button("url", type="text", text="A1")),
    template(button("copy_code", type="coupon_code", coupon_code="MASK25"), category="marketing"),
    template(
        {"type": "limited_time_offer", "parameters": [{"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1}}]}
    ),
    template(button("flow", type="action", action={"flow_token": "t"}), button("catalog", type="action", action={})),
    template(button("mpm", type="action", action={"sections": [{"title": "a", "product_items": [{"product_retailer_id": "SKU1"}]}]})),
    template({"type": "carousel", "cards": [CARD, CARD]}, category="marketing"),
    template(button("voice_call", type="ttl_minutes", ttl_minutes=10)),
]


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside the repository")
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return loaded


def faults(contract: dict[str, Any], schema: str, body: Any) -> list[str]:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": contract["components"]}
    return [error.message[:300] for error in Draft202012Validator(whole).iter_errors(json.loads(json.dumps(body)))]


class TestContract:
    @pytest.mark.parametrize("sent", MESSAGES, ids=lambda sent: f"{sent.kind}-{sent.content.get('type', '')}")
    def test_every_message_keeps_it(self, contract: dict[str, Any], sent: OutboundMessage) -> None:
        assert faults(contract, "MessageRequest", compose(sent)) == []

    def test_every_kind_is_among_them(self) -> None:
        assert {sent.kind for sent in MESSAGES} == KINDS

    @pytest.mark.parametrize("typing", [False, True])
    def test_reading_marks_keep_it(self, contract: dict[str, Any], loopback: Any, typing: bool) -> None:
        channel_at(loopback.url).mark_read("wamid.in1", typing=typing)
        assert faults(contract, "MessageRequest", loopback.seen[0].json) == []

    def test_our_reference_travels_with_every_message(self) -> None:
        assert {compose(sent)["biz_opaque_callback_data"] for sent in MESSAGES} == {"out-17"}


class TestMarketingEndpoint:
    @pytest.mark.parametrize(
        ("setting", "category", "path"),
        [("on", "marketing", "marketing_messages"), ("on", "utility", "messages"), ("", "marketing", "messages")],
    )
    def test_takes_marketing_templates_when_switched_on(self, loopback: Any, setting: str, category: str, path: str) -> None:
        loopback.always(Answer(200, json.dumps(SENT).encode()))
        channel_at(loopback.url, marketing_messages=setting).send(template(category=category))
        assert loopback.seen[0].path.endswith(f"/{path}")

    def test_takes_nothing_else(self, loopback: Any) -> None:
        loopback.always(Answer(200, json.dumps(SENT).encode()))
        channel_at(loopback.url, marketing_messages="on").send(message("text", {"body": "優惠"}, category="marketing"))
        assert loopback.seen[0].path.endswith("/messages")


class TestRefusals:
    @pytest.mark.parametrize(
        "sent",
        [
            message("contacts", {"contacts": []}),
            message("contacts", {"contacts": [{"phones": [{"phone": "1"}]}]}),
            message("document", {"id": "1", "filename": "f" * 241}),
            message("image", {"link": "https://"}),
            message("image", {"link": "https://shop.example/" + "a" * 2000}),
            message("text", {"body": "你好"}, to=Address("whatsapp_user", "not a user id")),
            message("text", {"body": "你好"}, to=Address("whatsapp", "1" * 30)),
            template(to=MEI_USER, category="authentication"),
            message("template", {"name": "order_shipped", "language": "Chinese (HKG)"}),
            template({"type": "ribbon"}),
            template({"type": "body", "parameters": [value(" ")]}),
            template({"type": "body", "parameters": [value("x", "Order Number")]}),
            template({"type": "body", "parameters": [{"type": "hologram"}]}),
            template({"type": "body", "parameters": [{"type": "currency"}]}),
            template({"type": "header", "parameters": [{"type": "image", "image": {}}]}),
            template({"type": "button", "sub_type": "url"}),
            template({"type": "button", "sub_type": "teleport", "index": 0}),
            template(button("copy_code", type="coupon_code", coupon_code="c" * 21)),
            interactive("flow", label="預約"),
            interactive("flow", label="預約", flow_id="1", action="dance"),
            interactive("product", catalog_id="9"),
            interactive("product_list", header="h", catalog_id="9", sections=[{"products": ["S"] * 31}]),
            interactive("product_list", catalog_id="9", sections=[{"products": ["S"]}]),
            interactive("product_list", header="h", catalog_id="9", sections=[{"products": []}]),
            interactive("carousel", cards=[{"catalog_id": "9", "product": "1"}]),
            interactive(
                "carousel",
                cards=[{"catalog_id": "9", "product": "1"}, {"header": {"type": "image", **LINK}, "label": "a", "url": "http://a"}],
            ),
            interactive("carousel", cards=[{"header": "text", "label": "a", "url": "https://a.b"}] * 2),
            interactive("address", country="HK"),
            interactive("hologram"),
        ],
    )
    def test_say_what_to_change(self, sent: OutboundMessage) -> None:
        with pytest.raises(Rejected) as refused:
            compose(sent)
        assert refused.value.title
