"""What a message of each kind shows beside its words: a place, cards, an order, a form's answers, the ad that led here. Pure.

`Message.content` comes from strangers. Every function takes it as it is and gives texts, which templates escape; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from scrm.conversations.template_products import words_of

Json = Mapping[str, Any]

MOST_ROWS = 30
LONGEST = 300
# What a form or a platform adds for its own use.
OWN_KEYS = frozenset({"flow_token", "wa_flow_response_params"})


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth. `link` leads to an open map, `point` is latitude and longitude as text."""

    title: str
    address: str
    point: str
    link: str


@dataclass(frozen=True, slots=True)
class Card:
    """A person or firm that somebody handed over."""

    name: str
    company: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order; `price` is what one piece costs, empty when the platform did not say. `name` comes from our catalogue."""

    sku: str
    quantity: str
    price: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A basket. `total` only when every line has a price, one sum a currency."""

    items: tuple[Item, ...]
    total: str
    note: str


@dataclass(frozen=True, slots=True)
class Referral:
    """The ad or post that led a customer here; `click` is the platform's id of that click."""

    origin: str
    headline: str
    body: str
    link: str
    click: str


def text_of(value: Any) -> str:
    """A scalar as one bounded text; anything else is nothing."""
    return str(value)[:LONGEST] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:MOST_ROWS] if isinstance(value, list) else []


def place_of(content: Json) -> Place | None:
    """None when latitude or longitude are no numbers on the earth."""
    try:
        latitude, longitude = float(content["latitude"]), float(content["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    if not (isfinite(latitude) and isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    point = f"{latitude:.6f}", f"{longitude:.6f}"
    link = f"https://www.openstreetmap.org/?mlat={point[0]}&mlon={point[1]}#map=17/{point[0]}/{point[1]}"
    title = text_of(content.get("name")) or text_of(content.get("title"))
    return Place(title, text_of(content.get("address")), ", ".join(point), link)


def cards_of(content: Json) -> list[Card]:
    return [card for card in map(_card, map(_object, _list(content.get("contacts")))) if card.name or card.ways]


def _card(given: Json) -> Card:
    name = _object(given.get("name"))
    words = text_of(name.get("formatted_name")) or " ".join(filter(None, [text_of(name.get("first_name")), text_of(name.get("last_name"))]))
    firm = _object(given.get("org"))
    company = " · ".join(filter(None, [text_of(firm.get("company")), text_of(firm.get("title"))]))
    phones = [text_of(phone.get("phone")) or text_of(phone.get("wa_id")) for phone in map(_object, _list(given.get("phones")))]
    mails = [text_of(mail.get("email")) for mail in map(_object, _list(given.get("emails")))]
    return Card(words, company, tuple(filter(None, [*phones, *mails])))


def order_of(content: Json) -> Order | None:
    given = [_object(item) for item in _list(content.get("product_items"))]
    if not given:
        return None
    lines = [_line(item) for item in given]
    sums: dict[str, Decimal] = {}
    for _item, amount, currency in lines:
        if amount is None:
            return Order(tuple(line[0] for line in lines), "", text_of(content.get("text")))
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    total = " + ".join(money(amount, currency) for currency, amount in sums.items())
    return Order(tuple(line[0] for line in lines), total, text_of(content.get("text")))


def _line(item: Json) -> tuple[Item, Decimal | None, str]:
    """The line as shown, its amount, and the currency."""
    count, price = _number(item.get("quantity")), _number(item.get("item_price"))
    currency = text_of(item.get("currency"))[:8]
    shown_price = money(price, currency) if price is not None else ""
    shown = Item(text_of(item.get("product_retailer_id")), text_of(item.get("quantity")), shown_price)
    return shown, price * count if price is not None and count is not None else None, currency


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(text_of(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def money(amount: Decimal, currency: str) -> str:
    """1250 JPY as `JPY 1,250`, 38.5 HKD as `HKD 38.50`."""
    digits = f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"
    return f"{currency} {digits}".strip()


def answers_of(content: Json) -> list[tuple[str, str]]:
    """What a person filled into a form (a flow), field by field."""
    response = content.get("response")
    if not isinstance(response, dict):
        return []
    rows = [(str(name)[:60].replace("_", " "), _flat(value)) for name, value in response.items() if name not in OWN_KEYS]
    return [row for row in rows[:MOST_ROWS] if row[1]]


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value[:MOST_ROWS])))[:LONGEST]
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(each)}" for name, each in list(value.items())[:MOST_ROWS])[:LONGEST]
    return text_of(value)


def choices_of(content: Json) -> list[str]:
    """The titles of the buttons or list rows that we offered."""
    buttons = [text_of(_object(each).get("title")) for each in _list(content.get("buttons"))]
    sections = map(_object, _list(content.get("sections")))
    rows = [text_of(_object(row).get("title")) for section in sections for row in _list(section.get("rows"))]
    return [title for title in [*buttons, *rows, text_of(content.get("label"))] if title]


def products_of(content: Json) -> list[str]:
    """What a template that we sent shows of the catalogue: a product's code, or a line for each section."""
    parts = map(_object, _list(content.get("components")))
    parameters = [_object(each) for part in parts for each in _list(part.get("parameters"))]
    codes = [text_of(_object(each.get("product")).get("product_retailer_id")) for each in parameters]
    lines = [line for each in parameters for line in words_of(each.get("action")).split("; ")]
    return [text_of(line) for line in [*codes, *lines] if line]


def referral_of(content: Any) -> Referral | None:
    given = _object(content)
    if not given:
        return None
    names = ("source_type", "headline", "body", "source_url", "ctwa_clid")
    origin, headline, body, link, click = (text_of(given.get(name)) for name in names)
    return Referral(origin, headline, body, link, click)


def product_of(content: Json) -> str:
    """The product that a message was written about."""
    return text_of(_object(content.get("referred_product")).get("product_retailer_id"))


def reactions_of(content: Json) -> dict[str, str]:
    """Emoji by who left them ("us" or "contact:<id>"), from the message's own record."""
    return {str(who): emoji for who, left in _object(content.get("reactions")).items() if (emoji := text_of(left))}


def earlier_of(content: Json) -> list[str]:
    """The texts that a message had before it was changed, oldest first."""
    rows = (row.get("text") for row in map(_object, _list(content.get("earlier"))))
    return [text for text in rows if isinstance(text, str) and text]


def errors_of(content: Json) -> str:
    """The platform's own words about what it could not hand over."""
    words = [text_of(each.get("detail")) or text_of(each.get("title")) for each in map(_object, _list(content.get("errors")))]
    return " · ".join(filter(None, words))
