"""What messages cost: the price list as it stands, the price that a billed message gets, and the sums of a connection.

A message is priced when the platform says that it is billed. When the list had no price then, it is priced as soon as one is entered.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.cache import cache
from django.db.models import Count, Q, Sum

from scrm.connections.models import Connection
from scrm.contacts.models import Identity
from scrm.contacts.phone import region_of
from scrm.conversations.models import Message, MessagePrice
from scrm.conversations.price_rules import Price, PriceTable, platform_of
from scrm.core import clock, jobs
from scrm.core.rows import update_many
from scrm.core.zones import business_day

BATCH = 500
CURSOR = "prices:reached"
# A worker may go on for so long with a list that was changed elsewhere; what it left unpriced is found afterwards.
RECHECK_SECONDS = 30.0
_known: tuple[float, PriceTable] | None = None


def table() -> PriceTable:
    global _known
    if _known is None or time.monotonic() - _known[0] >= RECHECK_SECONDS:
        fields = ("platform", "country", "category", "currency", "amount", "valid_from")
        _known = time.monotonic(), PriceTable(Price(*row) for row in MessagePrice.objects.values_list(*fields))
    return _known[1]


def forget() -> None:
    global _known
    _known = None


def country_of(identity: Identity) -> str:
    """Where the recipient's number is at home; of people without a number, what their user id begins with."""
    if identity.e164:
        return region_of(identity.e164)
    head = identity.value.partition(".")[0]
    return head if identity.kind == Identity.Kind.WHATSAPP_USER and len(head) == 2 and head.isupper() else ""


def put_price(message: Message, connection: Connection, prices: PriceTable) -> bool:
    """Set what a billed message costs (unsaved). Needs `conversation.identity`. False when the list does not say, or it has its price."""
    if not message.billable or message.cost is not None or not prices:
        return False
    day = business_day(message.accepted_at or message.sent_at, connection.time_zone)
    identity = message.conversation.identity
    price = prices.find(platform_of(connection.adapter), country_of(identity), message.price_category, day)
    if price is None:
        return False
    message.cost, message.cost_currency = price.amount, price.currency
    return True


def price_waiting() -> int:
    """Look at a batch of billed messages that had no price when they were billed. Returns how many were looked at; 0 when all were."""
    reached = cache.get(CURSOR, 0)
    waiting = Message.objects.filter(billable=True, cost=None, pk__gt=reached).select_related("conversation__identity", "connection")
    rows = list(waiting.order_by("pk")[:BATCH])
    if not rows:
        return 0
    prices = table()
    update_many(Message, [row for row in rows if put_price(row, row.connection, prices)], ["cost", "cost_currency"])
    cache.set(CURSOR, rows[-1].pk, None)
    return len(rows)


def price_list_changed() -> None:
    """A price was entered: what waited for it is priced in the background. What has its price keeps it."""
    forget()
    cache.delete(CURSOR)
    jobs.wake_on_commit("prices")


@dataclass(frozen=True, slots=True)
class Cost:
    """`unpriced`: billed messages of a kind that the list has no price for."""

    sums: tuple[tuple[str, Decimal], ...]
    billed: int
    free: int
    unpriced: int


def cost_of(connection: Connection, *, since: datetime, until: datetime | None = None) -> Cost:
    """What the platform bills for what went out in the time, by currency."""
    until = until or clock.now()
    rows = Message.objects.filter(connection=connection, accepted_at__gte=since, accepted_at__lt=until).order_by()
    groups = (
        rows.filter(billable=True)
        .values("cost_currency")
        .annotate(number=Count("pk"), total=Sum("cost"), missing=Count("pk", filter=Q(cost=None)))
    )
    billed = sorted(groups, key=lambda group: str(group["cost_currency"]))
    sums = tuple((str(group["cost_currency"]), group["total"]) for group in billed if group["total"] is not None)
    return Cost(
        sums,
        billed=sum(group["number"] for group in billed),
        free=rows.filter(billable=False).count(),
        unpriced=sum(group["missing"] for group in billed),
    )
