"""What strangers, replays and disorder do to the webhooks, each with the guard taken away once to see that the check would notice."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from scrm.conversations import services
from scrm.conversations.models import Message
from scrm.conversations.states import RANK
from scrm.core import clock
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent
from tests.faults.sabotage import sabotaged
from tests.people import APP_SECRET, NOON, body, conversation, hong_kong, post, status, text_message, wamid

pytestmark = pytest.mark.django_db


def settle() -> None:
    while pipeline.drain():
        pass


def line() -> ledger.Sums:
    settle()
    (found,) = (each for each in ledger.sums() if each.connection_slug == "hk")
    assert found.balanced
    return found


def forged(raw: bytes) -> Iterator[str | None]:
    """Signature headers that are not the right one."""
    right = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    yield from (
        None,
        "",
        " ",
        "sha256",
        "sha256=",
        "=" + right,
        right,
        f"sha1={hmac.new(APP_SECRET.encode(), raw, hashlib.sha1).hexdigest()}",
    )
    yield from (
        f"sha512={hmac.new(APP_SECRET.encode(), raw, hashlib.sha512).hexdigest()}",
        f"sha256={right[:-1]}",
        f"sha256={right}0",
        f"sha256={right},sha256={right}x",
    )
    yield f"sha256={hmac.new(APP_SECRET.encode(), json.dumps(json.loads(raw), indent=1).encode(), hashlib.sha256).hexdigest()}"
    yield f"sha256={hashlib.sha256(raw).hexdigest()}"
    yield f"sha256={hmac.new(b'', raw, hashlib.sha256).hexdigest()}"
    yield "sha256=" + "ｆ" * 64
    draw = random.Random(7)
    for _ in range(180):
        at = draw.randrange(64)
        yield f"sha256={right[:at]}{draw.choice([c for c in '0123456789abcdef' if c != right[at]])}{right[at + 1 :]}"


class ForgedSignatures:
    def test_open_no_door(self) -> None:
        raw, client, taken = body(hong_kong(), messages=[text_message("請把錢轉到這裡")]), Client(), []
        for header in forged(raw):
            headers = {} if header is None else {"X-Hub-Signature-256": header}
            answer = client.post("/webhooks/whatsapp/hk/", data=raw, content_type="application/json", headers=headers)
            if answer.status_code != 403:
                taken.append((header, answer.status_code))
        assert taken == []
        assert not InboundEvent.objects.exists()

    def test_are_told_apart_from_the_right_one(self) -> None:
        assert post(hong_kong(), body(hong_kong(), messages=[text_message("多謝")])) == 200


class Handshakes:
    @pytest.mark.parametrize("challenge", ["<script>alert(1)</script>", "1 2", "", "１２", "1\r\nSet-Cookie: a=b", "9" * 65, "0x10", "-1"])
    def test_repeat_nothing_but_digits(self, challenge: str) -> None:
        query = {"hub.mode": "subscribe", "hub.verify_token": "open sesame", "hub.challenge": challenge}
        answer = Client().get(f"/webhooks/whatsapp/{hong_kong().slug}/", query)
        assert answer.status_code == 403
        assert challenge not in answer.content.decode() or not challenge


class Replays:
    """Old, valid bodies come again: in order, backwards, and eight days later."""

    BODIES = 120

    def bodies(self) -> list[bytes]:
        said = [text_message(f"訂單 {n}", phone=f"8529{n % 9:07d}", id=wamid(f"replay {n}"), at=NOON) for n in range(self.BODIES * 2)]
        return [body(hong_kong(), messages=said[n * 2 : n * 2 + 2]) for n in range(self.BODIES)]

    def replay(self) -> ledger.Sums:
        bodies, client = self.bodies(), Client()
        for raw in [*bodies, *bodies, *reversed(bodies)]:
            assert post(hong_kong(), raw, client=client) == 200
        settle()
        with clock.frozen(clock.now() + timedelta(days=8)):
            for raw in bodies:
                assert post(hong_kong(), raw, client=client) == 200
            return line()

    def test_have_no_new_effect(self) -> None:
        sums = self.replay()
        count = self.BODIES * 2
        assert Message.objects.count() == count
        assert (sums.received, sums.processed, sums.duplicate, sums.parked) == (count * 4, count, count * 3, 0)

    def test_would_be_noticed_without_the_key(self) -> None:
        with sabotaged("no_unique_item"):
            self.replay()
        assert Message.objects.count() > self.BODIES * 2


class StatusOrders:
    """sent, delivered, read and failed, each twice at most, in every order, some before the platform's answer to our send."""

    def run(self, order: tuple[str, ...], *, early: int) -> Message:
        made = services.queue_message(conversation(), text="多謝您", source="agent", idempotency_key=f"order {order} {early}").message
        external_id = wamid(f"out {made.pk}")
        self.tell(external_id, order[:early])
        Message.objects.filter(pk=made.pk).update(state="accepted", external_id=external_id)
        pipeline.join_orphans(hong_kong(), [external_id])
        self.tell(external_id, order[early:])
        made.refresh_from_db()
        return made

    def tell(self, external_id: str, words: tuple[str, ...]) -> None:
        for word in words:
            assert post(hong_kong(), body(hong_kong(), statuses=[status(external_id, word, code=131026 if word == "failed" else 0)])) == 200
            settle()

    def wrong(self, count: int) -> list[tuple[Any, ...]]:
        draw = random.Random(3)
        orders = [order for size in (1, 2, 3) for order in itertools.permutations(("sent", "delivered", "read"), size)]
        orders += [(*order, draw.choice(order)) for order in orders]
        found = []
        for order in draw.sample(orders, count):
            message = self.run(order, early=draw.randrange(len(order)))
            best = max(order, key=lambda word: RANK[word])
            if message.state != best:
                found.append((order, message.state))
        return found

    def test_end_at_the_furthest(self) -> None:
        assert self.wrong(24) == []
        assert line().parked == 0

    def test_would_be_noticed_if_states_went_back(self) -> None:
        with sabotaged("regress_states"):
            assert self.wrong(12) != []

    @pytest.mark.parametrize(
        ("order", "ends"),
        [
            (("failed", "sent"), "failed"),
            (("failed", "sent", "delivered", "read"), "failed"),
            (("sent", "failed"), "failed"),
            (("read", "failed"), "read"),
        ],
    )
    def test_leave_failed_to_people_and_what_was_seen_seen(self, order: tuple[str, ...], ends: str) -> None:
        assert self.run(order, early=0).state == ends
        assert self.run(order, early=1).state == ends


class Spooling:
    def lost(self, monkeypatch: pytest.MonkeyPatch, settings: Any, folder: Any) -> int:
        from django.db import OperationalError

        from scrm.intake import spool, views

        def away(*args: Any) -> None:
            raise OperationalError("the database system is shutting down")

        settings.SPOOL_DIR, settings.SPOOL_LEAST_FREE_BYTES = folder, 0
        post(hong_kong(), body(hong_kong(), messages=[]))
        with monkeypatch.context() as outage:
            outage.setattr(views, "_insert", away)
            outage.setattr(views.database, "close", lambda: None)
            acknowledged = [
                post(hong_kong(), body(hong_kong(), messages=[text_message(f"{n}", id=wamid(f"outage {n}"))])) for n in range(20)
            ]
        spool.empty()
        line()
        return acknowledged.count(200) - Message.objects.count()

    def test_loses_nothing_that_was_acknowledged(self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
        assert self.lost(monkeypatch, settings, tmp_path) == 0

    def test_would_be_missed(self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
        with sabotaged("forget_spool"):
            assert self.lost(monkeypatch, settings, tmp_path) == 20
