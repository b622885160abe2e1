"""A shop in Hong Kong with a CRM in memory, and a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import registry
from scrm.connections.adapters import forget_adapters
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.sync.models import FieldMapping, Kind, Push
from tests.sync.fake_crm import FAR_SIDES, FarSide

# 11:30 on Sunday 22 November in Hong Kong.
NOON = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
_numbers = itertools.count(91230001)


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture(autouse=True)
def fake_adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget_adapters()
    monkeypatch.setitem(registry.CRMS, "fake", "tests.sync.fake_crm.FakeCrm")
    yield
    FAR_SIDES.clear()


class Shop:
    """The rows that a test starts from."""

    def __init__(self, crm: Connection, channel: Connection, far: FarSide) -> None:
        self.crm, self.channel, self.far = crm, channel, far

    def customer(self, name: str = "陳大文", **columns: Any) -> Contact:
        number = next(_numbers)
        row = Contact.objects.create(
            name=name, **{"country": "HK", "last_activity_at": clock.now(), "created_at": clock.now(), "updated_at": clock.now(), **columns}
        )
        Identity.objects.create(
            contact=row, kind="whatsapp", value=f"852{number}", e164=f"+852{number}", verified="inbound", valid_from=clock.now()
        )
        return row

    def conversation(self, contact: Contact) -> Conversation:
        now = clock.now()
        return Conversation.objects.create(
            identity=contact.identities.get(), connection=self.channel, last_message_at=now, changed_at=now, opened_at=now
        )

    def message(self, conversation: Conversation, text: str, *, at: datetime | None = None, **columns: Any) -> Message:
        at = at or clock.now()
        values = {"direction": "in", "state": "received", "source": "customer", "sent_at": at, "created_at": at, **columns}
        Conversation.objects.filter(pk=conversation.pk).update(last_message_at=at)
        return Message.objects.create(conversation=conversation, connection=self.channel, text=text, **values)

    def push(self, kind: str, key: object) -> Push:
        return Push.objects.get(connection=self.crm, kind=kind, key=str(key))

    def due(self, kind: str, keys: Any) -> None:
        """Writes that are due now."""
        rows = [Push(connection=self.crm, kind=kind, key=str(key), due_at=clock.now(), asked_at=clock.now()) for key in keys]
        Push.objects.bulk_create(rows)


@pytest.fixture
def shop(db: None) -> Shop:
    crm = Connection.objects.create(slug="crm", label="CRM", kind="crm", adapter="fake", secrets={"token": "t"})
    channel = Connection.objects.create(
        slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud", time_zone="Asia/Hong_Kong"
    )
    far = FAR_SIDES["crm"] = FarSide()
    mappings = [
        (Kind.CONTACT, "first_name", "firstname"),
        (Kind.CONTACT, "last_name", "lastname"),
        (Kind.CONTACT, "phone", "phone"),
        (Kind.CONTACT, "last_message_at", "last_message"),
        (Kind.COMMUNICATION, "body", "body"),
        (Kind.COMMUNICATION, "last_message_at", "time"),
        (Kind.DEAL, "name", "dealname"),
        (Kind.DEAL, "amount", "amount"),
        (Kind.DEAL, "currency", "currency"),
    ]
    rows = [FieldMapping(connection=crm, kind=kind, source=ours, target=theirs) for kind, ours, theirs in mappings]
    FieldMapping.objects.bulk_create(rows)
    return Shop(crm, channel, far)


def later(**wait: float) -> None:
    clock.advance(timedelta(**wait))
