"""What receivers get: one shape for live messages, samples and polling.

`id` is "<contact>:<version>" and differs with each event, so that receivers which drop what they have seen keep updates; `version` is the
event's number and grows, so that a receiver can leave out what is older than what it has. The contact is shown as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scrm.commerce.models import Order
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Message
from scrm.hooks.kinds import EVENTS
from scrm.tags.models import TagAssignment

Body = dict[str, Any]

_PHONE_ORDER = (Identity.Kind.WHATSAPP, Identity.Kind.PHONE)
_SALES = frozenset({"deal", "case"})
_OF_SALE = ("connection", "key", "name", "stage", "stage_before", "amount", "currency", "closed_at", "priority", "by")
_SAMPLE_AT = "2026-11-22T03:30:00.000Z"
_SAMPLE_SALE = {"id": "D-77", "connection": "crm", "key": "conversation:34", "name": "陳大文 · 曲奇", "changed": ["stage"], "by": "crm"}


def bodies_of(events: Sequence[Event]) -> dict[int, Body]:
    """{event's number: body}, with six queries for any number of events. Events whose person is gone are left out."""
    people = _people({event.contact_id for event in events})
    messages = _messages(_ids(events, "message"))
    orders = _orders(_ids(events, "order"))
    return {event.pk: _body(event, people[event.contact_id], messages, orders) for event in events if event.contact_id in people}


def _ids(events: Iterable[Event], name: str) -> set[int]:
    return {value for event in events if isinstance(value := event.data.get(name), int)}


def _body(event: Event, person: Body, messages: Mapping[int, Body], orders: Mapping[int, Body]) -> Body:
    body = {
        "id": f"{person['id']}:{event.pk}",
        "type": event.kind,
        "timestamp": _stamp(event.occurred_at),
        "contact_id": person["id"],
        "version": event.pk,
        "contact": person,
        "data": event.data,
    }
    if event.kind.startswith("message."):
        body["message"] = messages.get(event.data.get("message", 0)) or _no_message()
    if event.kind.startswith("order."):
        body["order"] = orders.get(event.data.get("order", 0)) or _no_order()
    if (kind := event.kind.partition(".")[0]) in _SALES:
        body[kind] = _sale(event.data)
    return body


def _sale(data: Mapping[str, Any]) -> Body:
    """A deal or a case as it was when it moved on: `id` is its record's in the CRM, `by` "crm" or "us"."""
    texts = {name: str(data.get(name, "")) for name in _OF_SALE}
    return {"id": str(data.get("record", "")), "changed": list(data.get("changed", ())), **texts}


def _stamp(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""


def _people(ids: set[int]) -> dict[int, Body]:
    """By the number in the event; of a person who was joined to another, the other."""
    rows = {row.pk: row for row in Contact.objects.filter(pk__in=ids).select_related("merged_into")}
    roots = {pk: row.merged_into or row for pk, row in rows.items()}
    numbers = {row.pk for row in roots.values()}
    addresses: dict[int, list[Identity]] = {}
    for identity in Identity.objects.filter(contact_id__in=numbers, valid_to=None).order_by("valid_from", "id"):
        addresses.setdefault(identity.contact_id, []).append(identity)
    tags: dict[int, list[str]] = {}
    for pk, name in (
        TagAssignment.objects.filter(contact_id__in=numbers, removed_at=None).order_by("tag__name").values_list("contact_id", "tag__name")
    ):
        tags.setdefault(pk, []).append(name)
    shown = {row.pk: _person(row, addresses.get(row.pk, []), tags.get(row.pk, [])) for row in roots.values()}
    return {pk: shown[root.pk] for pk, root in roots.items()}


def _person(row: Contact, addresses: Sequence[Identity], tags: Sequence[str]) -> Body:
    return {
        "id": row.pk,
        "name": row.name,
        "company": row.company,
        "phone": next((each.e164 for kind in _PHONE_ORDER for each in addresses if each.kind == kind and each.e164), ""),
        "email": next((each.value for each in addresses if each.kind == Identity.Kind.EMAIL), ""),
        "country": row.country,
        "language": row.language,
        "priority": row.priority,
        "tags": list(dict.fromkeys(tags)),
        "opted_out": any(each.opted_out_at for each in addresses),
        "created_at": _stamp(row.created_at),
        "last_activity_at": _stamp(row.last_activity_at),
    }


def _messages(ids: set[int]) -> dict[int, Body]:
    rows = Message.objects.filter(pk__in=ids).select_related("connection") if ids else []
    return {
        row.pk: {
            "id": row.pk,
            "conversation": row.conversation_id,
            "direction": row.direction,
            "kind": row.kind,
            "text": row.text,
            "state": row.state,
            "channel": row.connection.slug,
            "sent_at": _stamp(row.sent_at),
        }
        for row in rows
    }


def _no_message() -> Body:
    return {"id": None, "conversation": None, "direction": "", "kind": "", "text": "", "state": "", "channel": "", "sent_at": ""}


def _orders(ids: set[int]) -> dict[int, Body]:
    return {
        row.pk: {
            "id": row.pk,
            "number": row.number,
            "status": row.status,
            "currency": row.currency,
            "total": format(row.total, "f"),
            "placed_at": _stamp(row.placed_at),
        }
        for row in (Order.objects.filter(pk__in=ids) if ids else [])
    }


def _no_order() -> Body:
    return {"id": None, "number": "", "status": "", "currency": "", "total": "", "placed_at": ""}


def newest(event: str, limit: int) -> list[Body]:
    """The bodies of the newest events of a kind, newest first."""
    rows = list(Event.objects.filter(kind=event).order_by("-occurred_at", "-id")[:limit])
    rows.sort(key=lambda row: -row.pk)
    found = bodies_of(rows)
    return [found[row.pk] for row in rows if row.pk in found]


def sample(event: str) -> Body:
    """A made-up body of the kind, in the very shape of a live one."""
    person = {
        "id": 1,
        "name": "陳大文",
        "company": "Harbour Lane",
        "phone": "+85291230001",
        "email": "taiman@example.com",
        "country": "HK",
        "language": "zh-hant",
        "priority": "normal",
        "tags": ["VIP"],
        "opted_out": False,
        "created_at": _SAMPLE_AT,
        "last_activity_at": _SAMPLE_AT,
    }
    made = Event(pk=1, contact_id=1, kind=event, data={}, occurred_at=datetime.fromisoformat(_SAMPLE_AT))
    body = _body(made, person, {}, {})
    if "message" in body:
        body["message"] |= {"id": 1, "conversation": 1, "direction": "in", "kind": "text", "text": "你好", "state": "received"}
        body["message"] |= {"channel": "hk", "sent_at": _SAMPLE_AT}
    if "order" in body:
        body["order"] |= {"id": 1, "number": "HK-1042", "status": "paid", "currency": "HKD", "total": "1280.50", "placed_at": _SAMPLE_AT}
    if event == "deal.changed":
        body["deal"] |= {"stage": "won", "stage_before": "quoted", "amount": "1280.50", "currency": "HKD", "closed_at": _SAMPLE_AT}
        body["deal"] |= _SAMPLE_SALE
    if event == "case.changed":
        body["case"] |= {"stage": "closed", "stage_before": "new", "priority": "high"} | _SAMPLE_SALE
    return body


def is_known(event: str) -> bool:
    return event in EVENTS
