"""The rules for templates that are more than a bubble: limited-time offers, cards side by side, products of the catalogue. Pure.

Figures: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/marketing-templates/limited-time-offer-templates
and .../media-card-carousel-templates (2025-11 to 2026-06); of products as in `template_products`. All cards have the same parts, so
that they are equally tall.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from scrm.conversations import template_piece_rules as pieces
from scrm.conversations.template_parts import CARD_FORMATS, MEDIA_FORMATS, Parts
from scrm.conversations.template_piece_rules import Finding
from scrm.conversations.template_products import BUTTON_TEXTS
from scrm.conversations.template_text import CARD_BODY, names_in

OFFER_TEXT, OFFER_BODY = 16, 600
OFFER_BUTTONS = frozenset({"COPY_CODE", "URL"})
CARDS, CARD_BUTTONS, CARD_LINES = range(2, 11), 2, 3
CARD_BUTTON_KINDS = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER"})
PRODUCT_CARD_BUTTON_KINDS = frozenset({"SPM", "URL"})


def offer(parts: Parts, category: str) -> Iterator[Finding]:
    """A limited-time offer: a promotion with a heading, perhaps a picture, a code to copy and a link; no footer."""
    heading = (parts.offer or "").strip()
    if category != "MARKETING":
        yield Finding("category", _("A limited-time offer is a promotion; choose that category."))
    if not heading:
        yield Finding("offer", _("Write the offer's heading."))
    yield from pieces.too_long("offer", heading, OFFER_TEXT)
    if "{{" in heading or "\n" in heading:
        yield Finding("offer", _("The heading of an offer has no variables and no new line."))
    if parts.header_format not in {"", *MEDIA_FORMATS}:
        yield Finding("header_format", _("Above a limited-time offer stands a picture, a video or nothing."))
    if len(parts.body) <= pieces.BODY:
        yield from pieces.too_long("body", parts.body, OFFER_BODY)
    if parts.footer:
        yield Finding("footer", _("A limited-time offer has no footer."))
    yield from _offer_buttons(parts)


def _offer_buttons(parts: Parts) -> Iterator[Finding]:
    kinds = [button.kind for button in parts.buttons]
    if set(kinds) - OFFER_BUTTONS:
        yield Finding("buttons", _("A limited-time offer has a button that copies a code and a link, no other buttons."))
    if "URL" not in kinds:
        yield Finding("buttons", _("A limited-time offer needs a button with a link."))
    if parts.offer_ends and "COPY_CODE" not in kinds:
        yield Finding("buttons", _("An offer that counts down needs a button that copies its code."))
    if "COPY_CODE" in kinds[1:]:
        yield Finding("buttons", _("Put the button that copies the code first."))


def carousel(parts: Parts, category: str, sampled: frozenset[int]) -> Iterator[Finding]:
    """Two to ten cards below one text; header, footer and buttons stand on the cards alone. `sampled`: cards with an example file."""
    if category != "MARKETING":
        yield Finding("category", _("Cards side by side are a promotion; choose that category."))
    if parts.header_format or parts.footer or parts.buttons:
        yield Finding("cards", _("Beside its cards the message has a text only: no header, no footer, no buttons."))
    if len(parts.cards) not in CARDS:
        yield Finding("cards", _("%(least)d to %(most)d cards stand side by side.") % {"least": CARDS[0], "most": CARDS[-1]})
    yield from _alike(parts.cards)
    for index, card in enumerate(parts.cards):
        yield from _card(f"card_{index}", card, has_sample=index in sampled)
    texts = (parts.body, *(card.body for card in parts.cards))
    if len({name.isdecimal() for text in texts for name in names_in(text)}) > 1:
        yield Finding("cards", _("Use numbers or names for the variables, not both."))


def _alike(cards: tuple[Parts, ...]) -> Iterator[Finding]:
    if len({card.header_format for card in cards}) > 1:
        yield Finding("cards", _("All cards begin with a picture, all with a video, or all with a product."))
    if len({bool(card.body.strip()) for card in cards}) > 1:
        yield Finding("cards", _("Give every card a text, or none."))
    if len({tuple(button.kind for button in card.buttons) for card in cards}) > 1:
        yield Finding("cards", _("All cards have the same kinds of buttons in the same order."))


def _card(field: str, card: Parts, *, has_sample: bool) -> Iterator[Finding]:
    if card.header_format == "PRODUCT":
        yield from _product_card(field, card)
        return
    if card.header_format not in CARD_FORMATS:
        yield Finding(field, _("A card begins with a picture, a video or a product."))
    if not has_sample and not card.header_handle:
        yield Finding(f"{field}_file", _("Add an example file: the reviewers want to see one."))
    if card.body.strip():
        yield from pieces.body(card.body, field=f"{field}_body", limit=CARD_BODY)
    if len(card.body.splitlines()) > CARD_LINES:
        yield Finding(f"{field}_body", _("A card's text has at most %(lines)d lines.") % {"lines": CARD_LINES})
    if not 1 <= len(card.buttons) <= CARD_BUTTONS:
        yield Finding(field, _("A card has one or two buttons."))
    for index, button in enumerate(card.buttons):
        if button.kind not in CARD_BUTTON_KINDS:
            yield Finding(field, _("A card's button is a quick reply, a link or a number to call."))
        yield from pieces.button_alone(f"{field}_button_{index}", button)
    yield from pieces.examples(card, f"{field}_")


def _product_card(field: str, card: Parts) -> Iterator[Finding]:
    """Picture, name and price come from the catalogue."""
    if card.body.strip():
        yield Finding(f"{field}_body", _("A product's card has no text of its own."))
    if {button.kind for button in card.buttons} - PRODUCT_CARD_BUTTON_KINDS:
        yield Finding(field, _("A product's card has a button that shows the product, or a link."))
    elif len(card.buttons) != 1:
        yield Finding(field, _("A product's card has one button."))
    for index, button in enumerate(card.buttons):
        yield from pieces.button_alone(f"{field}_button_{index}", button)


def products(parts: Parts, category: str) -> Iterator[Finding]:
    """A message that leads into the catalogue: one product above it, several behind its button, or all of them."""
    kinds = {button.kind for button in parts.buttons}
    shown = kinds & set(BUTTON_TEXTS)
    if (parts.header_format == "PRODUCT") != ("SPM" in kinds):
        yield Finding("header_format", _("A product above the text and the button that shows it belong together."))
    if not shown:
        return
    if category != "MARKETING":
        yield Finding("category", _("A message that shows products is a promotion; choose that category."))
    if len(parts.buttons) > 1:
        yield Finding("buttons", _("Beside the button that shows products there are no others."))
    if "MPM" in kinds and parts.header_format != "TEXT":
        yield Finding("header_format", _("Above several products stands a text."))
    if "CATALOG" in kinds and parts.header_format:
        yield Finding("header_format", _("The catalogue's picture stands above the text: choose no header."))
