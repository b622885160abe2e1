"""Correctly signed nonsense: never a server's error, and every item of it processed, counted as a duplicate, or parked with a reason."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from connectors.channels.whatsapp.envelope import walk
from scrm.conversations.models import Message
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.faults.mutations import addressed, bases, collected, mutated
from tests.people import body, hong_kong, post, text_message, wamid

pytestmark = pytest.mark.django_db
BODIES = int(os.environ.get("MUTATED_BODIES", "600"))
OUR_FAULT = r"[A-Z]\w*(Error|Exception)\b"
SEED = int(os.environ.get("SEED", "20261122"))


def settle() -> None:
    while pipeline.drain():
        pass


def line() -> ledger.Sums:
    settle()
    (found,) = (each for each in ledger.sums() if each.connection_slug == "hk")
    assert found.balanced
    assert found.waiting == found.spooled == 0
    assert not InboundEvent.objects.exclude(state="done").exists()
    assert not InboundItem.objects.filter(state="parked", reason="").exists()
    return found


class MutatedBodies:
    def test_are_all_answered_with_200_and_all_accounted_for(self) -> None:
        """The long form posts 10,000: MUTATED_BODIES=10000."""
        client, answers = Client(raise_request_exception=False), Counter[int]()
        for raw in mutated(bases(hong_kong().account_id), BODIES, seed=SEED):
            answers[post(hong_kong(), raw, client=client)] += 1
        assert answers == {200: BODIES}, f"seed {SEED}"
        sums = line()
        assert InboundEvent.objects.count() == BODIES
        assert sums.received == sum(InboundEvent.objects.values_list("item_count", flat=True))
        broken = InboundItem.objects.filter(state="parked", reason__regex=OUR_FAULT).values_list("reason", flat=True)[:5]
        assert not list(broken), f"seed {SEED}: a fault of ours, not of the body"


class CollectedBodies:
    @pytest.mark.skipif(not collected(), reason="the public collection is not beside the repository")
    @pytest.mark.parametrize("ours", [True, False], ids=["for our number", "as they are"])
    def test_are_all_accounted_for(self, ours: bool) -> None:
        expected = 0
        for given in collected():
            document = addressed(given, hong_kong().account_id) if ours else given
            expected += len(list(walk(document)))
            assert post(hong_kong(), json.dumps(document).encode()) == 200
        sums = line()
        assert sums.received == expected
        assert not InboundItem.objects.filter(state="parked", reason__regex=OUR_FAULT).exists()
        if ours:
            assert Message.objects.count() > 30


class LargeBatches:
    def batch(self, poison_at: int | None, size: int = 1000) -> bytes:
        messages: list[Any] = [text_message(f"{n}", phone=f"8529{n % 40:07d}", id=wamid(f"batch {n}")) for n in range(size)]
        if poison_at is not None:
            messages[poison_at] = {"id": wamid("poison"), "type": "text", "text": {"body": "who am I?"}, "timestamp": "1795000000"}
        return body(hong_kong(), messages=[m for m in messages if "from" in m]) if poison_at is None else _with_poison(messages)

    def test_of_a_thousand_are_taken_whole(self) -> None:
        assert post(hong_kong(), self.batch(None)) == 200
        assert (line().received, line().processed, Message.objects.count()) == (1000, 1000, 1000)

    @pytest.mark.parametrize("poison_at", [0, 499, 999])
    def test_lose_only_their_one_bad_item(self, poison_at: int) -> None:
        assert post(hong_kong(), self.batch(poison_at)) == 200
        sums = line()
        assert (sums.received, sums.processed, sums.parked, Message.objects.count()) == (1000, 999, 1, 999)
        assert InboundItem.objects.get(state="parked").reason

    def test_lose_only_an_item_that_our_own_code_stumbles_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = pipeline._apply_messages

        def stumble(works: Any, identities: Any) -> None:
            if any(each.item.text == "83" for each in works):
                raise ZeroDivisionError("a fault of ours")
            real(works, identities)

        monkeypatch.setattr(pipeline, "_apply_messages", stumble)
        assert post(hong_kong(), self.batch(None, size=100)) == 200
        sums = line()
        assert (sums.processed, sums.parked, Message.objects.count()) == (99, 1, 99)
        assert "a fault of ours" in InboundItem.objects.get(state="parked").reason


def _with_poison(messages: list[Any]) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": hong_kong().account_id}, "messages": messages}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": value, "field": "messages"}]}]}
    ).encode()
