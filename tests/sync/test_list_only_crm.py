"""A CRM that cannot be asked for our key: its list, which is read anyway, tells what is there, and nothing is made twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.conformance import Answer
from connectors.contracts import Hint
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import engine, feeds, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SyncCursor
from scrm.sync.services import want
from tests.connectors.conftest import loopback  # noqa: F401
from tests.connectors.poor_server import definition
from tests.faults.vendors import Rest, vendor_named
from tests.sync.begun_there import hear_of_all
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def running_clock(standing_clock: None) -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, loopback: Any) -> Rest:  # noqa: F811
    made = vendor_named("rest", "", monkeypatch, loopback)
    assert isinstance(made, Rest)
    return made


@pytest.fixture
def shop(vendor: Rest) -> Shop:
    """Ninety people are in the CRM, which shows twenty at a time, and were read a minute ago."""
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    shop = Shop(vendor.connection(), channel, FarSide())
    for number in range(90):
        vendor.add(f"Far{number}", f"+8529700{number:04}")
    steps()
    assert ExternalRecord.objects.count() == 90
    return shop


def steps(count: int = 1, **wait: float) -> None:
    for _ in range(count):
        clock.advance(timedelta(**(wait or {"seconds": 61})))
        feeds.pull_due()
        pulls.read_due()
        while engine.push_due():
            pass


def customers(shop: Shop, count: int) -> list[str]:
    keys = [str(shop.customer(f"Near{number} Chan").pk) for number in range(count)]
    for key in keys:
        want(shop.crm, "contact", key)
    return keys


def kept(vendor: Rest, keys: list[str]) -> list[str]:
    """Our keys among the records there, each as often as it stands there."""
    return sorted(str(row["scrm_id"]) for row in vendor.server.rows.values() if str(row.get("scrm_id", "")) in keys)


def answers(vendor: Rest, *said: Answer) -> None:
    """The server does what it is asked and then says this to each POST, one after the other; afterwards it answers well."""
    waiting = list(said)

    def respond(request: Any) -> Answer:
        answer = vendor._work(request)
        return waiting.pop(0) if request.method == "POST" and waiting else answer

    vendor.loopback.respond = respond


class TestNewPeople:
    def test_are_written_without_looking_through_the_list(self, shop: Shop, vendor: Rest) -> None:
        keys = customers(shop, 3)
        gets = vendor.server.gets
        clock.advance(timedelta(seconds=2))
        assert engine.push_due() == 3
        assert kept(vendor, keys) == sorted(keys)
        # One page for each, for the server might know the parameter.
        assert vendor.server.gets - gets == 3

    def test_are_looked_for_where_the_list_was_last_read_long_ago(self, shop: Shop, vendor: Rest) -> None:
        """As after a restore: what the database knows is of yesterday, and the CRM has the record already."""
        (key,) = customers(shop, 1)
        number = vendor.server.add(name="Near0 Chan", scrm_id=key)
        clock.advance(timedelta(hours=4))
        assert engine.push_due() == 1
        assert kept(vendor, [key]) == [key]
        assert ExternalRecord.objects.get(key=key).external_id == str(number)


class TestLostAnswers:
    @pytest.mark.parametrize("said", [Answer(201, b"", broken=True), Answer(201, b'{"id": 9'), Answer(502, b"")])
    def test_wait_until_the_list_was_read_once_more(self, shop: Shop, vendor: Rest, said: Answer) -> None:
        keys = customers(shop, 3)
        answers(vendor, said)
        for _ in range(4):
            clock.advance(timedelta(seconds=6))
            engine.push_due()
        assert kept(vendor, keys) == sorted(keys)
        assert [push.last_error[:31] for push in Push.objects.filter(key__in=keys, state="due")] == ["It may have been made in the CR"]
        steps(2)
        assert kept(vendor, keys) == sorted(keys)
        assert set(Push.objects.filter(key__in=keys).values_list("state", "attempts")) == {("done", 0)}
        assert ExternalRecord.objects.filter(key__in=keys).count() == 3

    def test_count_as_lost_where_the_look_behind_the_answer_is_refused(self, shop: Shop, vendor: Rest) -> None:
        """The record was made; that the next call is to wait says nothing of it."""
        (key,) = customers(shop, 1)
        said = {"POST": Answer(201, b"{}"), "GET": Answer(429, b"{}", {"Retry-After": "7"})}
        asked: list[str] = []

        def respond(request: Any) -> Answer:
            answer = vendor._work(request)
            asked.append(request.method)
            return said.pop(request.method, answer) if "POST" in asked else answer

        vendor.loopback.respond = respond
        steps(2, seconds=9)
        assert kept(vendor, [key]) == [key] and said == {}
        steps(2)
        assert kept(vendor, [key]) == [key]
        assert ExternalRecord.objects.get(key=key)

    def test_are_looked_for_in_the_list_where_nothing_comes_in(self, shop: Shop, vendor: Rest) -> None:
        FieldMapping.objects.update(direction="out")
        (key,) = customers(shop, 1)
        answers(vendor, Answer(201, b"", broken=True))
        steps(2, seconds=6)
        assert kept(vendor, [key]) == [key]
        assert ExternalRecord.objects.get(key=key)

    def test_wait_for_no_list_that_is_read_by_night(self, shop: Shop, vendor: Rest) -> None:
        (key,) = customers(shop, 1)
        SyncCursor.objects.filter(feed="changes").update(in_run=2_000, due_at=clock.now() + timedelta(hours=9))
        answers(vendor, Answer(201, b"", broken=True))
        steps(2, minutes=6)
        assert kept(vendor, [key]) == [key]
        assert ExternalRecord.objects.get(key=key)

    def test_wait_for_no_list_that_cannot_be_read(self, shop: Shop, vendor: Rest) -> None:
        hear_of_all(shop.crm)
        talk = shop.conversation(shop.customer("佐藤花子"))
        steps(2)
        SyncCursor.objects.filter(kind="deal").update(last_error="The server forbids this", due_at=clock.now() + timedelta(hours=9))
        want(shop.crm, "contact", str(talk.identity.contact_id))
        steps(2)
        want(shop.crm, "deal", f"conversation:{talk.pk}")
        answers(vendor, Answer(201, b"", broken=True))
        steps(2, minutes=6)
        assert [row["name"] for row in vendor.server.rows.values() if str(row.get("scrm_id", "")).startswith("deal/")] == ["佐藤花子"]
        assert ExternalRecord.objects.get(kind="deal")


class TestWithoutAKey:
    def test_what_may_have_been_made_is_never_sent_again_by_itself(self, shop: Shop, vendor: Rest) -> None:
        shop.crm.settings = {**shop.crm.settings, "definition": definition("page", key=None, search=None)}
        shop.crm.save()
        (key,) = customers(shop, 1)
        answers(vendor, Answer(201, b"", broken=True))
        steps(8, minutes=6)
        push = Push.objects.get(key=key)
        assert (push.state, push.last_error[:34]) == ("dead", "It is not known whether the record")
        assert len([row for row in vendor.server.rows.values() if row["name"] == "Near0 Chan"]) == 1


class TestManyToRead:
    def test_are_not_begun_anew_where_one_of_them_fails(self, shop: Shop, vendor: Rest) -> None:
        """The CRM names ninety people in a moment, and each tenth request is asked for patience."""
        for number in vendor.server.rows:
            vendor.rename(str(number), f"New{number}")
        hints = [Hint("contact", str(number)) for number in vendor.server.rows]
        pulls.hear(shop.crm.pk, hints)
        count = itertools.count(1)
        slow = Answer(429, b"{}", {"Retry-After": "7"})
        vendor.loopback.respond = lambda request: vendor._work(request) if next(count) % 10 else slow
        for _ in range(11):
            clock.advance(timedelta(seconds=8))
            pulls.read_due()
        assert set(Pull.objects.values_list("state", flat=True)) == {"done"}
        assert set(Contact.objects.values_list("name", flat=True)) == {f"New{number} Chan" for number in vendor.server.rows}
