"""Statuses in every order, repeated, before their message, and of somebody else's message; and stamps from clocks that are wrong."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scrm.conversations import services, statuses
from scrm.conversations.models import Conversation, Message, OrphanStatus
from scrm.core import clock
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundItem
from tests.faults.sabotage import sabotaged
from tests.faults.scale import SEED, draw, size
from tests.people import NOON, body, conversation, customer, hong_kong, post, status, text_message, tokyo, wamid

pytestmark = pytest.mark.django_db
WORDS = ("sent", "delivered", "read", "failed")
LADDER = ("accepted", "sent", "delivered", "read")
SEQUENCES = size(90, 300)


def settle() -> None:
    while pipeline.drain():
        pass


def all_accounted_for() -> ledger.Sums:
    settle()
    (line,) = (each for each in ledger.sums() if each.connection_slug == "hk")
    assert line.balanced
    assert line.waiting == 0
    return line


def sequences(count: int) -> list[tuple[str, ...]]:
    """Every order of every choice of the four words, then the same with words repeated, until there are `count`."""
    found = [order for size_ in (4, 3, 2, 1) for order in itertools.permutations(WORDS, size_)]
    chance = draw("sequences")
    while len(found) < count:
        order = list(chance.choice(found[:64]))
        for _ in range(chance.randint(1, 2)):
            order.insert(chance.randrange(len(order) + 1), chance.choice(order))
        found.append(tuple(order))
    return found[:count]


def meant(order: Sequence[str]) -> str:
    """Where a message must end: at the furthest it was told, unless it failed before anybody had it."""
    state = "accepted"
    for word in order:
        if word == "failed":
            state = state if state in {"delivered", "read", "failed"} else "failed"
        elif state != "failed":
            state = max(state, word, key=LADDER.index)
    return state


class Sequences:
    """One message for each sequence; the first words of half of them are told before the platform's id is known to us."""

    def run(self, orders: Sequence[tuple[str, ...]]) -> list[tuple[Any, ...]]:
        chance, made = draw("early"), []
        talk = conversation()
        for index, order in enumerate(orders):
            message = services.queue_message(talk, text=f"多謝您 {index}", source="agent", idempotency_key=f"sequence {index}").message
            made.append((message.pk, order, chance.randrange(len(order) + 1) if index % 2 else 0))
        self.tell([(pk, order[:early]) for pk, order, early in made])
        for pk, _, _ in made:
            Message.objects.filter(pk=pk).update(state="accepted", external_id=wamid(f"out {pk}"))
        statuses.sweep_orphans()
        self.tell([(pk, order[early:]) for pk, order, early in made], begin=10)
        states = dict(Message.objects.filter(pk__in=[pk for pk, _, _ in made]).values_list("pk", "state"))
        return [(order, early, states[pk]) for pk, order, early in made if states[pk] != meant(order)]

    def tell(self, told: list[tuple[int, tuple[str, ...]]], *, begin: int = 0) -> None:
        """The n-th word of all of them in one body, one second later than the one before."""
        for step in range(max(len(words) for _, words in told)):
            at = clock.now() + timedelta(seconds=begin + step - 60)
            said = [
                status(wamid(f"out {pk}"), words[step], at=at, code=131026 if words[step] == "failed" else 0)
                for pk, words in told
                if len(words) > step
            ]
            assert post(hong_kong(), body(hong_kong(), statuses=said)) == 200
            settle()

    def test_end_where_they_must(self) -> None:
        orders = sequences(SEQUENCES)
        assert self.run(orders) == [], f"seed {SEED}"
        assert all_accounted_for().parked == 0
        assert not OrphanStatus.objects.exists()

    def test_would_be_noticed_if_states_went_back(self) -> None:
        with sabotaged("regress_states"):
            assert len(self.run(sequences(64))) > 10


