"""Orders and coupons. The books must add up, so an order's sum and lines stay, without whose it was, its number and its parcels."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from scrm.commerce.models import Coupon, Order, OrderLine, Shipment
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import CHUNK, forget_log_entries, in_chunks
from scrm.contacts.privacy.writing import dump


def _erase(whom: Person) -> Iterator[int]:
    orders = Order.objects.filter(contact__in=whom.contacts)
    yield from in_chunks(Coupon.objects.filter(contact__in=whom.contacts), lambda ids: forget_log_entries(Coupon, ids))
    yield from in_chunks(Shipment.objects.filter(order__contact__in=whom.contacts))
    while True:
        with transaction.atomic():
            ids = list(orders.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            if not ids:
                return
            forget_log_entries(Order, ids)
            number = Concat(Value("erased-"), Cast(F("pk"), CharField()))
            Order.objects.filter(pk__in=ids).update(contact=None, number=number)
        yield len(ids)


def _export(whom: Person, box: Box) -> None:
    box.rows("orders", dump(Order.objects.filter(contact__in=whom.contacts)))
    names = ("id", "order_id", "product__sku", "product__name", "quantity", "unit_price")
    box.rows("order_lines", dump(OrderLine.objects.filter(order__contact__in=whom.contacts), only=names))
    box.rows("shipments", dump(Shipment.objects.filter(order__contact__in=whom.contacts)))
    box.rows("coupons", dump(Coupon.objects.filter(contact__in=whom.contacts)))


def register() -> None:
    covers = [model._meta.label_lower for model in (Coupon, Order, OrderLine, Shipment)]
    registry.register("orders", rank=70, covers=covers, erase=_erase, export=_export)
