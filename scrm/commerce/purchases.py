"""Tells matching what contacts bought: the same article within some weeks is evidence that two records are one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from scrm.commerce.models import Order, OrderLine
from scrm.contacts.matching.gather import purchases_from


@purchases_from
def purchases(contact_ids: Collection[int]) -> Iterable[tuple[int, str, date]]:
    """(contact id, SKU, day); what was cancelled is no purchase."""
    rows = OrderLine.objects.filter(order__contact_id__in=list(contact_ids)).exclude(order__status=Order.Status.CANCELLED)
    found = rows.values_list("order__contact_id", "product__sku", "order__placed_at")
    return [(contact_id, sku, placed.date()) for contact_id, sku, placed in found if contact_id is not None]
