"""The messaging limit and the number's health against the stand-in platform, in one process. The long form is `tests.faults.tiers`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.channels.whatsapp.composing import compose
from connectors.channels.whatsapp.errors import classify
from connectors.channels.whatsapp.facts import facts_of_number
from connectors.contracts import OutboundMessage, Receipt
from scrm.connections.models import Connection
from scrm.connections.services import remember_facts
from scrm.conversations import governor, outbox
from scrm.conversations.models import Conversation, Message, Pace
from scrm.core import clock
from scrm.intake import pipeline
from scrm.sandbox import history, onboarding, play, ratings, seed
from scrm.sandbox.graph import limits, sending
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.graph.nodes import phone_node
from scrm.sandbox.models import HistoryEntry, Number, WebhookDelivery
from scrm.sandbox.people import create_person, find_person
from scrm.sandbox.updates import pack_due
from tests.faults.sabotage import sabotaged
from tests.faults.tiers import NUMBERS, name_of, phone_of, queue_notices, queue_texts
from tests.people import agent

pytestmark = [pytest.mark.any_database, pytest.mark.django_db(databases=["default", "sandbox"])]
HALF_A_SECOND = timedelta(seconds=0.5)
LOOK = timedelta(seconds=governor.LOOK_EVERY)
FULL_SPEED = 20


class StandIn:
    """The connector's bodies and errors, without the wire between."""

    def __init__(self, connection: Connection) -> None:
        self.number = Number.objects.select_related("faults").get(phone_number_id=connection.account_id)

    def send(self, message: OutboundMessage) -> Receipt:
        try:
            answer = sending.accept(self.number, compose(message)).answer
        except GraphError as error:
            raise classify(error.code) from error
        return Receipt(answer["messages"][0]["id"])


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seed.ensure_all()
    agent()
    onboarding.ensure_connections()
    monkeypatch.setattr(outbox, "channel_of", StandIn)
    # The stand-in counts its seconds by the wall, and these tests' pass faster.
    monkeypatch.setattr(limits, "spend_throughput", lambda number: None)
    with clock.frozen(datetime.now(UTC)):
        yield


def hear(client: Client) -> None:
    """All webhooks that wait are posted, as they are signed, and read."""
    pack_due(now=clock.now().timestamp() + 60)
    for delivery in WebhookDelivery.objects.filter(state="waiting").select_related("number"):
        headers = {"X-Hub-Signature-256": delivery.signature}
        address = f"/webhooks/whatsapp/{delivery.number.slug}/"
        answer: Any = client.post(address, bytes(delivery.body), content_type="application/json", headers=headers)
        assert answer.status_code == 200
        WebhookDelivery.objects.filter(pk=delivery.pk).update(state="delivered")
    while pipeline.drain():
        pass


def work(seconds: float) -> int:
    """The outbox at work for so long; how many messages the platform accepted."""
    before = HistoryEntry.objects.filter(kind="accepted").count()
    for _ in range(int(seconds * 2)):
        clock.advance(HALF_A_SECOND)
        while outbox.send_due():
            pass
    return HistoryEntry.objects.filter(kind="accepted").count() - before


def tell_tier(client: Client, tier: str) -> None:
    ratings.change_tier(Number.objects.get(slug=NUMBERS[0]), tier)
    hear(client)


def strangers(count: int) -> range:
    for index in range(count):
        create_person(name=name_of(index), phone=phone_of(index))
    return range(count)


def people_reached() -> int:
    return HistoryEntry.objects.filter(kind="accepted").values("recipient").distinct().count()


class Tier:
    def test_is_filled_over_both_numbers_and_never_exceeded(self, client: Client) -> None:
        tell_tier(client, "TIER_6")
        queue_notices(strangers(18))
        work(3)
        assert (people_reached(), history.summary()["over_tier"]) == (6, 0)
        waiting = Message.objects.filter(state="queued")
        assert {message.decisions.latest("pk").rule for message in waiting} == {"messaging_limit"}
        assert waiting.filter(due_at__gt=clock.now() + timedelta(hours=23)).count() == 12

    def test_raised_by_a_webhook_lets_as_many_more_go_at_the_next_look(self, client: Client) -> None:
        tell_tier(client, "TIER_6")
        queue_notices(strangers(18))
        work(3)
        for tier, people in (("TIER_9", 9), ("TIER_4", 9), ("TIER_UNLIMITED", 18)):
            tell_tier(client, tier)
            governor.steer_all()
            work(3)
            assert people_reached() == people
        assert history.summary()["over_tier"] == 0

    def test_would_be_exceeded_if_nobody_counted(self, client: Client) -> None:
        tell_tier(client, "TIER_2")
        with sabotaged("no_reach"):
            queue_notices(strangers(6))
            work(3)
        assert history.summary()["over_tier"] == 4

    def test_belongs_to_the_portfolio_that_the_sandbox_names(self) -> None:
        named = set(Number.objects.values_list("portfolio_id", flat=True))
        assert set(Connection.objects.filter(kind="channel").values_list("portfolio", flat=True)) == named


@pytest.fixture
def busy(client: Client) -> Connection:
    """The Hong Kong number at 20 a second, with answers for sixty people who wrote."""
    ratings.change_throughput(Number.objects.get(slug="sandbox-hk"), FULL_SPEED)
    for index in strangers(60):
        play.say(find_person(phone_of(index)), "sandbox-hk", text="請問有貨嗎？")
    hear(client)
    assert Conversation.objects.count() == 60
    number = Connection.objects.get(slug="sandbox-hk")
    look(number)
    queue_texts(range(60), "sandbox-hk", word="ANSWER", each=4)
    governor.steer_all()
    return number


def look(number: Connection) -> None:
    """What a look at the number's page tells."""
    remember_facts(number, facts_of_number(phone_node(Number.objects.get(phone_number_id=number.account_id))))


def turn(client: Client, quality: str) -> None:
    ratings.change_quality(Number.objects.get(slug="sandbox-hk"), quality)
    hear(client)


class Speed:
    def test_falls_to_a_tenth_at_the_next_look_and_comes_back_in_steps(self, client: Client, busy: Connection) -> None:
        before = work(3)
        turn(client, "RED")
        governor.steer_all()
        slow = work(10)
        assert before >= 3 * FULL_SPEED * 0.9
        assert 0 < slow / 10 < 0.15 * before / 3
        turn(client, "GREEN")
        busy.refresh_from_db()
        assert busy.next_probe_at is not None and busy.next_probe_at <= clock.now()
        look(busy)
        looks = 0
        while Pace.objects.get(connection=busy).per_second < 0.8 * FULL_SPEED:
            clock.advance(LOOK)
            governor.steer_all()
            looks += 1
        assert looks * LOOK <= timedelta(minutes=4)
        assert work(3) >= 0.8 * before * 0.9

    def test_would_not_fall_without_the_governor(self, client: Client, busy: Connection) -> None:
        with sabotaged("no_governor"):
            before = work(2)
            turn(client, "RED")
            governor.steer_all()
            assert work(2) >= 0.8 * before
