"""What the platform demands of a submitted limited-time offer, of a carousel and of what shows products of the catalogue."""

from __future__ import annotations

from typing import Any

from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.graph.template_match import CARD_BODY

OFFER_BODY, CODE = 600, 15
MEDIA = frozenset({"IMAGE", "VIDEO"})
PRODUCT_BUTTONS = frozenset({"MPM", "SPM", "CATALOG"})
Component = dict[str, Any]


def check_layout(components: list[Component], category: str) -> None:
    """GraphError 100 on a form that the platform refuses."""
    by_kind = {component["type"]: component for component in components}
    if "LIMITED_TIME_OFFER" in by_kind:
        _check_offer(by_kind, category)
    _check_products(by_kind, category)
    cards = [{part["type"]: part for part in card["components"]} for card in by_kind.get("CAROUSEL", {}).get("cards", [])]
    if cards:
        _check_carousel(by_kind, cards, category)


def _check_products(by_kind: dict[str, Component], category: str) -> None:
    kinds = [button["type"] for button in by_kind.get("BUTTONS", {}).get("buttons", [])]
    header = by_kind.get("HEADER", {}).get("format", "")
    if (header == "PRODUCT") != ("SPM" in kinds):
        raise GraphError(100, "A PRODUCT header and an SPM button belong together")
    if not PRODUCT_BUTTONS.intersection(kinds):
        return
    _marketing_only(category, "Product")
    if len(kinds) > 1:
        raise GraphError(100, f"A template with a {kinds[0]} button has no other buttons")
    if "MPM" in kinds and header != "TEXT":
        raise GraphError(100, "A multi-product template needs a header with a text")
    if "CATALOG" in kinds and header:
        raise GraphError(100, "A catalog template has no header of its own")


def _check_offer(by_kind: dict[str, Component], category: str) -> None:
    _marketing_only(category, "Limited-time offer")
    kinds = [button["type"] for button in by_kind.get("BUTTONS", {}).get("buttons", [])]
    if "FOOTER" in by_kind:
        raise GraphError(100, "Limited-time offer templates do not support a FOOTER component")
    if by_kind.get("HEADER", {}).get("format", "IMAGE") not in MEDIA:
        raise GraphError(2388047, "The header of a limited-time offer is an image or a video")
    if len(by_kind["BODY"].get("text", "")) > OFFER_BODY:
        raise GraphError(100, f"The body of a limited-time offer has at most {OFFER_BODY} characters")
    if "URL" not in kinds or set(kinds) - {"URL", "COPY_CODE"} or "COPY_CODE" in kinds[1:]:
        raise GraphError(100, "A limited-time offer has an optional COPY_CODE button first, and a URL button")
    if by_kind["LIMITED_TIME_OFFER"]["limited_time_offer"].get("has_expiration") and "COPY_CODE" not in kinds:
        raise GraphError(100, "A limited-time offer with an expiration needs a COPY_CODE button")


def _check_carousel(by_kind: dict[str, Component], cards: list[dict[str, Component]], category: str) -> None:
    _marketing_only(category, "Carousel")
    if by_kind.keys() - {"BODY", "CAROUSEL"}:
        raise GraphError(100, "Beside its cards a carousel template has a BODY component only")
    if not 2 <= len(cards) <= 10:
        raise GraphError(100, f"A carousel has 2 to 10 cards, not {len(cards)}")
    if len({_shape(card) for card in cards}) > 1:
        raise GraphError(100, "All cards of a carousel must have the same components")
    for card in cards:
        _check_card(card)


def _shape(card: dict[str, Component]) -> tuple[Any, ...]:
    kinds = tuple(button["type"] for button in card.get("BUTTONS", {}).get("buttons", []))
    return card.get("HEADER", {}).get("format"), "BODY" in card, kinds


def _check_card(card: dict[str, Component]) -> None:
    header, buttons = card.get("HEADER", {}), card.get("BUTTONS", {}).get("buttons", [])
    if header.get("format") == "PRODUCT":
        if "BODY" in card or [button["type"] for button in buttons] not in (["SPM"], ["URL"]):
            raise GraphError(100, "A product card has one button, SPM or URL, and no body")
        return
    if header.get("format") not in MEDIA or not header.get("example", {}).get("header_handle"):
        raise GraphError(100, "A card has a header with an image or a video, and an example of it")
    if len(card.get("BODY", {}).get("text", "")) > CARD_BODY:
        raise GraphError(100, f"The body of a card has at most {CARD_BODY} characters")
    if not 1 <= len(buttons) <= 2 or {button["type"] for button in buttons} - {"QUICK_REPLY", "URL", "PHONE_NUMBER"}:
        raise GraphError(100, "A card has one or two buttons: QUICK_REPLY, URL or PHONE_NUMBER")


def _marketing_only(category: str, what: str) -> None:
    if category != "MARKETING":
        raise GraphError(100, f"{what} templates must be of category MARKETING")
