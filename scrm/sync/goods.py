"""Orders and products as records of their own, where a CRM has them. The keys are their numbers here."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from scrm.commerce.models import Order, OrderLine, Product
from scrm.connections.models import Connection
from scrm.sync import person_ids
from scrm.sync.models import Kind
from scrm.sync.order_items import shown
from scrm.sync.sources import Ref, Source, numbers, stamp

ORDER_SOURCES: tuple[str, ...] = (
    "number",
    "status",
    "total",
    "currency",
    "placed_at",
    "sku",
    "lines",
    "items",  # the lines as records, which only come from the CRM
    "carrier",
    "tracking_number",
    "contact",  # whose it is: the id of the person's record there
)
# A price is asked for by its currency: price.HKD.
PRODUCT_SOURCES: tuple[str, ...] = ("sku", "name", "name.ja", "name.zh_Hant", "name.zh_Hans", "name.en", "aliases", "active")
PRODUCT_SOURCES += ("price.HKD", "price.TWD", "price.JPY", "price.SGD", "price.MOP", "price.USD")


def load_orders(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The orders that exist; each needs its person over there."""
    rows = list(Order.objects.filter(pk__in=numbers(keys)).select_related("contact").prefetch_related("lines__product", "shipments"))
    there = person_ids.of_all(connection, [row.contact for row in rows], wanted)
    return {str(order.pk): _order(order, there.get(order.contact_id or 0, "")) for order in rows}


def _order(order: Order, person_id: str) -> Source:
    lines, shipments = list(order.lines.all()), list(order.shipments.all())
    said = [_line(line) for line in lines] + [shown(**each) for each in order.other_lines]
    last = max(shipments, key=lambda each: each.pk) if shipments else None
    values = {
        "number": order.number,
        "status": order.status,
        "total": format(order.total, "f"),
        "currency": order.currency,
        "placed_at": stamp(order.placed_at),
        "sku": "; ".join(
            dict.fromkeys(filter(None, [*(line.product.sku for line in lines), *(each["sku"] for each in order.other_lines)]))
        ),
        "lines": "\n".join(said),
        "items": said,
        "carrier": last.carrier if last else "",
        "tracking_number": last.tracking_number if last else "",
        "contact": person_id,
    }
    person = order.contact
    needs = (Ref(Kind.CONTACT, str(person.merged_into_id or person.pk)),) if person else ()
    return Source(values, needs=needs, links=tuple(Ref(Kind.PRODUCT, str(line.product_id)) for line in lines))


def _line(line: OrderLine) -> str:
    return shown(line.product.sku, line.product.name, line.quantity, format(line.unit_price, "f"))


def load_products(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The products that exist, sold or not."""
    return {str(row.pk): Source(_product(row, wanted)) for row in Product.objects.filter(pk__in=numbers(keys))}


def _product(row: Product, wanted: frozenset[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"sku": row.sku, "name": row.name, "active": "true" if row.active else "false"}
    values["aliases"] = [str(each) for each in row.aliases]
    for name in wanted:
        group, _, what = name.partition(".")
        if group == "name" and what:
            values[name] = str(row.names.get(what.replace("_", "-"), row.names.get(what, "")))
        elif group == "price" and what:
            values[name] = _price(row.prices.get(what))
    return values


def _price(given: Any) -> str:
    return "" if given in (None, "") else format(Decimal(str(given)), "f")
