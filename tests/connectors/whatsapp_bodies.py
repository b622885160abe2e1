"""Webhook bodies of WhatsApp, made by hand: a shop in Hong Kong, Mei in Hong Kong, Kenji in Tokyo."""

from __future__ import annotations

import json
from typing import Any

OURS, MEI, KENJI = "85231230000", "85291234567", "819012345678"
MEI_USER, MEI_PARENT = "HK.13491208655302741918", "HK.ENT.11815799212886844830"


def envelope(*values: Any, field: str = "messages", **entry: Any) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", **entry, "changes": [{"field": field, "value": value} for value in values]}],
    }


def value(**parts: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "metadata": {"display_phone_number": OURS, "phone_number_id": "106540352242922"}, **parts}


def message(kind: str = "text", body: Any = None, **parts: Any) -> dict[str, Any]:
    shown = {kind: body} if body is not None else {"text": {"body": "荷物はどこですか"}}
    return {"from": MEI, "id": "wamid.HBgM1", "timestamp": "1764000000", "type": kind, **shown, **parts}


BODIES = [
    envelope(
        value(
            contacts=[{"profile": {"name": "陳美玲"}, "wa_id": MEI, "user_id": MEI_USER}],
            messages=[
                message(),
                message("image", {"id": "1", "mime_type": "image/jpeg", "sha256": "x", "caption": "壞了"}, id="wamid.2"),
                message("interactive", {"type": "button_reply", "button_reply": {"id": "a", "title": "はい"}}, id="wamid.3"),
                message(
                    "order",
                    {"catalog_id": "9", "product_items": [{"product_retailer_id": "SKU4711", "quantity": 2, "item_price": "88"}]},
                    id="wamid.4",
                ),
                message("reaction", {"message_id": "wamid.1", "emoji": "👍"}, id="wamid.5"),
            ],
        ),
        value(
            statuses=[
                {
                    "id": "wamid.9",
                    "status": "failed",
                    "timestamp": "1764000000",
                    "recipient_id": KENJI,
                    "errors": [{"code": 131049, "title": "t"}],
                }
            ]
        ),
    ),
    envelope(value(message_echoes=[message(to=MEI, id="wamid.6", **{"from": OURS})]), field="smb_message_echoes"),
    envelope(value(history=[{"metadata": {"phase": 0}, "threads": [{"id": MEI, "messages": [message(id="wamid.7")]}]}]), field="history"),
    envelope(
        {"event": "APPROVED", "message_template_id": 594425479261596, "message_template_name": "order_update"},
        field="message_template_status_update",
        time=1764000000,
    ),
    envelope(
        value(user_preferences=[{"wa_id": MEI, "category": "marketing_messages", "value": "stop", "timestamp": 1764000000}]),
        field="user_preferences",
    ),
    envelope(value(messages=[message("system", {"type": "user_changed_number", "wa_id": "85290000001"}, id="wamid.8")])),
]
RAW = [json.dumps(body).encode() for body in BODIES]
