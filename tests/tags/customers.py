"""Customers of Hong Kong, Taipei, Tokyo and Singapore and what they write, for the tests of tags, rules and orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Conversation, Message

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # 12:00 in Hong Kong, 13:00 in Tokyo

_serial = count(1)


@dataclass
class Place:
    country: str
    language: str
    time_zone: str
    prefix: str
    name: str


PLACES = {
    "hk": Place("HK", "zh-Hant", "Asia/Hong_Kong", "8529", "陳美玲"),
    "tw": Place("TW", "zh-TW", "Asia/Taipei", "8869", "林志豪"),
    "jp": Place("JP", "ja", "Asia/Tokyo", "8190", "佐藤花子"),
    "sg": Place("SG", "en", "Asia/Singapore", "658", "Tan Wei Ming"),
    "cn": Place("CN", "zh-CN", "Asia/Shanghai", "8613", "王小明"),
}


def shop_number(place: str = "hk", **fields: Any) -> Connection:
    """The WhatsApp number of a shop."""
    where = PLACES[place]
    number = next(_serial)
    values: dict[str, Any] = {"slug": f"shop-{place}-{number}", "label": f"Shop {place}", "kind": "channel", "adapter": "whatsapp"}
    values |= {"account_id": str(100_000 + number), "country": where.country, "language": where.language, "time_zone": where.time_zone}
    return Connection.objects.create(**{**values, **fields})


def conversation(place: str = "hk", *, at: datetime = NOON, connection: Connection | None = None, **contact_fields: Any) -> Conversation:
    """A customer who wrote at `at`, so that the 24-hour window is open."""
    where = PLACES[place]
    number = next(_serial)
    fields: dict[str, Any] = {"name": where.name, "country": where.country, "language": where.language, "time_zone": where.time_zone}
    contact = Contact.objects.create(**{**fields, **contact_fields}, last_activity_at=at, created_at=at, updated_at=at)
    wa_id = f"{where.prefix}{number:07d}"
    identity = Identity.objects.create(contact=contact, kind="whatsapp", value=wa_id, e164=f"+{wa_id}", verified="inbound", valid_from=at)
    return Conversation.objects.create(
        identity=identity,
        connection=connection or shop_number(place),
        last_message_at=at,
        changed_at=at,
        opened_at=at,
        last_inbound_at=at,
        window_expires_at=at + timedelta(hours=24),
    )


def writes(talk: Conversation, text: str, *, at: datetime = NOON, **fields: Any) -> Message:
    """A stored inbound message, as the pipeline leaves it."""
    external_id = f"wamid.{next(_serial)}"
    values: dict[str, Any] = {"direction": "in", "kind": "text", "state": "received", "source": "customer", "external_id": external_id}
    return Message.objects.create(
        conversation=talk, connection=talk.connection, text=text, sent_at=at, created_at=at, **{**values, **fields}
    )


def received(message: Message) -> Event:
    """The event of a stored message, not yet recorded."""
    talk = message.conversation
    details = {"message": message.pk, "conversation": talk.pk}
    return Event(contact=talk.identity.contact, identity=talk.identity, kind="message.received", occurred_at=message.sent_at, data=details)
