"""Wake-ups: none is needless, none is lost, and what has its time comes in time however many there would be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from scrm.core import clock, jobs
from scrm.core.models import DrainSlot

pytestmark = pytest.mark.django_db


class Kitchen:
    """One drain, 'washing up': `dishes` is what there is to do, `washed` counts what was done."""

    def __init__(self) -> None:
        self.dishes = self.washed = 0
        self.spec = jobs.Drain("washing up", self.wash, slots=2)

    def wash(self) -> int:
        done = min(self.dishes, 1)
        self.dishes -= done
        self.washed += done
        return done

    def keep(self, *, full: int) -> None:
        self.spec = jobs.Drain("washing up", self.wash, slots=2, full=full)
        jobs._drains["washing up"] = self.spec

    def hold_all_slots(self) -> list[DrainSlot]:
        held = []
        while (slot := jobs._take_slot(self.spec)) is not None:
            held.append(slot)
        return held


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Kitchen]:
    """Every wake-up comes from another process, as far as the pause between two is concerned."""
    settings.JOBS_ENABLED = True
    for pause in ("WAKE_GAP_SECONDS", "LINGER_SECONDS", "LINGER_PAUSE_SECONDS", "GROUP_SECONDS", "TURN_SECONDS"):
        monkeypatch.setattr(jobs, pause, 0.0)
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
    kitchen = Kitchen()
    monkeypatch.setattr(jobs, "_drains", {kitchen.spec.name: kitchen.spec})
    monkeypatch.setattr(jobs, "_periodics", {})
    yield kitchen


def waiting() -> list[tuple[str, ...]]:
    """What is asked for and not fetched yet, as (job, arguments), oldest first."""
    packages = [SignedPackage.loads(row.payload) for row in OrmQ.objects.filter(lock__lte=clock.now()).order_by("id")]
    return [(package["func"].rpartition(".")[2], *package["args"]) for package in packages]


def work_off_one() -> None:
    """What a cluster does with the oldest job: fetch it, do it, acknowledge it."""
    job = OrmQ.objects.filter(lock__lte=clock.now()).order_by("id").first()
    if job is None:
        return
    fetch(job)
    package = SignedPackage.loads(job.payload)
    getattr(jobs, package["func"].rpartition(".")[2])(*package["args"])
    job.delete()


def fetch(job: OrmQ) -> None:
    job.lock = clock.now() + timedelta(seconds=300)
    job.save()


class WakeUp:
    def test_waits_once_however_often_it_is_asked_for(self, kitchen: Kitchen) -> None:
        for _ in range(20):
            jobs.wake("washing up")
        assert waiting() == [("run_drain", "washing up")]

    def test_is_asked_for_again_when_it_was_fetched(self, kitchen: Kitchen) -> None:
        """Whoever has fetched it may have looked already."""
        jobs.wake("washing up")
        fetch(OrmQ.objects.get())
        jobs.wake("washing up")
        assert OrmQ.objects.count() == 2

    def test_is_asked_for_beside_those_of_other_drains(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(jobs._drains, "drying", jobs.Drain("drying", lambda: 0, slots=1))
        jobs.wake("drying")
        jobs.wake("washing up")
        assert waiting() == [("run_drain", "drying"), ("run_drain", "washing up")]

    def test_is_not_needed_while_all_slots_are_held(self, kitchen: Kitchen) -> None:
        kitchen.hold_all_slots()
        jobs.wake("washing up")
        assert waiting() == []

    def test_is_needed_while_one_slot_is_free(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "_slots_of", lambda spec: spec.slots)
        assert jobs._take_slot(kitchen.spec) is not None
        jobs.wake("washing up")
        assert waiting() == [("run_drain", "washing up")]

    def test_is_not_needed_beside_one_who_keeps_up(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "_slots_of", lambda spec: 2)
        kitchen.keep(full=2)
        jobs._take_slot(kitchen.spec)
        jobs.wake("washing up")
        assert waiting() == []
        jobs.wake("washing up", help_wanted=True)
        assert waiting() == [("run_drain", "washing up")]

    def test_goes_out_from_one_who_does_not_keep_up(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "_slots_of", lambda spec: 2)
        kitchen.keep(full=1)
        kitchen.dishes = 3
        jobs.run_drain("washing up")
        assert kitchen.washed == 3
        assert waiting() == [("run_drain", "washing up")]

    @pytest.mark.parametrize(("full", "pauses"), [(1, 0), (2, 3)])
    def test_a_step_that_took_all_it_may_is_followed_at_once(
        self, full: int, pauses: int, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(jobs, "GROUP_SECONDS", 30.0)
        monkeypatch.setattr(jobs.time, "sleep", slept.append)
        kitchen.keep(full=full)
        kitchen.dishes = 3
        jobs.drain_until_idle(kitchen.spec)
        assert kitchen.washed == 3 and sum(seconds > 1 for seconds in slept) == pauses

    @pytest.mark.parametrize("alone", [True, False])
    def test_of_a_helper_ends_with_the_rush_unless_nobody_else_is_left(
        self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, alone: bool
    ) -> None:
        monkeypatch.setattr(jobs, "_slots_of", lambda spec: 2)
        kitchen.keep(full=2)
        first = jobs._take_slot(kitchen.spec)
        assert first is not None
        drained = jobs.drain_until_idle

        def first_leaves(spec: jobs.Drain, slot: DrainSlot | None) -> bool:
            idle = drained(spec, slot)
            if alone:
                DrainSlot.objects.filter(pk=first.pk).update(lease_until=clock.now())
            return idle

        monkeypatch.setattr(jobs, "drain_until_idle", first_leaves)
        kitchen.dishes = 9
        jobs.run_drain("washing up")
        assert kitchen.washed == (9 if alone else 2)

    def test_is_needed_when_the_holders_are_dead(self, kitchen: Kitchen) -> None:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        kitchen.hold_all_slots()
        DrainSlot.objects.update(holder=f"{jobs.cluster_name()}/{ended.pid}")
        jobs.wake("washing up")
        assert waiting() == [("run_drain", "washing up")]

    def test_is_needed_when_the_holders_are_late(self, kitchen: Kitchen) -> None:
        kitchen.hold_all_slots()
        with clock.frozen(clock.now() + jobs.SLOT_LEASE + timedelta(seconds=1)):
            jobs.wake("washing up")
            assert waiting() == [("run_drain", "washing up")]

    def test_is_asked_for_although_the_queue_holds_what_cannot_be_read(self, kitchen: Kitchen) -> None:
        for payload in ("", "not signed", SignedPackage.dumps({"id": "1"}), SignedPackage.dumps(["a", "list"])):
            OrmQ.objects.create(key="scrm", payload=payload, lock=clock.now() - timedelta(seconds=1))
        jobs.wake("washing up")
        assert OrmQ.objects.count() == 5

    def test_that_met_held_slots_is_made_good_after_they_are_given_back(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        """The narrowest moment: the last step has found nothing, the slot is still held, and now a dish is brought."""
        drained = jobs.drain_until_idle

        def brought_at_the_end(spec: jobs.Drain, slot: DrainSlot | None) -> bool:
            idle = drained(spec, slot)
            if kitchen.washed == 0:
                others = kitchen.hold_all_slots()
                kitchen.dishes += 1
                jobs.wake("washing up")
                assert waiting() == []
                DrainSlot.objects.filter(pk__in=[other.pk for other in others]).update(lease_until=clock.now())
            return idle

        monkeypatch.setattr(jobs, "drain_until_idle", brought_at_the_end)
        jobs.run_drain("washing up")
        assert kitchen.washed == 1

    def test_of_a_drain_that_makes_way_waits_at_the_end_of_the_line(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "_others_wait", lambda: True)
        kitchen.dishes = 20
        jobs.run_drain("washing up")
        assert kitchen.dishes > 0
        assert waiting() == [("run_drain", "washing up")]

    def test_for_what_falls_due_in_a_moment_waits_for_it(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that is due in a second was asked for when it was written, and by nobody after that."""
        monkeypatch.setattr(jobs, "LINGER_SECONDS", 0.05)
        looks: list[timedelta] = []

        def soon(within: timedelta) -> bool:
            looks.append(within)
            kitchen.dishes = int(len(looks) == 2)
            return len(looks) <= 2

        monkeypatch.setitem(jobs._drains, "washing up", jobs.Drain("washing up", kitchen.wash, slots=1, soon=soon))
        jobs.run_drain("washing up")
        assert kitchen.washed == 1
        assert set(looks) == {timedelta(seconds=0.05)}

    def test_left_by_a_step_that_failed_is_made_good_by_the_tick(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> int:
            jobs.wake("washing up")
            raise RuntimeError("a plate broke")

        monkeypatch.setitem(jobs._drains, "washing up", jobs.Drain("washing up", broken, slots=1))
        with pytest.raises(RuntimeError):
            jobs.run_drain("washing up")
        assert waiting() == []
        jobs.tick()
        assert waiting() == [("run_drain", "washing up")]


class Tick:
    def test_asks_for_no_drain_that_is_at_work(self, kitchen: Kitchen) -> None:
        kitchen.hold_all_slots()
        jobs.tick()
        assert waiting() == []

    def test_asks_for_what_has_its_time_while_drains_are_at_work(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(jobs._periodics, "sweeping", jobs.Periodic("sweeping", lambda: None, every=10))
        kitchen.hold_all_slots()
        jobs.tick()
        assert waiting() == [("run_periodic", "sweeping")]


class BusyMinute:
    """One worker, a heap of dishes that never ends, and five processes that ask for the washing up four times a second each."""

    SECONDS = 60

    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The second of the minute at which the ten-secondly sweeping ran, each time."""
        ran: list[int] = []
        sweeping = jobs.Periodic("sweeping", lambda: ran.append(int(clock.now().timestamp()) % 60), every=10)
        monkeypatch.setitem(jobs._periodics, "sweeping", sweeping)
        monkeypatch.setattr(jobs, "_others_wait", lambda: OrmQ.objects.count() > 1)
        return ran

    def test_starts_what_has_its_time_in_time_and_lets_nothing_pile_up(self, kitchen: Kitchen, ran: list[int]) -> None:
        longest = 0
        # Ahead of the queue's own clock, which does not stand still.
        with clock.frozen((clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)):
            for second in range(self.SECONDS):
                for _ in range(20):
                    jobs.wake("washing up")
                if second % 5 == 0:
                    jobs.ask_for_tick()
                longest = max(longest, len(waiting()))
                for _ in range(2):
                    kitchen.dishes = 20
                    work_off_one()
                clock.advance(timedelta(seconds=1))
        assert longest <= 3, "a tick, a wake-up and the sweeping at most"
        assert [at // 10 for at in ran] == [0, 1, 2, 3, 4, 5]
        assert max(at % 10 for at in ran) <= 6, ran
        assert kitchen.washed > self.SECONDS


def test_slots_of_a_drain(kitchen: Kitchen) -> None:
    assert len(kitchen.hold_all_slots()) == (1 if connection.vendor == "sqlite" else 2)
    assert jobs._held_slots()["washing up"] == jobs._slots_of(kitchen.spec)
    assert DrainSlot.objects.filter(holder=f"{jobs.cluster_name()}/{os.getpid()}").count() == jobs._slots_of(kitchen.spec)
