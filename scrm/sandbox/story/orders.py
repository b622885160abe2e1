"""Every customer's order history, the same each time for the same person.

The person's key seeds the choice; times are relative to `now`. About every second person has one order under way.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypedDict
from zoneinfo import ZoneInfo

from .catalogue import CURRENCY_OF, PRODUCTS, StoryProduct

OrderStatus = Literal["paid", "packed", "shipped", "out_for_delivery", "delivered"]
ShipmentStatus = Literal["label_created", "in_transit", "out_for_delivery", "delivered"]


class Line(TypedDict):
    sku: str
    qty: int
    unit_price: Decimal


class ShipmentFacts(TypedDict):
    carrier: str
    tracking_number: str
    tracking_url: str
    status: ShipmentStatus
    eta: datetime


class OrderFacts(TypedDict):
    """`shipment` is None until a label exists, i.e. while the order is only paid."""

    number: str
    placed_at: datetime
    status: OrderStatus
    currency: str
    lines: list[Line]
    total: Decimal
    shipment: ShipmentFacts | None


# Carrier, form of its tracking numbers (# = digit), page that shows one.
CARRIERS: dict[str, tuple[str, str, str]] = {
    "HK": ("SF Express", "SF#############", "https://htm.sf-express.com/hk/tc/dynamic_function/waybill/#search/bill-number/{number}"),
    "TW": ("黑貓宅急便", "############", "https://www.t-cat.com.tw/inquire/trace.aspx?no={number}"),
    "JP": ("Yamato", "############", "https://toi.kuronekoyamato.co.jp/cgi-bin/tneko?number00=1&number01={number}"),
    "SG": ("Ninja Van", "NVSGHL#########", "https://www.ninjavan.co/en-sg/tracking?id={number}"),
}
UNDER_WAY: tuple[OrderStatus, ...] = ("paid", "packed", "shipped", "out_for_delivery")
SHIPMENT_STATUS: dict[OrderStatus, ShipmentStatus] = {
    "packed": "label_created",
    "shipped": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
}
AGE_HOURS: dict[OrderStatus, tuple[int, int]] = {"paid": (1, 10), "packed": (12, 30), "shipped": (30, 60), "out_for_delivery": (48, 90)}
FIRST_DELIVERY_HOUR, LAST_DELIVERY_HOUR = 10, 20
ZONES = {"HK": "Asia/Hong_Kong", "TW": "Asia/Taipei", "JP": "Asia/Tokyo", "SG": "Asia/Singapore"}
LEFT_HOURS: dict[OrderStatus, int] = {"packed": 60, "shipped": 28, "out_for_delivery": 4}


def orders_for(person_key: str, country: str, now: datetime) -> list[OrderFacts]:
    """The person's orders, newest first: one to four, of which at most one is not delivered yet."""
    seed = hashlib.sha256(person_key.encode()).digest()
    chance = random.Random(seed)
    country = country if country in CARRIERS else "SG"
    under_way = seed[0] % 2 == 0
    past = chance.randint(0 if under_way else 1, 3)
    orders = [_order(chance, country, now, chance.choice(UNDER_WAY))] if under_way else []
    days = 0
    for _ in range(past):
        days += chance.randint(9, 45)
        orders.append(_order(chance, country, now - timedelta(days=days), "delivered"))
    return orders


def has_order_under_way(orders: Sequence[OrderFacts]) -> bool:
    return any(order["status"] != "delivered" for order in orders)


def _order(chance: random.Random, country: str, base: datetime, status: OrderStatus) -> OrderFacts:
    least, most = AGE_HOURS.get(status, (1, 24))
    placed_at = (base - timedelta(hours=chance.randint(least, most), minutes=chance.randint(0, 59))).replace(second=0, microsecond=0)
    lines = _lines(chance, CURRENCY_OF[country])
    return {
        "number": f"{country}-{chance.randint(100_000, 999_999)}",
        "placed_at": placed_at,
        "status": status,
        "currency": CURRENCY_OF[country],
        "lines": lines,
        "total": sum((line["unit_price"] * line["qty"] for line in lines), Decimal(0)),
        "shipment": _shipment(chance, country, base, placed_at, status),
    }


def _lines(chance: random.Random, currency: str) -> list[Line]:
    """One electronic thing, or one to three cosmetics: what people put in one basket."""
    cosmetics = [product for product in PRODUCTS if product.category == "cosmetics"]
    others = [product for product in PRODUCTS if product.category != "cosmetics"]
    if chance.random() < 0.45:
        return [_line(chance.choice(others), 1, currency)]
    chosen = chance.sample(cosmetics, chance.randint(1, 3))
    return [_line(product, chance.choice((1, 1, 1, 2)), currency) for product in chosen]


def _line(product: StoryProduct, qty: int, currency: str) -> Line:
    return {"sku": product.sku, "qty": qty, "unit_price": product.prices[currency]}


def _shipment(chance: random.Random, country: str, base: datetime, placed_at: datetime, status: OrderStatus) -> ShipmentFacts | None:
    carrier, form, url = CARRIERS[country]
    number = "".join(str(chance.randint(1 if at == 0 else 0, 9)) if sign == "#" else sign for at, sign in enumerate(form))
    if status == "paid":
        return None
    eta = placed_at + timedelta(hours=chance.randint(40, 72)) if status == "delivered" else base + timedelta(hours=LEFT_HOURS[status])
    return {
        "carrier": carrier,
        "tracking_number": number,
        "tracking_url": url.format(number=number),
        "status": SHIPMENT_STATUS[status],
        "eta": _in_delivery_hours(eta, ZoneInfo(ZONES[country])),
    }


def _in_delivery_hours(eta: datetime, zone: ZoneInfo) -> datetime:
    """The full hour, and between 10 and 20 o'clock local time: couriers do not ring at night."""
    local = eta.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if local.hour > LAST_DELIVERY_HOUR:
        local += timedelta(days=1)
        return local.replace(hour=FIRST_DELIVERY_HOUR).astimezone(eta.tzinfo)
    return local.replace(hour=max(local.hour, FIRST_DELIVERY_HOUR)).astimezone(eta.tzinfo)
