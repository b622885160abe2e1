"""Reads of orders that answers and conditions rest on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Case, F, QuerySet, When, Window
from django.db.models.functions import RowNumber

from scrm.commerce.models import Order, Shipment
from scrm.contacts.family import by_root, family_of
from scrm.contacts.models import Contact

# Paid for and not yet in the customer's hands.
UNDER_WAY = (Order.Status.PAID, Order.Status.PACKED, Order.Status.SHIPPED, Order.Status.OUT_FOR_DELIVERY)


def orders_of(contact: Contact) -> QuerySet[Order]:
    """Newest first, of all records of this person."""
    return Order.objects.filter(contact__in=family_of(contact)).order_by("-placed_at", "-id")


def latest_order(contact: Contact) -> Order | None:
    """The newest order that is under way, else the newest of all."""
    return latest_orders([contact]).get(contact.pk)


def latest_orders(contacts: Iterable[Contact]) -> dict[int, Order]:
    """`latest_order` of many people at once, by their id; people without orders are absent."""
    people = by_root(contacts)
    under_way_first = Case(When(status__in=UNDER_WAY, then=0), default=1)
    place = Window(RowNumber(), partition_by="contact", order_by=[under_way_first.asc(), F("placed_at").desc(), F("id").desc()])
    # One row a record; of somebody who was merged the best of them.
    first = [row for row in Order.objects.filter(contact__in=people).annotate(place=place).filter(place=1) if row.contact_id is not None]
    return {people[row.contact_id or 0]: row for row in sorted(first, key=_worth)}


def _worth(order: Order) -> tuple[bool, datetime, int]:
    return order.status in UNDER_WAY, order.placed_at, order.pk


def latest_shipments(order_ids: Collection[int]) -> dict[int, Shipment]:
    """The newest shipment of each order; orders that were not shipped are absent."""
    rows = Shipment.objects.filter(order__in=order_ids).order_by("id")
    return {row.order_id: row for row in rows}


def statuses_by_contact(contacts: Iterable[Contact]) -> dict[int, set[str]]:
    """The statuses that each person's orders have; people without orders are absent."""
    found: dict[int, set[str]] = {}
    people = by_root(contacts)
    for record, status in Order.objects.filter(contact_id__in=people).values_list("contact_id", "status").distinct():
        found.setdefault(people[record], set()).add(status)
    return found
