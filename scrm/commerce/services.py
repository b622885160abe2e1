"""Writing products and orders. Every path (CRM, API, CSV, sandbox) ends here; all of it can be repeated without effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from scrm.commerce.models import Order, OrderLine, Product, Shipment
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.core import clock


class UnknownProduct(Exception):
    """An order line names a SKU that is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class LineInput:
    """`unit_price` is in the order's currency."""

    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class ShipmentInput:
    carrier: str
    tracking_number: str
    tracking_url: str = ""
    status: str = ""
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderResult:
    """`changed` names what differed from before; empty when nothing did."""

    order: Order
    created: bool
    changed: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Before:
    status: str = ""
    contact_id: int | None = None


@transaction.atomic
def upsert_product(
    sku: str,
    *,
    name: str,
    names: Mapping[str, str] | None = None,
    aliases: Sequence[str] | None = None,
    prices: Mapping[str, str] | None = None,
    active: bool = True,
) -> Product:
    """Create or update a product by its SKU. What is None is left as it is."""
    given = {"names": dict(names) if names is not None else None, "aliases": list(aliases) if aliases is not None else None}
    given |= {"prices": dict(prices) if prices is not None else None}
    defaults: dict[str, Any] = {"name": name, "active": active, **{key: value for key, value in given.items() if value is not None}}
    product, _ = Product.objects.update_or_create(sku=sku, defaults=defaults)
    return product


def upsert_order(
    number: str,
    *,
    contact: Contact | None,
    status: str,
    currency: str,
    total: Decimal,
    placed_at: datetime,
    lines: Sequence[LineInput] | None = None,
    shipment: ShipmentInput | None = None,
    cause: str = "",
    other_lines: Sequence[Mapping[str, str]] | None = None,
) -> OrderResult:
    """Create or update an order by its number, with its lines, its other lines and its shipment; what is None is left alone.

    A new order records `order.placed` and a changed one `order.changed` on the contact, if it has one. Lines replace the
    former lines; a shipment is known by carrier and tracking number. `cause`: who says so.
    Raises `UnknownProduct` and then changes nothing.
    """
    values: dict[str, Any] = {"contact": contact, "status": Order.Status(status).value, "currency": currency.upper()}
    values |= {"total": Decimal(total), "placed_at": placed_at}
    values |= {"other_lines": list(other_lines)} if other_lines is not None else {}
    try:
        with transaction.atomic():
            return _upsert(number, values, lines, shipment, cause)
    except IntegrityError:
        # Somebody created the same number a moment ago; now it can be found.
        with transaction.atomic():
            return _upsert(number, values, lines, shipment, cause)


def change_order(
    order_id: int,
    values: Mapping[str, Any],
    *,
    lines: Sequence[LineInput] | None = None,
    shipment: ShipmentInput | None = None,
    cause: str = "",
) -> OrderResult:
    """Give these columns of an order these values; told as `order.changed` like any other change. Lines replace the former lines.

    Raises `Order.DoesNotExist`, and `UnknownProduct` and then changes nothing.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update(of=("self",)).get(pk=order_id)
        before = _Before(order.status, order.contact_id)
        changed = _set(order, values)
        changed += ["lines"] if lines is not None and _replace_lines(order, lines) else []
        changed += ["shipment"] if shipment is not None and _upsert_shipment(order, shipment) else []
        _record(order, False, changed, before, cause)
    return OrderResult(order, False, tuple(changed))


def _upsert(
    number: str, values: dict[str, Any], lines: Sequence[LineInput] | None, shipment: ShipmentInput | None, cause: str
) -> OrderResult:
    order = Order.objects.select_for_update(of=("self",)).filter(number=number).first()
    created = order is None
    before = _Before(order.status, order.contact_id) if order is not None else _Before()
    if order is None:
        order = Order.objects.create(number=number, **values)
        changed = []
    else:
        changed = _set(order, values)
    changed += ["lines"] if lines is not None and _replace_lines(order, lines) else []
    changed += ["shipment"] if shipment is not None and _upsert_shipment(order, shipment) else []
    _record(order, created, changed, before, cause)
    return OrderResult(order, created, () if created else tuple(changed))


def _set(order: Order, values: Mapping[str, Any]) -> list[str]:
    changed = [name for name, value in values.items() if getattr(order, name) != value]
    for name in changed:
        setattr(order, name, values[name])
    if changed:
        order.save(update_fields=changed)
    return changed


def _replace_lines(order: Order, lines: Sequence[LineInput]) -> bool:
    products = {product.sku: product for product in Product.objects.filter(sku__in={line.sku for line in lines})}
    missing = sorted({line.sku for line in lines} - set(products))
    if missing:
        raise UnknownProduct(f"Not in the catalogue: {', '.join(missing)}")
    wanted = sorted((line.sku, line.quantity, Decimal(line.unit_price)) for line in lines)
    if wanted == sorted(order.lines.values_list("product__sku", "quantity", "unit_price")):
        return False
    order.lines.all().delete()
    made = [OrderLine(order=order, product=products[sku], quantity=quantity, unit_price=price) for sku, quantity, price in wanted]
    OrderLine.objects.bulk_create(made)
    return True


def _upsert_shipment(order: Order, shipment: ShipmentInput) -> bool:
    key = {"carrier": shipment.carrier, "tracking_number": shipment.tracking_number}
    values = {"tracking_url": shipment.tracking_url, "status": shipment.status, "expected_at": shipment.expected_at}
    there = order.shipments.filter(**key).first()
    if there is None:
        Shipment.objects.create(order=order, **key, **values)
        return True
    changed = [name for name, value in values.items() if getattr(there, name) != value]
    for name in changed:
        setattr(there, name, values[name])
    if changed:
        there.save(update_fields=changed)
    return bool(changed)


def _record(order: Order, created: bool, changed: Sequence[str], before: _Before, cause: str) -> None:
    if order.contact is None or not (created or changed):
        return
    details: dict[str, Any] = {"order": order.pk, "number": order.number, "status": order.status}
    if not created:
        details |= {"changed": list(changed), "status_before": before.status}
        if "contact" in changed and before.contact_id is not None:
            details["contact_before"] = before.contact_id
    kind, at = ("order.placed", order.placed_at) if created else ("order.changed", clock.now())
    events.record([Event(contact=order.contact, kind=kind, occurred_at=at, data=details, cause=cause)])
