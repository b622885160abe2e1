"""From what happened to what must be written: the sync's consumer of events. A few statements a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from scrm.commerce.models import Product
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Message
from scrm.core.zones import business_day
from scrm.sync import joining
from scrm.sync.defaults import MAPPINGS
from scrm.sync.models import ExternalRecord, FieldMapping, Kind, Push
from scrm.sync.services import Wanted, want_many

MESSAGES = frozenset({"message.received", "message.sent", "message.failed"})
MERGES = frozenset({"contact.merged", "contact.unmerged"})
PEOPLE = MERGES | {"contact.created", "contact.changed", "consent.changed", "tag.added", "tag.removed"}
ORDERS = frozenset({"order.placed", "order.changed"})
DEALS = frozenset({"conversation.deal"})
CASES = frozenset({"conversation.case"})
# What is told of a conversation that has a deal or a case already.
GOING_ON = frozenset({"message.received", "conversation.closed", "conversation.opened"})
KINDS = MESSAGES | PEOPLE | ORDERS | DEALS | CASES | GOING_ON


def note_changes(events: Sequence[Event]) -> None:
    """Ask for the writes that these events make necessary, at every CRM that is connected.

    Also at one that is paused or waits for credentials: it catches up afterwards.
    """
    crms = kinds_out()
    if not crms:
        return
    joining.note(events)
    objects = {*_people(events), *_days(events)}
    wanted = [Wanted(crm, kind, key) for crm in crms for kind, key in objects]
    born = _born_there(events)
    for crm, kinds in crms.items():
        wanted += [Wanted(crm, kind, key) for kind, key in _sales(events, kinds) if (crm, kind, key) not in born]
    wanted += _going_on(events)
    want_many(wanted)


def kinds_out() -> dict[int, frozenset[str]]:
    """{CRM: kinds of which something goes out}. One that was never called has the mappings that its adapter begins with."""
    crms = Connection.objects.filter(kind=Connection.Kind.CRM)
    mapped = ("field_mappings__kind", "field_mappings__enabled", "field_mappings__direction")
    found: dict[int, set[str]] = {}
    for pk, adapter, kind, enabled, direction in crms.values_list("pk", "adapter", *mapped).distinct():
        if kind is None:
            found[pk] = {str(each) for each, _, _ in MAPPINGS.get(adapter, ())}
        else:
            found.setdefault(pk, set()).update({kind} if enabled and direction != FieldMapping.Direction.IN else ())
    return {pk: frozenset(kinds) for pk, kinds in found.items()}


def _people(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    ids = {event.contact_id for event in events if event.kind in MESSAGES | PEOPLE}
    for contact, survivor in Contact.objects.filter(pk__in=ids).values_list("pk", "merged_into") if ids else ():
        yield Kind.CONTACT.value, str(survivor or contact)


def _days(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """Each message belongs to the day on the wall where its account lives."""
    messages = [event.data["message"] for event in events if event.kind in MESSAGES and event.data.get("message")]
    if not messages:
        return
    rows = Message.objects.filter(pk__in=messages).values_list("conversation_id", "sent_at", "connection__time_zone")
    for conversation, sent_at, time_zone in rows:
        yield Kind.COMMUNICATION.value, f"{conversation}:{business_day(sent_at, time_zone).isoformat()}"


def _going_on(events: Iterable[Event]) -> list[Wanted]:
    """What a customer adds, and that the conversation ended, belongs into its deal and its case."""
    ids = {event.data.get("conversation") for event in events if event.kind in GOING_ON} - {None}
    keys = [f"conversation:{pk}" for pk in ids]
    there = Push.objects.filter(kind__in=(Kind.DEAL, Kind.CASE), key__in=keys) if keys else Push.objects.none()
    return [Wanted(*row) for row in there.values_list("connection", "kind", "key")]


def _born_there(events: Iterable[Event]) -> set[tuple[int, str, str]]:
    """The deals of orders that a CRM itself brought: there they are orders already, and nobody asks for a deal."""
    ids = {str(event.data["order"]) for event in events if event.kind in ORDERS and event.data.get("order")}
    if not ids:
        return set()
    orders = set(ExternalRecord.objects.filter(kind=Kind.ORDER, key__in=ids).values_list("connection", "key"))
    deals = Push.objects.filter(kind=Kind.DEAL, key__in=[f"order:{pk}" for _, pk in orders]) if orders else Push.objects.none()
    ours = set(deals.values_list("connection", "key"))
    return {(crm, Kind.DEAL.value, f"order:{pk}") for crm, pk in orders if (crm, f"order:{pk}") not in ours}


def _sales(events: Iterable[Event], kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """An order is a deal that was won, and an order where the CRM keeps those. A CRM without deals keeps inquiries as cases."""
    inquiry = Kind.CASE.value if Kind.CASE in kinds and Kind.DEAL not in kinds else Kind.DEAL.value
    for event in events:
        if event.kind in ORDERS and event.data.get("order"):
            yield Kind.DEAL.value, f"order:{event.data['order']}"
            if Kind.ORDER in kinds:
                yield Kind.ORDER.value, str(event.data["order"])
        elif event.kind in DEALS and event.data.get("conversation"):
            yield inquiry, f"conversation:{event.data['conversation']}"
        elif event.kind in CASES and event.data.get("conversation") and Kind.CASE in kinds:
            yield Kind.CASE.value, f"conversation:{event.data['conversation']}"


def note_product(sender: type[Product], instance: Product, **_: Any) -> None:
    """A product was saved: wherever products go out, it is written."""
    want_many(Wanted(crm, Kind.PRODUCT.value, str(instance.pk)) for crm, kinds in kinds_out().items() if Kind.PRODUCT in kinds)
