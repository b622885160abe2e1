"""The values of a template message, held against the platform's form before they leave.

    {"name", "language": "zh_HK" | {"code"}, "components": [component]}
A component is {"type", "parameters"} with type header, body, footer, limited_time_offer, order_status; {"type": "button", "sub_type",
"index", "parameters"}; or {"type": "carousel", "cards": [{"card_index", "components"}]}. A parameter has a type and the object of that
name; of a template with named places also `parameter_name`.
"""

from __future__ import annotations

import re

from connectors.channels.whatsapp.limits import file_reference, within
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

NAME = re.compile("[a-z0-9_]{1,512}")
LANGUAGE = re.compile("[a-z]{2,3}([_-][A-Za-z]{2,4})?")
PARAMETER_NAME = re.compile("[a-z0-9_]+")

COMPONENTS = frozenset({"header", "body", "footer", "button", "limited_time_offer", "order_status", "tap_target_configuration"})
SUB_TYPES = frozenset(
    {
        "quick_reply", "url", "copy_code", "flow", "catalog", "mpm", "voice_call", "phone_number", "order_details", "otp",
        "payment_request",
    }
)  # fmt: skip
FILES = frozenset({"image", "video", "document"})
PARAMETERS = FILES | {
    "text", "currency", "date_time", "location", "payload", "coupon_code", "limited_time_offer", "action", "product",
    "tap_target_configuration", "ttl_minutes", "order_status", "order_details", "button", "expiration_time_ms",
}  # fmt: skip
COUPON_LIMIT, PAYLOAD_LIMIT, TEXT_LIMIT = 20, 256, 32768


def compose_template(content: Json) -> Json:
    """The `template` object of a message. Raises `Rejected`, naming what to change."""
    name, language = as_text(content.get("name")), content.get("language")
    if not NAME.fullmatch(name):
        raise _wrong("A template's name has lower-case letters, digits and _ only")
    code = as_text(as_object(language).get("code")) or as_text(language)
    if not code:
        raise _wrong("The template's language is missing")
    if not LANGUAGE.fullmatch(code):
        raise _wrong(f"The template's language is a code such as zh_HK, ja or en_US, not {code!r}")
    template: Json = {"name": name, "language": {"code": code}}
    components = [_component(as_object(each)) for each in as_list(content.get("components"))]
    return {**template, "components": components} if components else template


def in_catalogue(template: Json, catalogue: str) -> Json:
    """With the catalogue on each product that names none. Raises `Rejected` when there is a product and no catalogue is known."""
    if "components" not in template:
        return template
    return {**template, "components": [_part_in_catalogue(each, catalogue) for each in template["components"]]}


def _part_in_catalogue(component: Json, catalogue: str) -> Json:
    if "cards" in component:
        return {**component, "cards": [in_catalogue(card, catalogue) for card in component["cards"]]}
    parameters = component.get("parameters", [])
    if not any(each["type"] == "product" for each in parameters):
        return component
    return {**component, "parameters": [_product(each, catalogue) if each["type"] == "product" else each for each in parameters]}


def _product(parameter: Json, catalogue: str) -> Json:
    product = as_object(parameter.get("product"))
    known = as_text(product.get("catalog_id")) or catalogue
    if not known:
        raise Rejected("The catalogue's ID is missing; enter it on the connection's page", remedy="fix_template")
    return {**parameter, "product": {**product, "catalog_id": known}}


def _component(component: Json) -> Json:
    kind = as_text(component.get("type")).lower()
    if kind == "carousel":
        return {"type": kind, "cards": [_card(as_object(card), index) for index, card in enumerate(as_list(component.get("cards")))]}
    if kind not in COMPONENTS:
        raise _wrong(f"A template message has no part {kind or 'without a type'!r}")
    built: Json = {"type": kind}
    if kind == "button":
        built |= _button(component)
    parameters = [_parameter(as_object(each)) for each in as_list(component.get("parameters"))]
    return {**built, "parameters": parameters} if parameters else built


def _card(card: Json, index: int) -> Json:
    stated = card.get("card_index", index)
    position = int(as_text(stated)) if as_text(stated).isdigit() else index
    return {"card_index": position, "components": [_component(as_object(each)) for each in as_list(card.get("components"))]}


def _button(component: Json) -> Json:
    sub_type, index = as_text(component.get("sub_type")).lower(), as_text(component.get("index"))
    if sub_type not in SUB_TYPES:
        raise _wrong(f"A template's button has no kind {sub_type!r}")
    if not (index.isdigit() and int(index) < 10):
        raise _wrong("A template's button needs its place, 0 to 9")
    return {"sub_type": sub_type, "index": index}


def _parameter(parameter: Json) -> Json:
    kind = as_text(parameter.get("type")).lower()
    if kind not in PARAMETERS:
        raise _wrong(f"A template has no value of type {kind!r}")
    built: Json = {**parameter, "type": kind}
    if "parameter_name" in parameter and not PARAMETER_NAME.fullmatch(as_text(parameter["parameter_name"])):
        raise _wrong("The name of a template's place has lower-case letters, digits and _ only")
    if kind in FILES:
        built[kind] = _file(as_object(parameter.get(kind)), kind)
    elif kind in _TEXTS:
        built[kind] = within(parameter.get(kind), *_TEXTS[kind], "fix_template")
    elif kind not in parameter:
        raise _wrong(f"A value of type {kind!r} of the template is missing")
    return built


def _file(given: Json, kind: str) -> Json:
    reference = file_reference(given, f"The template's {kind}")
    return {**reference, "filename": as_text(given["filename"])} if kind == "document" and given.get("filename") else reference


_TEXTS: dict[str, tuple[int, str]] = {
    "text": (TEXT_LIMIT, "A value of the template"),
    "payload": (PAYLOAD_LIMIT, "The payload of a template's button"),
    "coupon_code": (COUPON_LIMIT, "The code of a template's button"),
}


def _wrong(title: str) -> Rejected:
    return Rejected(title, remedy="fix_template")
