"""What the interface's tests start from: a time, a partner's client, and customers who write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.test import Client

from connectors.contracts import Address, InboundMessage
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.contacts.search import reindex
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Message
from scrm.core import clock

NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)  # 12:00 in Hong Kong, a Wednesday


class Partner:
    """A partner's client: JSON in, JSON out, the token in the header."""

    def __init__(self, token: str) -> None:
        self.http = Client(headers={"Authorization": f"Bearer {token}"})

    def get(self, address: str, **query: Any) -> Any:
        return self.http.get(f"/api/v1/{address}", query)

    def results(self, address: str, **query: Any) -> list[Any]:
        answer = self.get(address, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()["results"]

    def send(self, body: Any, key: str = "order-1") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post("/api/v1/messages/", body, content_type="application/json", headers=headers)


def channel(slug: str, label: str, account_id: str, country: str, time_zone: str) -> Connection:
    fields = {"kind": "channel", "adapter": "whatsapp", "country": country, "time_zone": time_zone}
    return Connection.objects.create(slug=slug, label=label, account_id=account_id, **fields)


def customer(name: str, number: str, at: datetime = NOON, **fields: Any) -> Identity:
    contact = Contact.objects.create(name=name, last_activity_at=at, created_at=at, updated_at=at, **fields)
    address = {"kind": "whatsapp", "value": number.lstrip("+"), "e164": number}
    identity = Identity.objects.create(contact=contact, verified="inbound", valid_from=at, **address)
    reindex([contact.pk])
    return identity


def write(identity: Identity, connection: Connection, text: str, at: datetime = NOON) -> Message:
    """A customer writes to one of our numbers, through the real way in."""
    wamid = f"wamid.{identity.value}.{Message.objects.count()}"
    sender = (Address("whatsapp", identity.value),)
    item = InboundMessage(key=wamid, account_id=connection.account_id, external_id=wamid, sender=sender, kind="text", sent_at=at, text=text)
    with clock.frozen(at + timedelta(seconds=1)), transaction.atomic():
        return record_inbound([Arrival(item, identity, connection, clock.now())])[0]
