"""Which events make which writes necessary."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.core import clock
from scrm.sync import listening
from scrm.sync.models import Push
from tests.sync.conftest import Shop


def happened(contact: Contact, kind: str, **details: Any) -> Event:
    return Event(contact=contact, kind=kind, occurred_at=clock.now(), data=details)


def pushes() -> set[tuple[str, str]]:
    return set(Push.objects.values_list("kind", "key"))


class TestListening:
    @pytest.mark.parametrize("kind", ["contact.created", "contact.changed", "consent.changed", "tag.added", "tag.removed"])
    def test_what_happens_to_a_person_writes_the_person(self, shop: Shop, kind: str) -> None:
        chan = shop.customer()
        listening.note_changes([happened(chan, kind)])
        assert pushes() == {("contact", str(chan.pk))}

    @pytest.mark.parametrize("kind", ["message.received", "message.sent", "message.failed"])
    def test_a_message_writes_the_person_and_the_day_on_the_channels_wall(self, shop: Shop, kind: str) -> None:
        chan = shop.customer()
        talk = shop.conversation(chan)
        message = shop.message(talk, "早晨", at=datetime(2026, 11, 22, 16, 5, tzinfo=UTC))
        listening.note_changes([happened(chan, kind, message=message.pk, conversation=talk.pk)])
        assert pushes() == {("contact", str(chan.pk)), ("communication", f"{talk.pk}:2026-11-23")}

    def test_orders_and_opportunities_write_deals(self, shop: Shop) -> None:
        chan = shop.customer()
        listening.note_changes([happened(chan, "order.placed", order=5), happened(chan, "conversation.deal", conversation=34)])
        assert pushes() == {("deal", "order:5"), ("deal", "conversation:34")}

    def test_a_merged_persons_events_write_the_survivor(self, shop: Shop) -> None:
        survivor, duplicate = shop.customer(), shop.customer()
        duplicate.merged_into = survivor
        duplicate.save()
        listening.note_changes([happened(duplicate, "contact.changed")])
        assert pushes() == {("contact", str(survivor.pk))}

    def test_every_crm_is_told_also_a_paused_one(self, shop: Shop) -> None:
        Connection.objects.create(slug="crm-tw", label="CRM TW", kind="crm", adapter="fake", state="paused")
        listening.note_changes([happened(shop.customer(), "contact.changed")])
        assert set(Push.objects.values_list("connection__slug", flat=True)) == {"crm", "crm-tw"}

    def test_without_a_crm_nothing_is_kept(self, shop: Shop) -> None:
        shop.crm.delete()
        listening.note_changes([happened(shop.customer(), "contact.changed")])
        assert pushes() == set()

    def test_a_batch_of_a_hundred_costs_few_queries(self, shop: Shop, django_assert_max_num_queries: Any) -> None:
        batch = []
        for number in range(100):
            chan = shop.customer(f"客人{number}")
            talk = shop.conversation(chan)
            batch.append(happened(chan, "message.received", message=shop.message(talk, "早晨").pk, conversation=talk.pk))
        with django_assert_max_num_queries(7):
            listening.note_changes(batch)
        assert len(pushes()) == 200

    def test_events_reach_the_sync_through_the_consumers_list(self, shop: Shop) -> None:
        chan = shop.customer()
        with transaction.atomic():
            events.record([happened(chan, "contact.changed")])
        assert events.deliver("sync") == 1
        assert pushes() == {("contact", str(chan.pk))}
        assert events.deliver("sync") == 0
