"""The body of POST /{phone}/messages, kind by kind, with the platform's length limits (text 4,096; caption 1,024; ...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scrm.sandbox.graph.contract import Check, anything, array, boolean, by_type, number_or_text, one_of, record, text
from scrm.sandbox.graph.errors import GraphError

URL = text(pattern=r"https?://\S+", most=2000)
USER_ID = text(pattern=r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
TITLE = text(most=20)
FREE = record({}, closed=False)


def media(optional: Mapping[str, Check] | None = None) -> Check:
    """An uploaded id or a link, exactly one of them."""
    members = record({}, {"id": text(), "link": URL, **(optional or {})})

    def check(value: Any, where: str) -> None:
        members(value, where)
        if ("id" in value) == ("link" in value):
            raise GraphError(131008 if "id" not in value else 100, f"Param {where} needs either 'id' or 'link'")

    return check


CAPTION: dict[str, Check] = {"caption": text(most=1024, least=0)}
BODY_1024 = record({"text": text(most=1024)})
BODY_4096 = record({"text": text(most=4096)})
FOOTER = record({"text": text(most=60)})
HEADER = by_type(
    {
        "text": record({"type": anything, "text": text(most=60)}, {"sub_text": text(most=60)}),
        "image": record({"type": anything, "image": media()}),
        "video": record({"type": anything, "video": media()}),
        "document": record({"type": anything, "document": media({"filename": text()})}),
    }
)
REPLY_BUTTON = record({"type": one_of("reply"), "reply": record({"id": text(most=256), "title": TITLE})})
ROW = record({"id": text(most=200), "title": text(most=24)}, {"description": text(most=72, least=0)})
SECTION = record({"rows": array(ROW, least=1, most=10)}, {"title": text(most=24, least=0)})
LIST_ACTION = record({"button": TITLE, "sections": array(SECTION, least=1, most=10)})
URL_PARAMETERS = record({"display_text": TITLE, "url": text()})
FLOW_PARAMETERS = record({"flow_message_version": anything, "flow_cta": text()}, closed=False)
OTHER_INTERACTIVES = (
    "product",
    "product_list",
    "catalog_message",
    "address_message",
    "call_permission_request",
    "voice_call",
    "carousel",
    "order_details",
    "order_status",
    "request_contact_info",
)


def _with_frame(body: Check, action: Check) -> Check:
    return record({"type": anything, "body": body, "action": action}, {"header": HEADER, "footer": FOOTER})


def _list(value: Any, where: str) -> None:
    _with_frame(BODY_4096, LIST_ACTION)(value, where)
    sections = value["action"]["sections"]
    rows = [row["id"] for section in sections for row in section["rows"]]
    if len(rows) > 10:
        raise GraphError(131009, f"Total row count exceeds the limit of 10 in {where}['action']['sections']")
    if len(set(rows)) < len(rows):
        raise GraphError(131009, f"Duplicated row id in {where}['action']['sections']")
    if len(sections) > 1 and not all(section.get("title") for section in sections):
        raise GraphError(131009, f"Every section of several needs a title in {where}['action']['sections']")


def _buttons(value: Any, where: str) -> None:
    _with_frame(BODY_1024, record({"buttons": array(REPLY_BUTTON, least=1, most=3)}))(value, where)
    ids = [button["reply"]["id"] for button in value["action"]["buttons"]]
    if len(set(ids)) < len(ids):
        raise GraphError(131009, f"Duplicated button id in {where}['action']['buttons']")


INTERACTIVE = by_type(
    {
        "button": _buttons,
        "list": _list,
        "cta_url": _with_frame(BODY_1024, record({"name": one_of("cta_url"), "parameters": URL_PARAMETERS})),
        "location_request_message": record({"type": anything, "body": BODY_1024, "action": record({"name": one_of("send_location")})}),
        "flow": _with_frame(BODY_1024, record({"name": one_of("flow"), "parameters": FLOW_PARAMETERS})),
        **{kind: record({"type": anything, "action": FREE}, closed=False) for kind in OTHER_INTERACTIVES},
    }
)
PARAMETER = by_type(
    {
        "text": record({"type": anything, "text": text()}, {"parameter_name": text(pattern=r"[a-z0-9_]+")}),
        "image": record({"type": anything, "image": media()}, {"parameter_name": text()}),
        "video": record({"type": anything, "video": media()}),
        "document": record({"type": anything, "document": media({"filename": text()})}),
        "location": record({"type": anything, "location": FREE}),
        "currency": record({"type": anything, "currency": FREE}, {"parameter_name": text()}),
        "date_time": record({"type": anything, "date_time": FREE}, {"parameter_name": text()}),
        "payload": record({"type": anything, "payload": text(most=256)}),
        "coupon_code": record({"type": anything, "coupon_code": text(most=20)}),
        **{
            kind: record({"type": anything}, closed=False)
            for kind in (
                "limited_time_offer", "action", "product", "tap_target_configuration", "ttl_minutes",
                "order_status", "order_details", "button", "expiration_time_ms",
            )
        },
    }
)  # fmt: skip
COMPONENT_TYPES = ("header", "body", "footer", "button", "carousel", "limited_time_offer", "order_status", "tap_target_configuration")
SUB_TYPES = (
    "quick_reply", "url", "copy_code", "flow", "catalog", "mpm", "voice_call", "phone_number", "order_details", "otp", "payment_request",
)  # fmt: skip


def _lower_one_of(*allowed: str) -> Check:
    return one_of(*allowed, *(word.upper() for word in allowed))


def _component(value: Any, where: str) -> None:
    members = {"sub_type": _lower_one_of(*SUB_TYPES), "index": number_or_text, "parameters": array(PARAMETER), "cards": array(FREE)}
    record({"type": _lower_one_of(*COMPONENT_TYPES)}, members)(value, where)
    if value["type"].lower() == "button" and not {"sub_type", "index"} <= value.keys():
        raise GraphError(131008, f"Required parameter is missing: {where}['sub_type'] or ['index']")


TEMPLATE = record(
    {
        "name": text(most=512, pattern=r"[a-z0-9_]+"),
        "language": record({"code": text(pattern=r"[a-z]{2,3}([_-][A-Za-z]{2,4})?")}, {"policy": one_of("deterministic")}),
    },
    {"namespace": text(least=0), "components": array(_component)},
)
LOCATION = record({"latitude": number_or_text, "longitude": number_or_text}, {"name": text(least=0), "address": text(least=0)})
CONTACT = record(
    {"name": record({"formatted_name": text()}, closed=False)},
    {"phones": array(FREE), "emails": array(FREE), "addresses": array(FREE), "urls": array(FREE), "org": FREE, "birthday": text()},
)
OBJECTS: dict[str, Check] = {
    "text": record({"body": text(most=4096)}, {"preview_url": boolean}),
    "image": media(CAPTION),
    "video": media(CAPTION),
    "audio": media({"voice": boolean}),
    "document": media({**CAPTION, "filename": text()}),
    "sticker": media(),
    "location": LOCATION,
    "contacts": array(CONTACT, least=1),
    "reaction": record({"message_id": text(), "emoji": text(most=32, least=0)}),
    "interactive": INTERACTIVE,
    "template": TEMPLATE,
}
ENVELOPE: dict[str, Check] = {
    "messaging_product": anything,
    "type": anything,
    "recipient_type": one_of("individual", "group"),
    "to": text(most=256),
    "recipient": USER_ID,
    "biz_opaque_callback_data": text(most=512, least=0),
    "recipient_identity_key_hash": text(),
}
MARK_READ = record(
    {"messaging_product": anything, "status": one_of("read"), "message_id": text()},
    {"typing_indicator": record({"type": one_of("text")})},
)


def check_product(body: Any) -> dict[str, Any]:
    """The body as an object that names the product."""
    if not isinstance(body, dict):
        raise GraphError(100, "The body must be a JSON object")
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, "The parameter messaging_product is required and must be 'whatsapp'.")
    return body


def check_message(body: dict[str, Any], *, only_templates: bool = False) -> str:
    """The kind of a well-formed message; GraphError otherwise."""
    kind = body.get("type")
    if kind is None:
        raise GraphError(131008, "Required parameter is missing: type")
    if not isinstance(kind, str) or kind not in OBJECTS:
        raise GraphError(100, f"Param type must be one of {{{', '.join(OBJECTS)}}}")
    if only_templates and kind != "template":
        raise GraphError(131055, "This endpoint takes template messages only")
    if "to" not in body and "recipient" not in body:
        raise GraphError(100, "The parameter to is required.")
    members = dict(ENVELOPE)
    if kind != "reaction":
        members["context"] = record({"message_id": text()})
    if kind == "template":
        members |= {"product_policy": one_of("CLOUD_API_FALLBACK", "STRICT"), "message_activity_sharing": boolean}
    record({kind: OBJECTS[kind]}, members)(body, "body")
    return kind
