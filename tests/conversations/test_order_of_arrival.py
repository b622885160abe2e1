"""Platforms give whole seconds; several messages of one customer often share one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from connectors.contracts import Address, InboundMessage
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Message
from tests.people import NOON, customer, hong_kong


def _arrival(number: str, text: str, seconds: int = 0) -> Arrival:
    at = NOON + timedelta(seconds=seconds)
    item = InboundMessage(
        key=number, account_id="", external_id=number, sender=(Address("whatsapp", "85291234567"),), kind="text", sent_at=at, text=text
    )
    return Arrival(item, customer(), hong_kong(), NOON)


@pytest.mark.django_db
class TestMessagesOfOneSecond:
    def test_stand_as_they_were_told_whatever_their_ids(self) -> None:
        said = [_arrival("wamid.z", "你好"), _arrival("wamid.b", "想問下張單"), _arrival("wamid.a", "幾時出貨?")]
        with transaction.atomic():
            record_inbound(said)
        texts = list(Message.objects.order_by("sent_at", "id").values_list("text", flat=True))
        assert texts == ["你好", "想問下張單", "幾時出貨?"]
        assert Message.objects.get(text="你好").conversation.last_preview == "幾時出貨?"

    def test_follow_those_of_an_earlier_second(self) -> None:
        with transaction.atomic():
            record_inbound([_arrival("wamid.a", "later", 1), _arrival("wamid.b", "earlier")])
        assert list(Message.objects.order_by("sent_at", "id").values_list("text", flat=True)) == ["earlier", "later"]
