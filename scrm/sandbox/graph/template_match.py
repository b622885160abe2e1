"""Holds a template send against the stored template: existence, state, and the parameters of each component."""

from __future__ import annotations

import re
import time
from typing import Any

from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.models import MessageTemplate, Number

CARD_BODY = 160
SECTIONS, PRODUCTS, SECTION_TITLE = 10, 30, 24
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def find(number: Number, sent: dict[str, Any]) -> MessageTemplate:
    name, language = sent["name"], sent["language"]["code"].replace("-", "_")
    stored = MessageTemplate.objects.filter(number=number, name=name, language=language).first()
    status = stored.current_status if stored else "MISSING"
    if status == "PAUSED":
        raise GraphError(132015, "Template is paused due to low quality")
    if status == "DISABLED":
        raise GraphError(132016, "Template is disabled")
    if stored is None or status != "APPROVED":
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    return stored


def check_parameters(stored: MessageTemplate, sent: dict[str, Any]) -> None:
    """132000 on a wrong count, 132012 on a wrong kind, 132005 on a filled text that is too long."""
    given = sent.get("components") or []
    for component in stored.components:
        kind = component["type"].upper()
        if kind == "BODY":
            _check_text("body", component["text"], _parameters(given, "body"), stored, most=1024)
        elif kind == "HEADER":
            _check_header(component, _parameters(given, "header"), stored)
        elif kind == "BUTTONS":
            _check_buttons(component["buttons"], given)
        elif kind == "CAROUSEL":
            _check_cards(component["cards"], given, stored)
        elif kind == "LIMITED_TIME_OFFER":
            _check_offer(component["limited_time_offer"], _parameters(given, "limited_time_offer"))
    for kind in ("header", "body"):
        if _parameters(given, kind) and not any(c["type"].lower() == kind for c in stored.components):
            raise GraphError(132000, f"{kind}: number of parameters does not match the expected number of params (0)")


def fill(text: str, parameters: list[dict[str, Any]]) -> str:
    """The text with its variables replaced, positional or named."""
    named = {p["parameter_name"]: shown(p) for p in parameters if "parameter_name" in p}
    values = {str(i): shown(p) for i, p in enumerate(parameters, start=1)} | named
    return VARIABLE.sub(lambda found: values.get(found.group(1), found.group(0)), text)


def shown(parameter: dict[str, Any]) -> str:
    inner = parameter.get(parameter["type"])
    if isinstance(inner, dict):
        return str(inner.get("fallback_value", ""))
    return str(inner or "")


