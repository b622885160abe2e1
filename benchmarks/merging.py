"""A contact with 100,000 messages merged into another, and taken out again after 1,000 more have come.

Nothing of the old history is touched by either, so the time must not grow with it.
"""

from __future__ import annotations

import time
from datetime import timedelta

from benchmarks.measure import Result, Row
from benchmarks.place import Place, has_postgresql, place

TITLE = "Merging and un-merging"
SINCE = 1000


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("merging", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    with place(vendor) as here:
        return _measure(here, 5000 if quick else 100_000)


def _measure(here: Place, count: int) -> Result:
    here.open()
    from scrm.contacts import merging
    from scrm.contacts.models import Contact, Event, Identity
    from scrm.core import clock

    small, large = _person("85291234567"), _person("85261112222")
    identity = Identity.objects.get(contact=large)
    chat = _history(identity, count)
    joined, parted = [], []
    for _ in range(5):
        began = time.perf_counter()
        row = merging.merge(small, large, by=None)
        joined.append(time.perf_counter() - began)
        now = clock.now()
        Event.objects.bulk_create(
            [
                Event(
                    contact=small, identity=identity, kind="message.received", occurred_at=now + timedelta(milliseconds=n), data={"c": chat}
                )
                for n in range(SINCE)
            ]
        )
        began = time.perf_counter()
        merging.undo(row, by=None)
        parted.append(time.perf_counter() - began)
    assert not Event.objects.filter(contact=small, kind="message.received").exists()
    assert Contact.objects.filter(merged_into=None).count() == 2
    rows = [
        Row(f"merge of a contact with {count:,} messages", [1000 * each for each in joined], "ms", most=2000),
        Row(f"its undoing after {SINCE:,} more", [1000 * each for each in parted], "ms", most=2000),
    ]
    return Result("merging", TITLE, rows, [f"{here.vendor}; {count:,} messages, as many events and decisions; five rounds."])


def _person(number: str):  # type: ignore[no-untyped-def]
    from connectors.contracts import Address
    from scrm.contacts.services import Sender, resolve_identity

    return resolve_identity(Sender((Address("whatsapp", number),), name=f"陳 {number[-4:]}", country="HK")).contact


def _history(identity, count: int) -> int:  # type: ignore[no-untyped-def]
    from scrm.connections.models import Connection
    from scrm.contacts.models import Event
    from scrm.conversations.models import Decision, Message
    from scrm.conversations.services import start_conversation
    from scrm.core import clock

    number = Connection.objects.create(slug="bench", label="Bench", kind="channel", adapter="whatsapp_cloud", account_id="1", settings={})
    chat, now = start_conversation(identity, number), clock.now()
    for start in range(0, count, 5000):
        times = [now - timedelta(seconds=count - n) for n in range(start, min(start + 5000, count))]
        said = {"conversation": chat, "connection": number, "direction": "in", "kind": "text", "text": "你好"}
        more = {"state": "received", "source": "customer"}
        Message.objects.bulk_create([Message(**said, **more, sent_at=at, created_at=at, external_id=f"b.{at.timestamp()}") for at in times])
        happened = {"contact_id": identity.contact_id, "identity": identity}
        Event.objects.bulk_create([Event(**happened, kind="message.received", occurred_at=at, data={}) for at in times])
        asked = {**happened, "connection": number, "asked_by": "agent", "moment": "queue", "verdict": "allow"}
        Decision.objects.bulk_create([Decision(**asked, decided_at=at) for at in times])
    return chat.pk
