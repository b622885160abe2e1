"""The customer's cart: what a message of the business offers of the catalogue becomes an `order` message.

As the platform tells it: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/order
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from scrm.sandbox import play, thread
from scrm.sandbox.models import Message, Number, Person
from scrm.sandbox.numbers import CATALOGUE
from scrm.sandbox.story.catalogue import CURRENCY_OF, PRODUCTS

MOST_PIECES = 99
MOST_NOTE = 1024
PRICES = {product.sku: product.prices for product in PRODUCTS}


def shop() -> list[dict[str, Any]]:
    """Every product with its prices by currency, as the phone shows them."""
    return [
        {"code": product.sku, "name": product.names["en"], "prices": {currency: float(price) for currency, price in product.prices.items()}}
        for product in PRODUCTS
    ]


def offered(message: Message) -> set[str]:
    """The codes of products that the business's message offers; all of the catalogue where it leads into the catalogue."""
    return set() if message.inbound else set(_codes(thread.shape_of(message)))


def _codes(bubble: thread.Bubble) -> Iterator[str]:
    shown = [*bubble.get("products", ()), *(product for section in bubble.get("sections", ()) for product in section["products"])]
    yield from (product["code"] for product in shown)
    if "catalogue" in bubble and not shown:
        yield from PRICES
    for card in bubble.get("cards", ()):
        yield from _codes(card)


def order(person: Person, message: Message, wanted: Any, note: str) -> Message:
    """`wanted`: [{"code", "quantity"}, ...] out of what `message` offers. Raises ValueError in words."""
    if not isinstance(wanted, list) or not wanted:
        raise ValueError(_("choose at least one product"))
    choice = offered(message)
    items = [_item(message.number, choice, one) for one in wanted]
    codes = [item["product_retailer_id"] for item in items]
    if len(set(codes)) < len(codes):
        raise ValueError(_("each product stands in an order once"))
    content = {"catalog_id": CATALOGUE, "product_items": items} | ({"text": note} if note else {})
    return play.send(person, message.number, "order", content)


def _item(number: Number, choice: set[str], one: Any) -> dict[str, Any]:
    code, quantity = (one.get("code"), one.get("quantity")) if isinstance(one, dict) else (None, None)
    if not isinstance(code, str) or code not in choice:
        raise ValueError(_("this message does not offer %(code)s") % {"code": code})
    if code not in PRICES:
        raise ValueError(_("%(code)s is not in the catalogue") % {"code": code})
    if type(quantity) is not int or not 1 <= quantity <= MOST_PIECES:
        raise ValueError(_("1 to %(most)d pieces of a product") % {"most": MOST_PIECES})
    currency = CURRENCY_OF[number.country]
    return {"product_retailer_id": code, "quantity": quantity, "item_price": _number(PRICES[code][currency]), "currency": currency}


def _number(price: Decimal) -> int | float:
    return int(price) if price == price.to_integral_value() else float(price)