def parameters_of(sent: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return _parameters(sent.get("components") or [], kind)


def cards_of(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """The cards of a carousel as they were filled, each with its components."""
    given = sent.get("components") or []
    return [card for component in given if component["type"].lower() == "carousel" for card in component.get("cards", [])]


def button_parameters(sent: dict[str, Any], index: int) -> list[dict[str, Any]]:
    return _button_parameters_in(sent.get("components") or [], index)


def button_payload(sent: dict[str, Any], index: int, text: str) -> str:
    """The payload chosen at send; the button's text when none was."""
    parameter = next(iter(button_parameters(sent, index)), {})
    return str(parameter.get("payload", text))


def _parameters(given: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [p for component in given if component["type"].lower() == kind for p in component.get("parameters", [])]


def _button_parameters_in(given: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    buttons = [c for c in given if c["type"].lower() == "button" and str(c.get("index")) == str(index)]
    return [p for component in buttons for p in component.get("parameters", [])]


def _check_text(kind: str, text: str, parameters: list[dict[str, Any]], stored: MessageTemplate, *, most: int) -> None:
    expected = list(dict.fromkeys(VARIABLE.findall(text)))
    if len(parameters) != len(expected):
        counts = f"number of localizable_params ({len(parameters)}) does not match the expected number of params ({len(expected)})"
        raise GraphError(132000, f"{kind}: {counts}")
    if any(p["type"] not in ("text", "currency", "date_time") for p in parameters):
        raise GraphError(132012, f"{kind}: parameter format does not match format in the created template")
    if stored.parameter_format == "NAMED" and {p.get("parameter_name") for p in parameters} != set(expected):
        raise GraphError(132000, f"{kind}: parameter names do not match the expected names ({', '.join(expected)})")
    if any(re.search(r"[\n\t]| {5,}", shown(p)) for p in parameters):
        raise GraphError(132018, f"{kind}: param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    if len(fill(text, parameters)) > most:
        raise GraphError(132005, f"{kind}: hydrated text is longer than {most} characters")


def _check_header(component: dict[str, Any], parameters: list[dict[str, Any]], stored: MessageTemplate) -> None:
    wanted = str(component.get("format", "TEXT")).lower()
    if wanted == "text":
        _check_text("header", component.get("text", ""), parameters, stored, most=60)
    elif len(parameters) != 1:
        raise GraphError(132000, f"header: number of parameters ({len(parameters)}) does not match the expected number of params (1)")
    elif parameters[0]["type"] != wanted:
        raise GraphError(132012, f"header: format mismatch, expected {wanted.upper()}, received {parameters[0]['type'].upper()}")
    elif wanted == "product" and not all(parameters[0].get("product", {}).get(name) for name in ("product_retailer_id", "catalog_id")):
        raise GraphError(131008, "header: a product needs product_retailer_id and catalog_id")


def _check_cards(cards: list[dict[str, Any]], given: list[dict[str, Any]], stored: MessageTemplate) -> None:
    """Every card is filled, in the template's order."""
    sent = cards_of({"components": given})
    if [card.get("card_index") for card in sent] != list(range(len(cards))):
        raise GraphError(132000, f"carousel: {len(sent)} cards do not match the expected {len(cards)}")
    for card, filled in zip(cards, sent, strict=True):
        inner = MessageTemplate(components=card["components"], parameter_format=stored.parameter_format)
        check_parameters(inner, {"components": filled.get("components", [])})
        text = next((str(part["text"]) for part in card["components"] if part["type"].upper() == "BODY"), "")
        if len(fill(text, parameters_of(filled, "body"))) > CARD_BODY:
            raise GraphError(132005, f"carousel: hydrated text of a card is longer than {CARD_BODY} characters")


def _check_offer(offer: dict[str, Any], parameters: list[dict[str, Any]]) -> None:
    if not offer.get("has_expiration"):
        return
    ends = parameters[0].get("limited_time_offer", {}).get("expiration_time_ms") if len(parameters) == 1 else None
    if not isinstance(ends, int) or ends <= time.time() * 1000:
        raise GraphError(132012, "limited_time_offer: expiration_time_ms must be a time to come, in milliseconds")


def _check_buttons(buttons: list[dict[str, Any]], given: list[dict[str, Any]]) -> None:
    indexes = [str(c.get("index")) for c in given if c["type"].lower() == "button"]
    unknown = [i for i in indexes if not i.isdigit() or int(i) >= len(buttons)]
    if unknown or len(set(indexes)) < len(indexes):
        raise GraphError(132018, f"buttons: index {(unknown or indexes)[0]} is not a button of the template, or stands twice")
    for index, button in enumerate(buttons):
        kind, parameters = button["type"].upper(), _button_parameters_in(given, index)
        if kind == "URL" and VARIABLE.search(button.get("url", "")) and len(parameters) != 1:
            raise GraphError(132000, f"buttons: button at index {index} of type Url requires a parameter")
        if kind == "COPY_CODE":
            _check_code(index, parameters)
        if kind == "MPM":
            _check_sections(index, parameters)


def sections_of(parameters: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What a button that shows several products was sent with: titles and the products' codes."""
    action = parameters[0].get("action") if parameters else None
    sections = action.get("sections", []) if isinstance(action, dict) else []
    return [(str(one.get("title", "")), [str(item["product_retailer_id"]) for item in one.get("product_items", [])]) for one in sections]


def _check_sections(index: int, parameters: list[dict[str, Any]]) -> None:
    sections = sections_of(parameters)
    products = sum(len(codes) for _title, codes in sections)
    if not 1 <= len(sections) <= SECTIONS or not 1 <= products <= PRODUCTS:
        raise GraphError(132018, f"buttons: button at index {index} needs 1 to {SECTIONS} sections with 1 to {PRODUCTS} products")
    if not parameters[0]["action"].get("thumbnail_product_retailer_id"):
        raise GraphError(131008, f"buttons: button at index {index} needs thumbnail_product_retailer_id")
    if any(not 1 <= len(title) <= SECTION_TITLE or not codes for title, codes in sections):
        raise GraphError(132018, f"buttons: a section has a title of 1 to {SECTION_TITLE} characters and at least one product")


def _check_code(index: int, parameters: list[dict[str, Any]]) -> None:
    code = parameters[0].get("coupon_code", "") if len(parameters) == 1 and parameters[0]["type"] == "coupon_code" else ""
    if not isinstance(code, str) or not 1 <= len(code) <= 15:
        raise GraphError(132018, f"buttons: button at index {index} needs a coupon_code of 1 to 15 characters")
