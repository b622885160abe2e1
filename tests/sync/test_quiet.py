"""Quiet hours of a CRM: nothing is written but what is urgent, people see why, and all of it is written afterwards."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from scrm.connections.models import Connection
from scrm.core import clock, jobs
from scrm.staff.models import User
from scrm.sync import engine, quiet, services, waiting
from scrm.sync.models import Kind, Push, SyncPlan
from tests.console.conftest import seated
from tests.sync.conftest import NOON, Shop, later


def hush(shop: Shop, start: str, end: str) -> Connection:
    """Noon is 11:30 in Hong Kong."""
    shop.crm.quiet_from, shop.crm.quiet_to, shop.crm.time_zone = time.fromisoformat(start), time.fromisoformat(end), "Asia/Hong_Kong"
    shop.crm.save()
    return shop.crm


def drain() -> None:
    while engine.push_due():
        pass


class TestHours:
    @pytest.mark.parametrize(
        ("start", "end", "left"),
        [
            ("09:00", "12:00", 0.5),
            ("11:30", "12:00", 0.5),
            ("22:00", "12:30", 1),
            ("11:00", "10:00", 22.5),
            ("12:00", "18:00", None),
            ("10:00", "11:30", None),
            ("22:00", "07:00", None),
            ("11:30", "11:30", None),
        ],
    )
    def test_are_those_on_the_wall_of_the_account(self, shop: Shop, start: str, end: str, left: float | None) -> None:
        ends = quiet.until(hush(shop, start, end), NOON)
        assert (None if ends is None else (ends - NOON) / timedelta(hours=1)) == left

    def test_half_a_setting_is_none(self, shop: Shop) -> None:
        shop.crm.quiet_from = time(9)
        assert quiet.until(shop.crm, NOON) is None


class TestWrites:
    def test_wait_for_the_end_and_lose_no_attempt(self, shop: Shop) -> None:
        hush(shop, "09:00", "12:00")
        shop.due(Kind.CONTACT, [shop.customer().pk, shop.customer().pk])
        drain()
        assert shop.far.calls == []
        later(minutes=29)
        drain()
        assert shop.far.calls == [] and set(Push.objects.values_list("attempts", flat=True)) == {0}
        later(minutes=1)
        drain()
        assert len(shop.far.writes()) == 2

    def test_what_is_urgent_goes_with_its_person(self, shop: Shop) -> None:
        hush(shop, "09:00", "12:00")
        SyncPlan.objects.create(connection=shop.crm, kind=Kind.DEAL, urgent=True)
        chan, other = shop.customer(), shop.customer("黃美玲")
        talk = shop.conversation(chan)
        shop.due(Kind.DEAL, [f"conversation:{talk.pk}"])
        shop.due(Kind.CONTACT, [chan.pk, other.pk])
        for _ in range(3):
            drain()
            later(seconds=6)
        assert {(write.kind, write.key) for write in shop.far.writes()} == {("contact", str(chan.pk)), ("deal", f"conversation:{talk.pk}")}

    def test_of_another_crm_go_on(self, shop: Shop) -> None:
        hush(shop, "09:00", "12:00")
        Connection.objects.filter(pk=shop.crm.pk).update(quiet_from=None)
        shop.due(Kind.CONTACT, [shop.customer().pk])
        drain()
        assert len(shop.far.writes()) == 1


class TestExplanation:
    def waits(self, shop: Shop, kind: str = Kind.CONTACT) -> str:
        push = Push.objects.select_related("connection").get(kind=kind)
        return waiting.explain([push])[push.pk]

    def test_says_until_when(self, shop: Shop) -> None:
        hush(shop, "22:00", "12:15")
        shop.due(Kind.CONTACT, [shop.customer().pk])
        assert self.waits(shop) == "quiet hours until 12:15"

    def test_says_that_it_waits_for_its_batch_a_retry_or_the_connection(self, shop: Shop) -> None:
        hush(shop, "22:00", "07:00")
        shop.due(Kind.CONTACT, [shop.customer().pk])
        assert self.waits(shop) == ""
        SyncPlan.objects.create(connection=shop.crm, kind=Kind.CONTACT, pace="batch", minutes=30)
        later(minutes=1)
        Push.objects.update(due_at=clock.now())
        assert self.waits(shop) == "the batch of 12:00"
        Push.objects.update(due_at=clock.now() + timedelta(minutes=5), attempts=1)
        assert self.waits(shop) == "tried again at 11:36"
        Connection.objects.filter(pk=shop.crm.pk).update(state="paused")
        assert self.waits(shop) == "Paused by a person"

    def test_stands_in_the_list_of_writes_and_on_the_connections_page(self, shop: Shop) -> None:
        browser = seated(User.objects.create_superuser("owner", password="correct horse"))
        hush(shop, "09:00", "12:00")
        SyncPlan.objects.create(connection=shop.crm, kind=Kind.DEAL, urgent=True)
        shop.due(Kind.CONTACT, [shop.customer().pk for _ in range(3)])
        page = browser.get("/admin/sync/push/").content.decode()
        assert page.count("quiet hours until 12:00") == 3
        page = browser.get(f"/admin/connections/connection/{shop.crm.pk}/change/").content.decode()
        assert "quiet hours until 12:00" in page and "from 09:00 to 12:00 (Asia/Hong_Kong)" in page and "All the same: deal." in page


class TestNotedAMomentAgo:
    """What is noted is due a little later, so that what belongs together is one write; a worker waits for that instead of the next look."""

    def test_is_waited_for(self, shop: Shop) -> None:
        services.want(shop.crm, Kind.CONTACT, str(shop.customer().pk))
        Push.objects.update(due_at=clock.now() + timedelta(seconds=0.8))
        assert jobs.drains()["sync"].soon is engine.due_soon
        assert engine.due_soon(timedelta(seconds=1)) and not engine.due_soon(timedelta(seconds=0.5))

    def test_is_not_waited_for_once_it_is_due(self, shop: Shop) -> None:
        shop.due(Kind.CONTACT, [shop.customer().pk])
        assert not engine.due_soon(timedelta(seconds=1))

    def test_is_not_waited_for_at_a_crm_that_may_not_be_called(self, shop: Shop) -> None:
        services.want(shop.crm, Kind.CONTACT, str(shop.customer().pk))
        Push.objects.update(due_at=clock.now() + timedelta(seconds=0.8))
        Connection.objects.filter(pk=shop.crm.pk).update(state="paused")
        assert not engine.due_soon(timedelta(seconds=1))
