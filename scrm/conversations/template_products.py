"""Products of the business's catalogue in a template: one, several in sections, or the whole catalogue. Pure.

Figures and shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/marketing-templates/mpm-templates,
.../spm-templates, .../product-card-carousel-templates and .../whatsapp/catalogs/catalog-template-messages (2025-11 to 2026-06): at most
10 sections and 30 products, a section's title of at most 24 characters. A product is named by its code in the catalogue (retailer id).

To confirm at the first log-in: whether the buttons' words may be others than the documented ones, and whether the platform says them in
the language of the customer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

# Kinds of buttons that lead into the catalogue, with the words that the platform's documents give them.
BUTTON_TEXTS = {"MPM": "View items", "SPM": "View", "CATALOG": "View catalog"}
SECTIONS, PRODUCTS, TITLE, CODE = 10, 30, 24, 100
_APART = re.compile(r"[;；\n]+")
_COLON = re.compile(r"\s*[:：]\s*")
_COMMA = re.compile(r"\s*[,，、]\s*")


class BadProducts(ValueError):
    """The message says what to change."""


def sections_in(text: str) -> list[dict[str, Any]]:
    """`Title: code, code; Title: code` as the platform takes it. Raises `BadProducts`."""
    found = [_section(part.strip()) for part in _APART.split(text) if part.strip()]
    count = sum(len(section["product_items"]) for section in found)
    if not found:
        raise BadProducts(_("Name the products: a title, a colon and their codes; the next title after a semicolon."))
    if len(found) > SECTIONS:
        raise BadProducts(_("%(count)d sections; WhatsApp takes %(limit)d.") % {"count": len(found), "limit": SECTIONS})
    if count > PRODUCTS:
        raise BadProducts(_("%(count)d products; WhatsApp takes %(limit)d.") % {"count": count, "limit": PRODUCTS})
    return found


def _section(text: str) -> dict[str, Any]:
    title, *rest = _COLON.split(text, maxsplit=1)
    codes = [code for code in _COMMA.split(rest[0]) if code] if rest else []
    if not title or not codes:
        raise BadProducts(_("Write a title, a colon and the codes of products: %(text)s") % {"text": text[:60]})
    if len(title) > TITLE:
        raise BadProducts(_("A section's title has at most %(limit)d characters: %(text)s") % {"limit": TITLE, "text": title[:60]})
    for code in codes:
        check_code(code)
    return {"title": title, "product_items": [{"product_retailer_id": code} for code in codes]}


def check_code(code: str) -> None:
    if len(code) > CODE:
        raise BadProducts(_("A product's code has at most %(limit)d characters.") % {"limit": CODE})


def action_of(text: str) -> dict[str, Any]:
    """What a button that shows several products sends; the first one is the picture above the message. Raises `BadProducts`."""
    sections = sections_in(text)
    return {"thumbnail_product_retailer_id": sections[0]["product_items"][0]["product_retailer_id"], "sections": sections}


def words_of(action: Any) -> str:
    """The text that `action_of` understands, from what was sent; of a whole catalogue its first product."""
    given = action if isinstance(action, Mapping) else {}
    sections = given.get("sections")
    if not isinstance(sections, list):
        return str(given.get("thumbnail_product_retailer_id") or "")
    return "; ".join(_words(section) for section in sections if isinstance(section, Mapping))


def _words(section: Mapping[str, Any]) -> str:
    items = section.get("product_items")
    codes = [str(item.get("product_retailer_id", "")) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return f"{section.get('title', '')}: {', '.join(codes)}"
