"""The form of a template that is submitted: components, lengths, variables, examples. Refusals carry the platform's codes."""

from __future__ import annotations

import re
from typing import Any

from scrm.sandbox.graph.contract import anything, array, by_type, integer, one_of, record, text
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.graph.template_layouts import CODE, check_layout
from scrm.sandbox.graph.template_match import VARIABLE

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT")
HEADER, BODY, FOOTER = 60, 1024, 60
OTP_LINK = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"
_example = {"example": record({}, closed=False)}
_phrase = text(most=25)
BUTTON = by_type(
    {
        "QUICK_REPLY": record({"type": anything, "text": _phrase}),
        "URL": record({"type": anything, "text": _phrase, "url": text(most=2000)}, {"example": anything}),
        "PHONE_NUMBER": record({"type": anything, "text": _phrase, "phone_number": text(most=20)}),
        "COPY_CODE": record({"type": anything, "example": anything}, {"text": _phrase}),
        "REQUEST_CONTACT_INFO": record({"type": anything}, {"text": _phrase}),
        "OTP": record({"type": anything}, closed=False),
        "FLOW": record({"type": anything, "text": _phrase}, closed=False),
        "CATALOG": record({"type": anything, "text": _phrase}),
        "MPM": record({"type": anything, "text": _phrase}),
        "SPM": record({"type": anything, "text": _phrase}),
        "VOICE_CALL": record({"type": anything, "text": _phrase}, closed=False),
    }
)
_PARTS = {
    "HEADER": record({"type": anything, "format": one_of(*FORMATS)}, {"text": text(), **_example}),
    "BODY": record({"type": anything}, {"text": text(), **_example, "add_security_recommendation": anything}),
    "FOOTER": record({"type": anything}, {"text": text(), "code_expiration_minutes": integer}),
    "BUTTONS": record({"type": anything, "buttons": array(BUTTON, least=1, most=10)}),
}
_CARD = record({"components": array(by_type(_PARTS), least=1)}, {"card_index": integer})
_OFFER = record({"text": text(most=16)}, {"has_expiration": anything})
COMPONENT = by_type(
    {
        **_PARTS,
        "CAROUSEL": record({"type": anything, "cards": array(_CARD, least=1, most=10)}),
        "LIMITED_TIME_OFFER": record({"type": anything, "limited_time_offer": _OFFER}),
    }
)
_SETTINGS = {
    "parameter_format": one_of("POSITIONAL", "NAMED"),
    "message_send_ttl_seconds": integer,
    "allow_category_change": anything,
    "cta_url_link_tracking_opted_out": anything,
}
CREATION = record(
    {
        "name": text(most=512, pattern=r"[a-z0-9_]+"),
        "language": text(pattern=r"[a-z]{2,3}([_-][A-Za-z]{2,4})?"),
        "category": one_of(*CATEGORIES),
        "components": array(COMPONENT, least=1),
    },
    _SETTINGS,
)
EDIT = record({}, {"category": one_of(*CATEGORIES), "components": array(COMPONENT, least=1), **_SETTINGS})


def check_creation(body: dict[str, Any]) -> None:
    CREATION(body, "template")
    check_components(body["components"], body["category"])


def check_edit(body: dict[str, Any], category: str) -> None:
    EDIT(body, "template")
    if "components" in body:
        check_components(body["components"], body.get("category", category))


def check_components(components: list[dict[str, Any]], category: str) -> None:
    if sum(component["type"] == "BODY" for component in components) != 1:
        raise GraphError(100, "A template has exactly one BODY component")
    for component in components:
        if component["type"] == "HEADER":
            _check_header(component)
        elif component["type"] == "BODY" and category != "AUTHENTICATION":
            _check_body(component)
        elif component["type"] == "FOOTER" and len(component.get("text", "")) > FOOTER:
            raise GraphError(2388073, f"The footer has more than {FOOTER} characters")
        elif component["type"] == "BUTTONS":
            _check_buttons(component["buttons"])
        elif component["type"] == "CAROUSEL":
            for card in component["cards"]:
                _check_card(card["components"])
    check_layout(components, category)


def _check_card(components: list[dict[str, Any]]) -> None:
    """A card's body is checked as a message's; whether it may be missing is the layout's."""
    for component in components:
        if component["type"] == "BODY":
            _check_body(component)
        elif component["type"] == "BUTTONS":
            _check_buttons(component["buttons"])


def _check_header(component: dict[str, Any]) -> None:
    given = component.get("text", "")
    if component["format"] == "TEXT":
        if not given or len(given) > HEADER or "\n" in given or len(VARIABLE.findall(given)) > 1:
            raise GraphError(2388047, f"A text header has 1 to {HEADER} characters, one line and at most one variable")
        if VARIABLE.search(given) and "example" not in component:
            raise GraphError(100, "A header with a variable needs an example")
    elif component["format"] not in ("LOCATION", "PRODUCT") and not component.get("example", {}).get("header_handle"):
        raise GraphError(100, "A header with a file needs an example of it")


def _check_body(component: dict[str, Any]) -> None:
    content = component.get("text", "")
    if not content or len(content) > BODY:
        raise GraphError(100 if len(content) > BODY else 131008, f"The body has 1 to {BODY} characters")
    if not VARIABLE.search(content):
        return
    stripped = content.strip()
    if re.match(r"\{\{", stripped) or re.search(r"\}\}$", stripped):
        raise GraphError(2388299, "Variables cannot be at the start or end of the body")
    if "example" not in component:
        raise GraphError(100, "A body with variables needs an example")
    example = component["example"]
    given = example.get("body_text_named_params") or (example.get("body_text") or [[]])[0]
    if len(given) != len(set(VARIABLE.findall(content))):
        raise GraphError(100, "The body needs an example for each variable")


def _check_buttons(buttons: list[dict[str, Any]]) -> None:
    for button in buttons:
        if button["type"] == "URL" and VARIABLE.search(button["url"]) and not button.get("example"):
            raise GraphError(100, "A link with a variable needs an example")
        example = button.get("example")
        if (
            button["type"] == "COPY_CODE"
            and not 1 <= len(str(example[0] if isinstance(example, list) and example else example or "")) <= CODE
        ):
            raise GraphError(100, f"A COPY_CODE button needs an example of 1 to {CODE} characters")


def as_shown(components: list[dict[str, Any]], category: str) -> list[dict[str, Any]]:
    """As the platform lists them: it writes the words of authentication templates itself, and their button is a link."""
    return [_authentication(component) for component in components] if category == "AUTHENTICATION" else components


def _authentication(component: dict[str, Any]) -> dict[str, Any]:
    if component["type"] == "BODY":
        hint = " For your security, do not share this code." if component.get("add_security_recommendation") else ""
        return {**component, "text": f"*{{{{1}}}}* is your verification code.{hint}", "example": {"body_text": [["123456"]]}}
    if component["type"] == "FOOTER" and "code_expiration_minutes" in component:
        return {**component, "text": f"This code expires in {component['code_expiration_minutes']} minutes."}
    if component["type"] == "BUTTONS":
        texts = [button.get("text", "Copy code") for button in component["buttons"]]
        buttons = [{"type": "URL", "text": words, "url": OTP_LINK, "example": [OTP_LINK]} for words in texts]
        return {**component, "buttons": buttons}
    return component
