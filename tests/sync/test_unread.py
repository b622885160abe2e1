"""Chats that nobody reads lower the person's priority, here and in the CRM, and are listed by night."""

from __future__ import annotations

import pytest

from scrm.connections.models import Alert
from scrm.contacts import fields
from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.sync import unread
from scrm.sync.models import ExternalRecord
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.test_pull import settle
from tests.sync.test_pull import two_ways as two_ways


@pytest.fixture
def chan(two_ways: Shop) -> Contact:
    """Somebody who wrote and was not read."""
    contact = two_ways.customer("陳大文")
    talk = two_ways.conversation(contact)
    two_ways.message(talk, "有人嗎?")
    Conversation.objects.filter(pk=talk.pk).update(unread_count=1)
    return contact


class TestPriority:
    def test_goes_down_after_a_day_here_and_in_the_crm(self, two_ways: Shop, chan: Contact) -> None:
        want(two_ways.crm, "contact", str(chan.pk))
        settle(two_ways)
        assert unread.lower_unread() == 0
        later(hours=24)
        assert unread.lower_unread() == 1
        assert unread.lower_unread() == 0
        want(two_ways.crm, "contact", str(chan.pk))
        settle(two_ways)
        assert two_ways.far.fields[ExternalRecord.objects.get().external_id]["priority"] == "low"

    def test_whoever_raises_it_again_is_right(self, chan: Contact) -> None:
        later(hours=25)
        unread.lower_unread()
        later(minutes=1)
        fields.offer([fields.Offer(chan, {"priority": "high"}, "person", clock.now(), by="mei")])
        assert unread.lower_unread() == 0
        chan.refresh_from_db()
        assert chan.priority == "high"

    def test_a_chat_that_was_read_lowers_nothing(self, chan: Contact) -> None:
        Conversation.objects.update(unread_count=0)
        later(hours=30)
        assert unread.lower_unread() == 0


class TestNightlyList:
    def test_is_told_at_two_where_the_number_lives_and_closes_when_read(self, chan: Contact) -> None:
        assert unread.list_unread() == 0
        later(hours=15)  # from 11:30 to 02:30 in Hong Kong
        assert unread.list_unread() == 1
        assert Alert.objects.get(closed_at=None).key == "unread:hk"
        Conversation.objects.update(unread_count=0)
        unread.list_unread()
        assert not Alert.objects.filter(closed_at=None).exists()
