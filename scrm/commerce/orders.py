"""Reads of orders that answers and conditions rest on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Case, F, QuerySet, When, Window
from django.db.models.functions import RowNumber

from scrm.commerce.models import Order, Shipment
from scrm.contacts.models import Contact

# Paid for and not yet in the customer's hands.
UNDER_WAY = (Order.Status.PAID, Order.Status.PACKED, Order.Status.SHIPPED, Order.Status.OUT_FOR_DELIVERY)


def orders_of(contact: Contact) -> QuerySet[Order]:
    """Newest first."""
    return Order.objects.filter(contact=contact).order_by("-placed_at", "-id")


def latest_order(contact: Contact) -> Order | None:
    """The newest order that is under way, else the newest of all."""
    return latest_orders([contact.pk]).get(contact.pk)


def latest_orders(contact_ids: Collection[int]) -> dict[int, Order]:
    """`latest_order` of many contacts at once; contacts without orders are absent."""
    under_way_first = Case(When(status__in=UNDER_WAY, then=0), default=1)
    place = Window(RowNumber(), partition_by="contact", order_by=[under_way_first.asc(), F("placed_at").desc(), F("id").desc()])
    first = Order.objects.filter(contact__in=contact_ids).annotate(place=place).filter(place=1)
    return {order.contact_id: order for order in first if order.contact_id is not None}


def latest_shipments(order_ids: Collection[int]) -> dict[int, Shipment]:
    """The newest shipment of each order; orders that were not shipped are absent."""
    rows = Shipment.objects.filter(order__in=order_ids).order_by("id")
    return {row.order_id: row for row in rows}


def statuses_by_contact(contact_ids: Iterable[int]) -> dict[int, set[str]]:
    """The statuses that each contact's orders have; contacts without orders are absent."""
    found: dict[int, set[str]] = {}
    for contact, status in Order.objects.filter(contact_id__in=set(contact_ids)).values_list("contact_id", "status").distinct():
        found.setdefault(contact, set()).add(status)
    return found
