"""Reads of orders that answers and conditions rest on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from scrm.commerce.models import Order
from scrm.contacts.models import Contact

# Paid for and not yet in the customer's hands.
UNDER_WAY = (Order.Status.PAID, Order.Status.PACKED, Order.Status.SHIPPED, Order.Status.OUT_FOR_DELIVERY)


def orders_of(contact: Contact) -> QuerySet[Order]:
    """Newest first."""
    return Order.objects.filter(contact=contact).order_by("-placed_at", "-id")


def latest_order(contact: Contact) -> Order | None:
    """The newest order that is under way, else the newest of all."""
    orders = orders_of(contact)
    return orders.filter(status__in=UNDER_WAY).first() or orders.first()


def statuses_by_contact(contact_ids: Iterable[int]) -> dict[int, set[str]]:
    """The statuses that each contact's orders have; contacts without orders are absent."""
    found: dict[int, set[str]] = {}
    for contact, status in Order.objects.filter(contact_id__in=set(contact_ids)).values_list("contact_id", "status").distinct():
        found.setdefault(contact, set()).add(status)
    return found
