"""Orders, and conversations that a tag rule marked as an opportunity, as deals. Keys: `order:<id>`, `conversation:<id>`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.conversations.models import Conversation
from scrm.core.zones import business_day
from scrm.sync.defaults import stage_of
from scrm.sync.models import Kind
from scrm.sync.sources import Ref, Source, numbers, stamp
from scrm.tags.models import TagAssignment

SOURCES = ("name", "amount", "currency", "stage", "opened_at", "closed_at", "number", "status")
LINKED_DAYS = timedelta(days=30)


def load(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The deals whose order or conversation exists."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        kind, _, number = key.partition(":")
        kinds[kind].append(number)
    return _orders(connection, numbers(kinds["order"])) | _conversations(numbers(kinds["conversation"]))


def _orders(connection: Connection, ids: Sequence[int]) -> dict[str, Source]:
    rows = Order.objects.filter(pk__in=ids).select_related("contact") if ids else []
    return {f"order:{order.pk}": _order(connection, order) for order in rows}


def _order(connection: Connection, order: Order) -> Source:
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
    }
    needs = (Ref(Kind.CONTACT, str(person.merged_into_id or person.pk)),) if person else ()
    return Source(values, needs=needs)


def _conversations(ids: Sequence[int]) -> dict[str, Source]:
    """No amount and no stage: a new deal begins where the CRM begins, and whoever moved it on since is right."""
    rows = Conversation.objects.filter(pk__in=ids).select_related("identity__contact", "connection") if ids else []
    tags = _reasons(ids)
    return {f"conversation:{row.pk}": _conversation(row, tags.get(row.pk, "")) for row in rows}


def _conversation(row: Conversation, tag: str) -> Source:
    contact = row.identity.contact
    who = contact.name or str(row.identity)
    values = {"name": " · ".join(filter(None, [who, tag])), "opened_at": stamp(row.opened_at), "status": row.status}
    links = tuple(Ref(Kind.COMMUNICATION, f"{row.pk}:{day.isoformat()}") for day in _days(row))
    return Source(values, needs=(Ref(Kind.CONTACT, str(contact.merged_into_id or contact.pk)),), links=links)


def _reasons(ids: Sequence[int]) -> dict[int, str]:
    """The tag that opened the deal: the first one by a rule that may."""
    if not ids:
        return {}
    rows = TagAssignment.objects.filter(conversation_id__in=ids, rule__opens_deal=True).order_by("-assigned_at", "-id")
    return {pk: name for pk, name in rows.values_list("conversation_id", "tag__name") if pk is not None}


def _days(row: Conversation) -> list[date]:
    """The days whose communication may stand in the CRM already; later ones join the deal themselves."""
    zone = row.connection.time_zone
    last = business_day(row.last_message_at, zone)
    first = max(business_day(min(row.opened_at, row.last_message_at), zone), last - LINKED_DAYS)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
