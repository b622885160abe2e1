"""Drains: as many at once as there are slots, and none is lost with its holder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import OperationalError

from scrm.core import clock, jobs, stopping
from scrm.core.models import DrainSlot, Timetable

pytestmark = pytest.mark.django_db
SPEC = jobs.Drain("washing up", lambda: 0, slots=1)


class TakeSlot:
    def test_gives_it_to_one(self):
        assert jobs._take_slot(SPEC) is not None
        assert jobs._take_slot(SPEC) is None

    def test_takes_it_from_one_that_is_late(self):
        jobs._take_slot(SPEC)
        with clock.frozen(clock.now() + jobs.SLOT_LEASE + timedelta(seconds=1)):
            assert jobs._take_slot(SPEC) is not None

    def test_takes_it_from_a_process_that_died_here_at_once(self):
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        jobs._take_slot(SPEC)
        DrainSlot.objects.update(holder=f"{jobs.cluster_name()}/{ended.pid}")
        assert jobs._take_slot(SPEC) is not None

    def test_leaves_it_to_a_process_on_another_host(self):
        jobs._take_slot(SPEC)
        DrainSlot.objects.update(holder="elsewhere:8000/999999")
        assert jobs._take_slot(SPEC) is None

    def test_has_it_back_at_the_next_job_of_one_from_under_whom_the_database_went(self, monkeypatch):
        def away(**wanted):
            raise OperationalError("the server closed the connection")

        def step():
            without.setattr(DrainSlot.objects, "filter", away)
            away()

        monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
        monkeypatch.setitem(jobs._drains, SPEC.name, jobs.Drain(SPEC.name, step, slots=1))
        with monkeypatch.context() as without, pytest.raises(OperationalError):
            jobs.run_drain(SPEC.name)
        assert jobs._take_slot(SPEC) is None
        with jobs._at_work("dusting"):
            assert jobs._take_slot(SPEC) is not None

    def test_leaves_it_to_a_process_that_lives(self):
        jobs._take_slot(SPEC)
        DrainSlot.objects.update(holder=f"{jobs.cluster_name()}/{os.getppid()}")
        assert jobs._take_slot(SPEC) is None


class Periodic:
    def test_starts_once_a_slot_and_after_a_long_night_only_once(self):
        spec = jobs.Periodic("sweeping", lambda: None, every=60)
        with clock.frozen(clock.now()):
            assert jobs._due(spec)
            assert not jobs._due(spec)
            clock.advance(timedelta(hours=6))
            assert jobs._due(spec)
            assert not jobs._due(spec)

    def test_goes_on_when_the_clock_was_put_back(self):
        spec = jobs.Periodic("sweeping", lambda: None, every=60)
        with clock.frozen(clock.now()):
            assert jobs._due(spec)
            clock.advance(timedelta(hours=-1))
            assert jobs._due(spec)
            assert not jobs._due(spec)

    def test_that_fails_says_why_and_runs_again(self, monkeypatch):
        def broken():
            raise RuntimeError("no broom")

        monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
        monkeypatch.setitem(jobs._periodics, "sweeping", jobs.Periodic("sweeping", broken, every=60))
        Timetable.objects.create(name="sweeping")
        jobs.run_periodic("sweeping")
        assert Timetable.objects.get(name="sweeping").last_error == "RuntimeError: no broom"


class Draining:
    @pytest.fixture(autouse=True)
    def others_wait(self, monkeypatch):
        monkeypatch.setattr(jobs, "_others_wait", lambda: True)
        monkeypatch.setattr(jobs, "TURN_SECONDS", 0.0)
        monkeypatch.setattr(jobs, "WAKE_GAP_SECONDS", 0.0)
        monkeypatch.setattr(jobs, "LINGER_SECONDS", 0.0)
        monkeypatch.setattr(jobs, "GROUP_SECONDS", 0.0)

    def steps_of(self, *, urgent):
        left = [1] * 20
        spec = jobs.Drain("washing up", lambda: left.pop() if left else 0, slots=1, urgent=urgent)
        jobs.drain_until_idle(spec, jobs._take_slot(spec))
        return 20 - len(left)

    def test_hands_the_worker_over_when_others_wait(self):
        assert self.steps_of(urgent=False) < 20

    def test_of_what_comes_in_goes_on_however_long_others_wait(self):
        assert self.steps_of(urgent=True) == 20

    @pytest.mark.parametrize(("work", "seconds", "done"), [(3, 60.0, 3), (10, 0.0, 0)])
    def test_finishes_what_is_there_when_the_cluster_shall_end_and_is_asked_for_again(self, monkeypatch, work, seconds, done):
        """Within the seconds that it has: it waits for nothing, and does not go on for as long as something comes."""
        left, asked, lingering = [1] * work, [], []
        monkeypatch.setattr(stopping, "_told_at", lambda: time.monotonic() - 1.0)
        monkeypatch.setattr(stopping, "SECONDS_TO_FINISH", seconds)
        monkeypatch.setattr(jobs, "LINGER_SECONDS", 60.0)
        monkeypatch.setattr(jobs.time, "sleep", lingering.append)
        monkeypatch.setattr(jobs, "wake", asked.append)
        monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
        spec = jobs.Drain("washing up", lambda: left.pop() if left else 0, slots=1, urgent=True)
        monkeypatch.setitem(jobs._drains, "washing up", spec)
        jobs.run_drain("washing up")
        assert (work - len(left), asked, lingering) == (done, ["washing up"], [])

    @pytest.mark.parametrize("urgent", [False, True])
    def test_lets_what_trickles_in_gather_unless_it_is_urgent(self, monkeypatch, urgent):
        waits: list[float] = []
        monkeypatch.setattr(jobs, "GROUP_SECONDS", 60.0)
        monkeypatch.setattr(jobs, "_others_wait", lambda: False)
        monkeypatch.setattr(jobs.time, "sleep", waits.append)
        left = [1] * 3
        jobs.drain_until_idle(jobs.Drain("dusting", lambda: left.pop() if left else 0, slots=1, urgent=urgent))
        assert len([wait for wait in waits if 50 < wait <= 60]) == (0 if urgent else 3)

    def test_is_urgent_for_what_comes_in_and_nothing_else(self):
        assert [name for name, spec in jobs.drains().items() if spec.urgent] == ["inbound"]
