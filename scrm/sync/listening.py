"""From what happened to what must be written: the sync's consumer of events. A few statements a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Message
from scrm.core.zones import business_day
from scrm.sync.models import Kind
from scrm.sync.services import Wanted, want_many

MESSAGES = frozenset({"message.received", "message.sent", "message.failed"})
MERGES = frozenset({"contact.merged", "contact.unmerged"})
PEOPLE = MERGES | {"contact.created", "contact.changed", "consent.changed", "tag.added", "tag.removed"}
ORDERS = frozenset({"order.placed", "order.changed"})
DEALS = frozenset({"conversation.deal"})
KINDS = MESSAGES | PEOPLE | ORDERS | DEALS


def note_changes(events: Sequence[Event]) -> None:
    """Ask for the writes that these events make necessary, at every CRM that is connected.

    Also at one that is paused or waits for credentials: it catches up afterwards.
    """
    crms = list(Connection.objects.filter(kind=Connection.Kind.CRM).values_list("pk", flat=True))
    if not crms:
        return
    objects = {*_people(events), *_days(events), *_deals(events)}
    want_many(Wanted(crm, kind, key) for crm in crms for kind, key in objects)


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


def _deals(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    for event in events:
        if event.kind in ORDERS and event.data.get("order"):
            yield Kind.DEAL.value, f"order:{event.data['order']}"
        elif event.kind in DEALS and event.data.get("conversation"):
            yield Kind.DEAL.value, f"conversation:{event.data['conversation']}"
