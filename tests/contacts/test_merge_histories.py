"""Random histories with merges, all undone at the end, against the same histories without any: nobody can tell which was which.

`MERGE_HISTORIES=10000 python -m pytest tests/contacts/test_merge_histories.py` is the long form.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from connectors.contracts import Address, InboundMessage
from scrm.commerce.services import upsert_order
from scrm.contacts import effects, merging
from scrm.contacts.family import family_ids, root_of
from scrm.contacts.fields import Offer, offer
from scrm.contacts.models import Contact, Event, FieldConflict, Identity
from scrm.contacts.services import Sender, resolve_identity
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.tags.models import Tag, TagAssignment
from scrm.tags.services import add_tag
from tests.people import hong_kong

pytestmark = pytest.mark.django_db
HISTORIES = int(os.environ.get("MERGE_HISTORIES", "12"))
STEPS = 22
PEOPLE = 4
NAMES = ("陳大文", "Chan Tai Man", "大文 🌸", "佐藤 桜", "")
WORDS = ("你好", "幾時有貨？", "STOP", "退訂", "START", "thank you")
TOLD_OF_MERGES = ("contact.merged", "contact.unmerged")


class World:
    """Some people of one world; `who` are their records, in the same order in every world."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.merges: list[Any] = []
        self.written = 0
        self.who = [self.address(n).contact_id for n in range(PEOPLE)]

    def address(self, n: int, name: str = "") -> Identity:
        at = clock.now().replace(microsecond=0)
        return resolve_identity(Sender((Address("whatsapp", f"{self.prefix}{n:04}"),), name, "HK", at=at, source="channel:hk"))

    def receive(self, n: int, name: str, text: str) -> None:
        identity, at = self.address(n, name), clock.now().replace(microsecond=0)
        self.written += 1
        key = f"{self.prefix}.{self.written}"
        item = InboundMessage(
            key=key, account_id="1", external_id=key, sender=(Address("whatsapp", identity.value),), sent_at=at, kind="text", text=text
        )
        with transaction.atomic():
            record_inbound([Arrival(item, identity, hong_kong(), clock.now())])

    def say(self, record: int, source: str, values: dict[str, Any]) -> None:
        offer([Offer(record, values, source, clock.now(), "mei" if source == "person" else "", blanks_count=True)])

    def tag(self, n: int) -> None:
        chat = Conversation.objects.filter(identity=self.address(n)).select_related("identity__contact").first()
        if chat is not None:
            add_tag(chat.identity.contact, Tag.objects.get(slug="vip"), conversation=chat)

    def order(self, n: int, number: int) -> None:
        contact = Contact.objects.get(pk=self.who[n])
        upsert_order(f"{self.prefix}-{number}", contact=contact, status="paid", currency="HKD", total="10", placed_at=clock.now())

    def told(self, n: int) -> dict[str, Any]:
        """All that can be said of one person, without numbers that differ between worlds."""
        row = Contact.objects.get(pk=self.who[n])
        kinds = Event.objects.filter(contact=row).exclude(kind__in=TOLD_OF_MERGES).values_list("kind", "occurred_at", "identity__value")
        questions = FieldConflict.objects.filter(contact=row).order_by("pk").values_list("field", "kind", "state", "shown", "other")
        return {
            "fields": [getattr(row, name) for name in ("name", "company", "city", "language", "country", "custom")],
            "provenance": row.provenance,
            "joined": (row.merged_into_id, row.own),
            "activity": (row.last_inbound_at, row.last_activity_at),
            "addresses": [
                (each.value.removeprefix(self.prefix), each.home_id, each.opted_out_at, each.marketing_opted_out_at)
                for each in row.identities.order_by("value")
            ],
            "events": Counter((kind, at, (value or "").removeprefix(self.prefix)) for kind, at, value in kinds),
            "questions": list(questions),
            "tags": list(TagAssignment.objects.filter(contact=row).order_by("pk").values_list("tag__slug", "assigned_at", "removed_at")),
            "orders": list(row.orders.order_by("number").values_list("status", "placed_at")),
            "messages": list(Message.objects.filter(conversation__identity__contact=row).order_by("pk").values_list("text", "sent_at")),
        }


def join(world: World, chance: random.Random) -> None:
    one, two = chance.sample(world.who, 2)
    typed = {"name": {"from": "typed", "value": "陳"}}
    choices = chance.choice([{}, {"name": {"from": "survivor"}}, {"company": {"from": "duplicate"}}, typed])
    stopped = {each.pk for each in Identity.objects.filter(contact__in={root_of(one), root_of(two)}, opted_out_at__isnull=False)}
    try:
        row = merging.merge(one, two, by=None, choices=choices)
    except merging.CannotMerge:
        return
    world.merges.append(row)
    assert stopped <= {each.pk for each in Identity.objects.filter(contact=row.survivor_id, opted_out_at__isnull=False)}
    assert not stopped or effects.consent_of([row.survivor_id]).startswith("No messages")
    assert set(family_ids(one)) == set(family_ids(two))


def part(world: World, chance: random.Random) -> None:
    if world.merges:
        merging.undo(world.merges.pop(chance.randrange(len(world.merges))), by=None)


def step(chance: random.Random, merged: World, control: World, number: int) -> None:
    """One thing that happens in both worlds, or a merge or its undoing in the one."""
    kind = chance.choice(["receive", "receive", "edit", "sync", "sync", "tag", "order", "join", "join", "part"])
    n, value = chance.randrange(PEOPLE), chance.choice(NAMES)
    if kind == "join":
        join(merged, chance)
    elif kind == "part":
        part(merged, chance)
    elif kind == "edit":
        # Staff edit the person they see: the survivor's record.
        seen = merged.who.index(root_of(merged.who[n]))
        for world in (merged, control):
            world.say(world.who[seen], "person", {"name": value or "陳生", "company": value})
    else:
        text, field = chance.choice(WORDS), chance.choice(["name", "company", "city", "custom.shade"])
        for world in (merged, control):
            if kind == "receive":
                world.receive(n, value, text)
            elif kind == "sync":
                world.say(world.who[n], "crm:hubspot", {field: value})
            elif kind == "tag":
                world.tag(n)
            else:
                world.order(n, number)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_history_with_merges_undone_is_the_history_without(seed: int) -> None:
    compare(seed)


@pytest.mark.parametrize("broken", ["scrm.contacts.merging._send_home", "scrm.contacts.activity.attribute"])
def test_the_comparison_sees_what_is_not_taken_home(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(broken, lambda *_: None)
    with pytest.raises(AssertionError):
        for seed in range(12):
            with transaction.atomic():
                compare(seed)
                transaction.set_rollback(True)


def compare(seed: int) -> None:
    chance = random.Random(seed)
    Tag.objects.create(slug="vip", name="VIP")
    with clock.frozen(datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)):
        merged, control = World("8526000"), World("8525000")
        for number in range(STEPS):
            clock.advance(timedelta(milliseconds=chance.choice([1, 750, 61_000])))
            step(chance, merged, control, number)
        while merged.merges:
            clock.advance(timedelta(seconds=1))
            part(merged, chance)
        for n in range(PEOPLE):
            assert merged.told(n) == control.told(n), f"person {n} of history {seed}"