class ForeignStatuses:
    """A status that names a message of another number."""

    def sent_from_tokyo(self) -> Message:
        talk = services.start_conversation(customer(phone="819012345678"), tokyo())
        Conversation.objects.filter(pk=talk.pk).update(window_expires_at=clock.now() + timedelta(hours=5))
        made = services.queue_message(talk, text="お待たせしました", source="agent", idempotency_key="tokyo").message
        Message.objects.filter(pk=made.pk).update(state="accepted", external_id=wamid("tokyo out"))
        return made

    def test_move_nothing_of_that_number(self) -> None:
        message = self.sent_from_tokyo()
        for reference in ("", statuses.client_ref(message)):
            told = status(wamid("tokyo out"), "read" if reference else "failed", ref=reference)
            assert post(hong_kong(), body(hong_kong(), statuses=[told])) == 200
        settle()
        message.refresh_from_db()
        assert message.state == "accepted"
        assert all_accounted_for().received == 2

    def test_posted_to_a_sister_number_find_their_way(self) -> None:
        """One address for all numbers of an account: told apart by the number's id in the body, and only with the same secret."""
        message = self.sent_from_tokyo()
        assert post(hong_kong(), body(tokyo(), statuses=[status(wamid("tokyo out"), "delivered")])) == 200
        settle()
        message.refresh_from_db()
        assert message.state == "delivered"

    def test_of_a_number_with_another_secret_are_parked(self) -> None:
        message = self.sent_from_tokyo()
        row = tokyo()
        row.secrets = {**row.secrets, "app_secret": "another secret of another business"}
        row.save(update_fields=["secrets"])
        assert post(hong_kong(), body(row, statuses=[status(wamid("tokyo out"), "delivered")])) == 200
        settle()
        message.refresh_from_db()
        assert message.state == "accepted"
        assert "connect it, then replay" in InboundItem.objects.get(state="parked").reason


NOW = datetime(2026, 11, 18, 6, 0, tzinfo=UTC)
STAMPS: dict[str, tuple[Any, datetime | None]] = {
    "seconds": (str(int(NOON.timestamp())), NOON),
    "a number": (int(NOON.timestamp()), NOON),
    "milliseconds": (str(int(NOON.timestamp() * 1000)), NOON),
    "zero": ("0", None),
    "minus one": ("-1", None),
    "year 9999": ("253402300799", None),
    "ten minutes ahead": (str(int((NOW + timedelta(minutes=10)).timestamp())), None),
    "text": ("yesterday", None),
    "nothing": ("", None),
    "null": (None, None),
    "huge": ("9" * 400, None),
    "a list": ([1], None),
}


class Stamps:
    """`None`: the clock behind the stamp is wrong, so the time of receipt stands in, and the message says so."""

    @pytest.mark.parametrize("name", STAMPS)
    def test_right_or_wrong_store_the_message(self, name: str) -> None:
        stamp, means = STAMPS[name]
        message = self.receive(text_message("幾點開門?", id=wamid("stamped")) | {"timestamp": stamp})
        assert message.sent_at == (means or NOW)
        if means is None and not message.content.get("platform_time"):
            assert message.content.get("clock_suspect"), "a stamp that was not believed leaves no trace"

    def test_that_are_wrong_do_not_break_the_order(self) -> None:
        """Three messages in the order written; the clock of the middle one is a century ahead."""
        for minute, name in enumerate(("first", "second", "third")):
            stamp = "4100000000" if name == "second" else str(int((NOW + timedelta(minutes=minute)).timestamp()))
            with clock.frozen(NOW + timedelta(minutes=minute)):
                post(hong_kong(), body(hong_kong(), messages=[text_message(name, id=wamid(name)) | {"timestamp": stamp}]))
                settle()
        assert list(Message.objects.order_by("sent_at", "id").values_list("text", flat=True)) == ["first", "second", "third"]
        talk = Conversation.objects.get()
        assert (talk.last_preview, talk.window_expires_at) == ("third", NOW + timedelta(hours=24, minutes=2))

    def receive(self, said: dict[str, Any]) -> Message:
        with clock.frozen(NOW):
            assert post(hong_kong(), body(hong_kong(), messages=[said])) == 200
            settle()
        line = all_accounted_for()
        assert (line.processed, line.parked) == (1, 0)
        return Message.objects.get()
