"""A template as it will look on a phone: pieces for a page to draw. Pure; nothing here is HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scrm.conversations.template_parts import first_of
from scrm.conversations.template_text import PLACE, Components, buttons_of, cards_of, kind_of, places_of, typed

# WhatsApp's own marks: *bold*, _italic_, ~struck out~, ```typewriter```; they hold where they hug the words.
_MARKS = re.compile(r"```(?P<code>.+?)```|(?<!\w)(?P<mark>[*_~])(?=\S)(?P<words>[^\n]+?)(?<=\S)(?P=mark)(?!\w)", re.S)
_STYLES = {"*": "b", "_": "i", "~": "s"}


@dataclass(frozen=True, slots=True)
class Bubble:
    """`body` is (style, text) pieces, style "", b, i, s or code. A place without a value is a gap: style "gap", the place's name.

    `offer_ends` where a limited-time offer counts down; `code` what its button copies. `buttons` are (kind, text); text "" where the
    platform writes it itself, in the customer's language. `products`: what the button shows of the catalogue, as it is written; a product
    above the text is the header's words.
    """

    header_kind: str = ""
    header: tuple[tuple[str, str], ...] = ()
    body: tuple[tuple[str, str], ...] = ()
    footer: str = ""
    offer: str = ""
    offer_ends: bool = False
    code: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    products: tuple[tuple[str, str], ...] = ()
    cards: tuple[Bubble, ...] = ()


def bubble_of(components: Components, values: Mapping[str, Any], prefix: str = "") -> Bubble:
    """The bubble with these values, by the key of the place."""
    header, offer = typed(components, "HEADER"), typed(components, "LIMITED_TIME_OFFER").get("limited_time_offer")
    form = str(header.get("format") or "TEXT").lower() if header else ""
    offer = offer if isinstance(offer, Mapping) else {}
    buttons = buttons_of(typed(components, "BUTTONS"))
    copying = next((index for index, button in enumerate(buttons) if offer and kind_of(button) == "COPY_CODE"), None)
    return Bubble(
        header_kind="" if form == "text" else form,
        header=_header(form, header, prefix, values),
        body=_filled(_body(components), f"{prefix}body_", values),
        footer=_footer(components),
        offer=str(offer.get("text", "")),
        offer_ends=bool(offer.get("has_expiration")),
        code="" if copying is None else str(values.get(f"{prefix}button_{copying}") or first_of(buttons[copying].get("example"))),
        buttons=tuple((kind_of(button).lower(), str(button.get("text") or "")) for button in buttons),
        products=_products(buttons, prefix, values),
        cards=tuple(bubble_of(inner, values, own) for own, inner in cards_of(typed(components, "CAROUSEL"))),
    )


def _header(form: str, header: Mapping[str, Any], prefix: str, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if form == "product":
        code = str(values.get(f"{prefix}header") or "")
        return (("", code),) if code.strip() else (("gap", "SKU"),)
    return _filled(header.get("text"), f"{prefix}header_", values) if form == "text" else ()


def _products(buttons: list[Mapping[str, Any]], prefix: str, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    index = next((index for index, button in enumerate(buttons) if kind_of(button) == "MPM"), None)
    if index is None:
        return ()
    said = str(values.get(f"{prefix}button_{index}") or "")
    return (("", said),) if said.strip() else (("gap", "SKU"),)


def examples_for(components: Components) -> dict[str, str]:
    """The examples that stand in the template, by the key of the place."""
    return {place.key: place.example for place in places_of(components) if place.example}


def _body(components: Components) -> str:
    """An authentication template's words are the platform's; until it has written them, they are shown as it will write them."""
    body = typed(components, "BODY")
    if body.get("text") or "add_security_recommendation" not in body:
        return str(body.get("text") or "")
    hint = " For your security, do not share this code." if body["add_security_recommendation"] else ""
    return f"*123456* is your verification code.{hint}"


def _footer(components: Components) -> str:
    footer = typed(components, "FOOTER")
    minutes = footer.get("code_expiration_minutes")
    return str(footer.get("text") or (f"This code expires in {minutes} minutes." if minutes else ""))


def _filled(text: Any, prefix: str, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Styled by the template's own marks; marks inside a value are just characters."""
    return tuple(piece for style, words in _styled(str(text or "")) for piece in _with_values(style, words, prefix, values))


def _styled(text: str) -> list[tuple[str, str]]:
    pieces, at = [], 0
    for found in _MARKS.finditer(text):
        pieces.append(("", text[at : found.start()]))
        pieces.append(("code", found["code"]) if found["code"] else (_STYLES[found["mark"]], found["words"]))
        at = found.end()
    return [piece for piece in [*pieces, ("", text[at:])] if piece[1]]


def _with_values(style: str, words: str, prefix: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    pieces, at = [], 0
    for found in PLACE.finditer(words):
        pieces.append((style, words[at : found.start()]))
        value = str(values.get(f"{prefix}{found[1]}") or "")
        pieces.append((style, value) if value.strip() else ("gap", found[1]))
        at = found.end()
    return [piece for piece in [*pieces, (style, words[at:])] if piece[1]]
