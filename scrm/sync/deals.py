"""Orders, and conversations that a tag rule marked as an opportunity or as a case. Keys: `order:<id>`, `conversation:<id>`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from scrm.commerce.models import Order
from scrm.commerce.price_bands import Sum, band_of
from scrm.connections.models import Connection
from scrm.conversations.models import Conversation
from scrm.core.zones import business_day
from scrm.sync import asked, person_ids
from scrm.sync.asked import Asked
from scrm.sync.defaults import stage_of
from scrm.sync.models import Kind
from scrm.sync.sources import Ref, Source, numbers, stamp

# Of a conversation's deal or case the stage, and the amount, are what the CRM says; so is the stage of a case.
SOURCES = ("name", "amount", "currency", "stage", "opened_at", "closed_at", "number", "status", "contact", *asked.SOURCES)
CASE_SOURCES = ("name", "stage", "opened_at", "closed_at", "number", "status", "priority", "channel", "contact", *asked.SOURCES)
LINKED_DAYS = timedelta(days=30)


def load(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The deals whose order or conversation exists."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        kind, _, number = key.partition(":")
        kinds[kind].append(number)
    return _orders(connection, numbers(kinds["order"]), wanted) | _conversations(
        connection, numbers(kinds["conversation"]), wanted, "opens_deal"
    )


def load_cases(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The cases whose conversation exists."""
    ids = [key.removeprefix("conversation:") for key in keys if key.startswith("conversation:")]
    return _conversations(connection, numbers(ids), wanted, "opens_case")


def _orders(connection: Connection, ids: Sequence[int], wanted: frozenset[str]) -> dict[str, Source]:
    rows = list(Order.objects.filter(pk__in=ids).select_related("contact").prefetch_related("lines__product")) if ids else []
    there = person_ids.of_all(connection, [row.contact for row in rows], wanted)
    return {f"order:{order.pk}": _order(connection, order, there.get(order.contact_id or 0, "")) for order in rows}


def _order(connection: Connection, order: Order, person_id: str) -> Source:
    lost = order.status == Order.Status.CANCELLED
    person = order.contact
    values = {
        "name": f"{order.number} · {person.name}" if person and person.name else order.number,
        "amount": format(order.total, "f"),
        "currency": order.currency,
        "stage": stage_of(connection, "lost" if lost else "won"),
        "opened_at": stamp(order.placed_at),
        "closed_at": stamp(order.placed_at),
        "number": order.number,
        "status": order.status,
        "contact": person_id,
        **_sold(order).values(),
    }
    needs = (Ref(Kind.CONTACT, str(person.merged_into_id or person.pk)),) if person else ()
    return Source(values, needs=needs)


def _sold(order: Order) -> Asked:
    products = [line.product for line in order.lines.all()][: asked.PRODUCTS]
    return Asked([each.sku for each in products], [each.name for each in products], band_of(Sum(order.total, order.currency)))


def _conversations(connection: Connection, ids: Sequence[int], wanted: frozenset[str], flag: str) -> dict[str, Source]:
    """No amount and no stage: a new record begins where the CRM begins, and whoever moved it on since is right."""
    rows = list(Conversation.objects.filter(pk__in=ids).select_related("identity__contact", "connection")) if ids else []
    about = asked.read(rows, flag) if wanted & {"name", *asked.SOURCES} else {}
    there = person_ids.of_all(connection, [row.identity.contact for row in rows], wanted)
    return {f"conversation:{row.pk}": _conversation(row, about.get(row.pk, Asked()), there) for row in rows}


def _conversation(row: Conversation, about: Asked, there: Mapping[int, str]) -> Source:
    contact = row.identity.contact
    values = {
        "name": " · ".join(filter(None, [contact.name or str(row.identity), about.intent])),
        "opened_at": stamp(row.opened_at),
        "closed_at": stamp(row.closed_at),
        "number": str(row.pk),
        "status": row.status,
        "priority": contact.priority,
        "channel": row.connection.label,
        "contact": there.get(contact.pk, ""),
        **about.values(),
    }
    links = tuple(Ref(Kind.COMMUNICATION, f"{row.pk}:{day.isoformat()}") for day in _days(row))
    return Source(values, needs=(Ref(Kind.CONTACT, str(contact.merged_into_id or contact.pk)),), links=links)


def _days(row: Conversation) -> list[date]:
    """The days whose communication may stand in the CRM already; later ones join the deal themselves."""
    zone = row.connection.time_zone
    last = business_day(row.last_message_at, zone)
    first = max(business_day(min(row.opened_at, row.last_message_at), zone), last - LINKED_DAYS)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
