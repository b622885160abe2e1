"""A template that was sent, from its request and the template as it is now. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scrm.conversations.template_products import words_of
from scrm.conversations.template_text import Components, buttons_of, cards_of, kind_of, places_of, rendered


def values_in(components: Components, request: Any, prefix: str = "") -> dict[str, str]:
    """The texts that a request put into a template's places, by the key of the place; files and moments are left out."""
    found: dict[str, str] = {}
    sent = [part for part in request if isinstance(part, Mapping)] if isinstance(request, list) else []
    for part in components:
        kind = kind_of(part)
        if kind == "CAROUSEL":
            cards = next((each.get("cards") for each in sent if kind_of(each) == kind), None)
            filled = [card.get("components") if isinstance(card, Mapping) else None for card in cards] if isinstance(cards, list) else []
            for (own, inner), one in zip(cards_of(part), filled, strict=False):
                found |= values_in(inner, one, own)
        elif kind == "BUTTONS":
            for index, _button in enumerate(buttons_of(part)):
                pressed = next((each for each in sent if kind_of(each) == "BUTTON" and str(each.get("index")) == str(index)), {})
                found |= {f"{prefix}button_{index}": text for text in _texts(pressed)[:1]}
        else:
            filled_part = next((each for each in sent if kind_of(each) == kind), {})
            found |= {place.key: text for place, text in zip(places_of([part], prefix), _texts(filled_part), strict=False)}
    return {key: text for key, text in found.items() if text}


def _texts(part: Mapping[str, Any]) -> list[str]:
    parameters = part.get("parameters")
    given = [each if isinstance(each, Mapping) else {} for each in parameters] if isinstance(parameters, list) else []
    return [_text(each) for each in given]


def _text(parameter: Mapping[str, Any]) -> str:
    product = parameter.get("product")
    code = product.get("product_retailer_id") if isinstance(product, Mapping) else ""
    return str(parameter.get("text") or parameter.get("coupon_code") or code or words_of(parameter.get("action")))


def still_reads(components: Components, values: Mapping[str, str], text: str) -> bool:
    """Whether the template is still the one that was sent: with these values it reads as the customer read it."""
    return rendered(components, values) == text
