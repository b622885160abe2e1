"""From an event to a receiver: signed, retried, replayed, and never held up by another receiver."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors import guard
from connectors import standard_webhooks as webhooks
from connectors.errors import Misconfigured
from scrm.connections.models import Alert
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.core import clock, jobs
from scrm.hooks import delivery, services
from scrm.hooks.models import Delivery, Endpoint
from tests.api.people import channel, customer, write
from tests.hooks.conftest import NOON, Receiver

pytestmark = pytest.mark.django_db(transaction=True)

RETRY = timedelta(minutes=6)


def subscribed(receiver: Receiver, *names: str, path: str = "/hook", **more: Any) -> Endpoint:
    return services.subscribe(receiver.url + path, names or ["contact.created"], **more)[0]


def happened(count: int = 1, kind: str = "contact.created", **data: Any) -> list[Event]:
    made = []
    for _ in range(count):
        row = Contact.objects.create(name="陳大文", last_activity_at=NOON, created_at=NOON, updated_at=NOON, country="HK")
        made += events.record([Event(contact=row, kind=kind, occurred_at=clock.now(), data=data)])
    tell()
    return made


def tell() -> None:
    while events.deliver("hooks"):
        pass


def send() -> None:
    """All that is due, as both drains do."""
    while delivery.deliver_due() + delivery.deliver_due(slow=True):
        pass


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


class TestDelivery:
    def test_a_message_reaches_its_receivers_signed(self, receiver: Receiver) -> None:
        endpoint = subscribed(receiver, "message.received", header=("X-Webhook-Token", "s3cret-token"))
        message = write(customer("陳大文", "+85291230001"), channel("hk", "Causeway Bay", "1", "HK", "Asia/Hong_Kong"), "我的包裹在哪裡?")
        tell()
        send()
        ((_path, headers, raw),) = receiver.got
        webhooks.verify(endpoint.secrets["signing"], headers, raw, clock.now())
        (body,) = receiver.bodies()
        assert headers["x-webhook-token"] == "s3cret-token"
        assert body["id"] == f"{body['contact_id']}:{body['version']}" and body["type"] == "message.received"
        assert (body["contact"]["phone"], body["message"]["id"], body["message"]["text"]) == ("+85291230001", message.pk, "我的包裹在哪裡?")
        row = Delivery.objects.get()
        assert (row.state, row.status, row.answer) == ("done", 200, "thanks")

    def test_only_what_was_asked_for_is_told_and_once(self, receiver: Receiver) -> None:
        subscribed(receiver, "contact.created")
        made = happened() + happened(kind="contact.changed")
        services.note(made)
        send()
        assert [body["type"] for body in receiver.bodies()] == ["contact.created"]

    def test_no_clock_that_is_ahead_holds_up_what_is_to_be_told_at_once(self, receiver: Receiver) -> None:
        endpoint = subscribed(receiver)
        person = Contact.objects.create(name="陳大文", last_activity_at=NOON, created_at=NOON, updated_at=NOON, country="HK")
        with clock.frozen(NOON + timedelta(hours=1)):
            events.record([Event(contact=person, kind="contact.created", occurred_at=clock.now())])
        tell()
        send()
        assert [body["type"] for body in receiver.bodies()] == ["contact.created"]
        receiver.status = lambda _path: 400
        happened()
        send()
        tried_again_at = Delivery.objects.get(state="due").due_at
        with clock.frozen(NOON + timedelta(hours=1)):
            services.send_test(endpoint)
        jobs.periodics()["hooks.hurry"].run()
        send()
        assert len(receiver.got) == 3
        assert [row.due_at for row in Delivery.objects.filter(state="due", event="contact.created")] == [tried_again_at]

    def test_nobody_who_asked_costs_nothing(self) -> None:
        happened(3)
        assert not events.EventDelivery.objects.filter(consumer="hooks").exists()

    def test_many_events_take_few_queries(self, receiver: Receiver) -> None:
        subscribed(receiver)
        few, many = happened(2), happened(40)
        Delivery.objects.all().delete()
        counts = []
        for batch in (few, many):
            with CaptureQueriesContext(connection) as queries:
                services.note(batch)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_both_secrets_sign_while_one_is_changed(self, receiver: Receiver) -> None:
        endpoint = subscribed(receiver)
        old = endpoint.secrets["signing"]
        new = services.rotate(endpoint)
        happened()
        send()
        (_path, headers, raw) = receiver.got[0]
        for known in (old, [new]):
            webhooks.verify(known, headers, raw, clock.now())
        services.drop_old_secret(endpoint)
        happened()
        send()
        with pytest.raises(webhooks.BadSignature):
            webhooks.verify(old, receiver.got[1][1], receiver.got[1][2], clock.now())


class TestFailure:
    def test_three_tries_more_then_failed_with_the_reason(self, receiver: Receiver) -> None:
        receiver.status = lambda _path: 400
        subscribed(receiver)
        happened()
        send()
        for _ in range(4):
            clock.advance(RETRY)
            send()
        row = Delivery.objects.get()
        assert (row.state, row.attempts, row.status, len(receiver.got)) == ("failed", 4, 400, 4)
        assert "400" in row.reason
        assert len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 1
        assert len({raw for _path, _headers, raw in receiver.got}) == 1

    def test_failed_ones_are_sent_again_one_or_all(self, receiver: Receiver) -> None:
        receiver.status = lambda _path: 400
        subscribed(receiver)
        happened(3)
        for _ in range(5):
            send()
            clock.advance(RETRY)
        assert states() == ["failed"] * 3
        receiver.status = lambda _path: 204
        assert services.replay(Delivery.objects.filter(pk=Delivery.objects.earliest("id").pk)) == 1
        send()
        assert states() == ["done", "failed", "failed"]
        assert (services.replay(Delivery.objects.all()), services.replay(Delivery.objects.all())) == (2, 0)
        send()
        assert states() == ["done"] * 3

    def test_410_switches_off(self, receiver: Receiver) -> None:
        receiver.status = lambda _path: 410
        endpoint = subscribed(receiver)
        happened(3)
        send()
        happened()
        send()
        endpoint.refresh_from_db()
        assert endpoint.state == "off" and len(receiver.got) == 1
        assert sorted(states()) == ["discarded", "discarded", "failed"]
        assert Alert.objects.filter(key=f"hook:{endpoint.pk}", closed_at=None).exists()

    def test_a_redirect_is_not_followed(self, receiver: Receiver) -> None:
        receiver.status = lambda path: 302 if path == "/hook" else 200
        receiver.headers = {"Location": "/elsewhere"}
        subscribed(receiver)
        happened()
        send()
        assert [path for path, _headers, _body in receiver.got] == ["/hook"] and "redirects" in Delivery.objects.get().reason

    def test_patience_uses_up_no_attempt(self, receiver: Receiver) -> None:
        receiver.status, receiver.headers = lambda _path: 429, {"Retry-After": "120"}
        subscribed(receiver)
        happened(3)
        send()
        assert len(receiver.got) == 1 and set(Delivery.objects.values_list("attempts", flat=True)) == {0}
        clock.advance(timedelta(seconds=119))
        send()
        assert len(receiver.got) == 1
        receiver.status = lambda _path: 200
        clock.advance(timedelta(seconds=2))
        send()
        assert states() == ["done"] * 3

    def test_an_outage_of_an_hour_loses_nothing(self, receiver: Receiver) -> None:
        receiver.status = lambda _path: 503
        endpoint = subscribed(receiver)
        happened(30)
        for _ in range(120):
            send()
            clock.advance(timedelta(seconds=30))
        endpoint.refresh_from_db()
        assert endpoint.failures > 5 and len(receiver.got) < 30
        assert Alert.objects.filter(key=f"hook:{endpoint.pk}", closed_at=None).exists()
        receiver.status = lambda _path: 200
        for _ in range(40):
            clock.advance(timedelta(seconds=30))
            send()
        assert states() == ["done"] * 30
        assert not Alert.objects.filter(key=f"hook:{endpoint.pk}", closed_at=None).exists()

    def test_a_dead_receiver_holds_up_nobody(self, receiver: Receiver) -> None:
        receiver.hangs = "/dead"
        dead = subscribed(receiver, path="/dead", label="a dead one")
        subscribed(receiver, path="/hook")
        happened(5)
        began = time.monotonic()
        done_at: list[float] = []
        receiver.status = lambda path: done_at.append(time.monotonic() - began) or 200 if path == "/hook" else 500
        delivery.deliver_due()
        assert len(done_at) == 5 and max(done_at) < 1.5
        dead.refresh_from_db()
        assert dead.failures == 1

    def test_a_worker_that_dies_repeats_under_the_same_id(self, receiver: Receiver) -> None:
        subscribed(receiver)
        happened()
        ((endpoint, rows),) = delivery.claim(10, set(), slow=False)
        delivery._send(endpoint, [(row, b"{}") for row in rows])  # and then it died
        send()
        assert states() == ["due"]
        clock.advance(delivery.LEASE + timedelta(seconds=1))
        send()
        assert states() == ["done"] and len({headers["webhook-id"] for _p, headers, _b in receiver.got}) == 1

    def test_what_another_worker_took_over_is_not_settled_twice(self, receiver: Receiver) -> None:
        subscribed(receiver)
        happened()
        ((endpoint, rows),) = delivery.claim(10, set(), slow=False)
        clock.advance(delivery.LEASE + timedelta(seconds=1))
        delivery.claim(10, set(), slow=False)
        delivery.settle(endpoint, [delivery.Sent(rows[0], 200)])
        assert states() == ["due"]


class TestAddresses:
    @pytest.mark.parametrize(
        "url", ["http://169.254.169.254/latest", "https://10.0.0.1/", "ftp://example.com/", "https://[::ffff:10.0.0.1]/"]
    )
    def test_inside_the_house_nobody_subscribes(self, url: str) -> None:
        with pytest.raises(Misconfigured):
            services.subscribe(url, ["contact.created"])

    def test_one_that_moved_inside_is_not_called(self, receiver: Receiver) -> None:
        subscribed(receiver)
        happened()
        before = guard.allowed()
        guard.allow(())
        try:
            send()
        finally:
            guard.allow(before)
        assert receiver.got == [] and "inside" in Delivery.objects.get().reason


class TestPrivacy:
    def test_a_persons_deliveries_are_erased_with_them(self, receiver: Receiver) -> None:
        from scrm.contacts.privacy.registry import Person
        from scrm.hooks import privacy

        subscribed(receiver)
        gone, kept = happened(2)
        assert sum(privacy._erase(Person(contacts=(gone.contact_id,)))) == 1
        assert Delivery.objects.get().contact == kept.contact_id
