"""A shop with numbers in Hong Kong and Taipei, a few customers, and partners with tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Address, InboundMessage
from scrm.api.scopes import SCOPES
from scrm.api.services import issue_token
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


@pytest.fixture
def partner(db: None) -> Partner:
    return Partner(issue_token("Bridge in Taipei", SCOPES)[1])


@pytest.fixture
def hong_kong(db: None) -> Connection:
    return Connection.objects.create(
        slug="causeway-bay",
        label="Causeway Bay",
        kind="channel",
        adapter="whatsapp",
        account_id="1001",
        country="HK",
        time_zone="Asia/Hong_Kong",
    )


@pytest.fixture
def taipei(db: None) -> Connection:
    return Connection.objects.create(
        slug="xinyi", label="信義店", kind="channel", adapter="whatsapp", account_id="1002", country="TW", time_zone="Asia/Taipei"
    )


@pytest.fixture
def customer(db: None) -> Callable[..., Identity]:
    def make(name: str, number: str, **fields: Any) -> Identity:
        at = fields.pop("at", NOON)
        times = {"last_activity_at": at, "created_at": at, "updated_at": at}
        contact = Contact.objects.create(name=name, **times, **fields)
        identity = Identity.objects.create(
            contact=contact, kind="whatsapp", value=number.lstrip("+"), e164=number, verified="inbound", valid_from=at
        )
        reindex([contact.pk])
        return identity

    return make


@pytest.fixture
def writes() -> Callable[..., Message]:
    """A customer writes to one of our numbers, through the real way in."""

    def write(identity: Identity, connection: Connection, text: str, at: datetime = NOON) -> Message:
        wamid = f"wamid.{identity.value}.{Message.objects.count()}"
        sender = (Address("whatsapp", identity.value),)
        item = InboundMessage(
            key=wamid, account_id=connection.account_id, external_id=wamid, sender=sender, kind="text", sent_at=at, text=text
        )
        with clock.frozen(at + timedelta(seconds=1)):
            from django.db import transaction

            with transaction.atomic():
                return record_inbound([Arrival(item, identity, connection, clock.now())])[0]

    return write
