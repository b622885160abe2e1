"""A template that is to be submitted, held against the platform's form before it leaves.

Figures: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview (2026):
name 512, header 60, body 1,024, footer 60, button text 25, 10 buttons, 2 to 10 cards; a variable may not begin or end a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text, clean

NAME = re.compile("[a-z0-9_]{1,512}")
LANGUAGE = re.compile("[a-z]{2,3}([_-][A-Za-z]{2,4})?")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
HEADER, BODY, FOOTER, BUTTON_TEXT, BUTTONS, CARDS, CARD_BODY = 60, 1024, 60, 25, 10, 10, 160
COMPONENTS = frozenset({"HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"})
FORMATS = frozenset({"TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT", "GIF"})

# Settings of a template beside its components; whatever else a form holds is ours and does not leave.
EXTRAS = (
    "parameter_format",
    "message_send_ttl_seconds",
    "allow_category_change",
    "sub_category",
    "is_primary_device_delivery_only",
    "cta_url_link_tracking_opted_out",
    "library_template_name",
    "library_template_button_inputs",
    "library_template_body_inputs",
)
_PLACE = r"\{\{\s*\w+\s*\}\}"


def submission(template: Json) -> Json:
    """The body that creates a template. Raises `Rejected`, naming what to change, when the platform would refuse it."""
    given = as_object(clean(template))
    name, language = as_text(given.get("name")), as_text(given.get("language"))
    if not NAME.fullmatch(name):
        raise _wrong("The name has lower-case letters, digits and _ only, at most 512 of them")
    if not LANGUAGE.fullmatch(language):
        raise _wrong("The language is a code such as zh_HK, ja or en_US")
    body = {"name": name, "language": language, **_common(given)}
    if "category" not in body:
        raise _wrong(f"The category is one of {', '.join(CATEGORIES)}")
    if "components" not in body and not given.get("library_template_name"):
        raise _wrong("A template needs a body")
    return body


def alteration(changes: Json) -> Json:
    """The body that changes a template: category, components, or both. Raises `Rejected`."""
    body = _common(as_object(clean(changes)))
    if not body:
        raise _wrong("Nothing of a template can be changed but its category and its parts")
    return body


def _common(given: Json) -> Json:
    body: Json = {name: given[name] for name in EXTRAS if given.get(name) not in (None, "")}
    if given.get("category"):
        body["category"] = as_text(given["category"]).upper()
        if body["category"] not in CATEGORIES:
            raise _wrong(f"The category is one of {', '.join(CATEGORIES)}")
    if as_list(given.get("components")):
        body["components"] = [_component(as_object(each), body.get("category", "")) for each in as_list(given["components"])]
        _whole(body["components"])
    return body


def _whole(components: list[Json]) -> None:
    kinds = [component["type"] for component in components]
    if "BODY" not in kinds:
        raise _wrong("A template needs a body")
    if len(set(kinds)) < len(kinds):
        raise _wrong("A template has each part once")


def _component(component: Json, category: str) -> Json:
    kind = as_text(component.get("type")).upper()
    if kind not in COMPONENTS:
        raise _wrong(f"WhatsApp's templates have no part {kind or 'without a type'!r}")
    check = _CHECKS.get(kind)
    if check:
        check(component, category)
    return {**component, "type": kind}


def _header(component: Json, _: str) -> None:
    form = as_text(component.get("format")).upper() or "TEXT"
    if form not in FORMATS:
        raise _wrong(f"A header has no format {form!r}")
    if form == "TEXT":
        _text(component.get("text"), HEADER, "The header")
        if len(re.findall(_PLACE, as_text(component.get("text")))) > 1:
            raise _wrong("A header takes one variable")


def _body(component: Json, category: str) -> None:
    if category == "AUTHENTICATION" and not component.get("text"):
        return  # the platform writes it: "<code> is your verification code."
    if not component.get("text") and category == "":
        raise _wrong("The body is empty")
    text = _text(component.get("text"), BODY, "The body")
    if re.match(rf"\s*{_PLACE}", text) or re.search(rf"{_PLACE}\s*$", text):
        raise _wrong("A variable stands at the start or the end of the body; put words around it")


def _footer(component: Json, category: str) -> None:
    if category == "AUTHENTICATION" and not component.get("text"):
        return
    _text(component.get("text"), FOOTER, "The footer")


def _buttons(component: Json, category: str) -> None:
    buttons = as_list(component.get("buttons"))
    if not 1 <= len(buttons) <= BUTTONS:
        raise _wrong(f"A template has up to {BUTTONS} buttons, not {len(buttons)}")
    for button in map(as_object, buttons):
        if not as_text(button.get("type")):
            raise _wrong("A button has no type")
        if "text" in button:
            _text(button["text"], BUTTON_TEXT, "A button's text")


def _carousel(component: Json, category: str) -> None:
    cards = [as_object(card) for card in as_list(component.get("cards"))]
    if not 2 <= len(cards) <= CARDS:
        raise _wrong(f"A carousel has 2 to {CARDS} cards, not {len(cards)}")
    for card in cards:
        parts = [as_object(part) for part in as_list(card.get("components"))]
        if not parts:
            raise _wrong("A card of the carousel is empty")
        for part in parts:
            if as_text(part.get("type")).upper() == "BODY":
                _text(part.get("text"), CARD_BODY, "A card's text")


def _offer(component: Json, _: str) -> None:
    _text(as_object(component.get("limited_time_offer")).get("text"), 16, "The offer's text")


def _text(value: Any, limit: int, what: str) -> str:
    text = as_text(value)
    if not text.strip():
        raise _wrong(f"{what} is empty")
    if len(text) > limit:
        raise _wrong(f"{what} has {len(text)} characters; WhatsApp takes {limit}. Shorten it")
    return text


def _wrong(title: str) -> Rejected:
    return Rejected(title, remedy="fix_template")


_CHECKS: dict[str, Callable[[Json, str], None]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _offer,
}
