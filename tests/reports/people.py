"""A support team in Hong Kong and Taipei, and a clock that tells their story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction

from connectors.contracts import Address, InboundMessage
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Conversation, Message
from scrm.conversations.services import queue_message
from scrm.core import clock
from scrm.staff.models import Team, User

TEN = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)  # 10:00 in Hong Kong


class Shop:
    """Customers write and people answer, through the services that the product itself uses."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def customer(self, name: str, number: str) -> Identity:
        times = {"last_activity_at": TEN, "created_at": TEN, "updated_at": TEN}
        contact = Contact.objects.create(name=name, **times)
        return Identity.objects.create(contact=contact, kind="whatsapp", value=number[1:], e164=number, verified="inbound", valid_from=TEN)

    def asks(self, identity: Identity, at: datetime, text: str = "請問有貨嗎？") -> Conversation:
        wamid = f"wamid.{Message.objects.count()}"
        sender = (Address("whatsapp", identity.value),)
        item = InboundMessage(
            key=wamid, account_id=self.connection.account_id, external_id=wamid, sender=sender, kind="text", sent_at=at, text=text
        )
        with clock.frozen(at), transaction.atomic():
            return record_inbound([Arrival(item, identity, self.connection, at)])[0].conversation

    def answers(self, conversation: Conversation, at: datetime, by: User | None = None) -> Message:
        """An agent's answer, or automation's when it is nobody's."""
        with clock.frozen(at):
            key = f"answer-{Message.objects.count()}"
            return queue_message(conversation, text="有的，請稍等。", source="agent" if by else "rule", by=by, idempotency_key=key).message


def golden(shop: Shop, mei: User, ken: User) -> None:
    """Worked out by hand. First responses: Mei 255 s and 180 s, Ken 420 s. Further waits: Mei 60 s.

    10:00:00 Chan asks, 10:00:05 automation answers, 10:04:15 Mei answers: 255 s, first
    10:10:00 Chan asks again, 10:10:30 once more, 10:11:00 Mei answers: 60 s, not first
    10:20:00 Lim asks, 10:27:00 Ken answers: 420 s, first, above 6 minutes
    10:27:30 Ken adds a line: nobody waits, no figure
    10:30:00 Wong asks, 10:33:00 Mei answers: 180 s, first
    10:40:00 Ho asks and nobody has answered: no figure
    """
    Team.objects.create(name="香港").members.add(mei)

    def at(minutes: int, seconds: int = 0) -> datetime:
        return TEN + timedelta(minutes=minutes, seconds=seconds)

    chan, lim, wong, ho = (shop.customer(name, f"+8529123456{n}") for n, name in enumerate(["陳大文", "Lim Wei", "黃小明", "何先生"]))
    talk = shop.asks(chan, at(0))
    shop.answers(talk, at(0, 5))
    shop.answers(talk, at(4, 15), mei)
    shop.asks(chan, at(10))
    shop.asks(chan, at(10, 30))
    shop.answers(talk, at(11), mei)
    other = shop.asks(lim, at(20))
    shop.answers(other, at(27), ken)
    shop.answers(other, at(27, 30), ken)
    shop.answers(shop.asks(wong, at(30)), at(33), mei)
    shop.asks(ho, at(40))
