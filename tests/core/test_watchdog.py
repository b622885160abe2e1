"""What the supervisor notices of a worker cluster: silence, ticks that get no turn, jobs that nobody acknowledges."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from scrm.core import clock, jobs, supervisor
from scrm.core.models import Heartbeat, Timetable
from scrm.core.supervisor import Program, Supervisor

pytestmark = pytest.mark.django_db
RETRY = timedelta(seconds=300)


def job(*, fetched_ago: float | None) -> OrmQ:
    """A job in the queue: unstarted, or fetched so many seconds ago and not acknowledged since."""
    lock = clock.now() - timedelta(seconds=1) if fetched_ago is None else clock.now() - timedelta(seconds=fetched_ago) + RETRY
    return OrmQ.objects.create(key="scrm", payload="", lock=lock)


@pytest.fixture(autouse=True)
def connection_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's transaction lives in it."""
    monkeypatch.setattr(supervisor, "close_old_connections", lambda: None)
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watchdog(said: list[str], settings: Any) -> Iterator[Supervisor]:
    settings.JOBS_ENABLED = True
    program = Program("worker", ["sleep", "60"], cluster="taipei:1")
    program.start()
    program.started_at -= 600
    Heartbeat.objects.create(cluster="taipei:1", beaten_at=clock.now(), last_job="inbound")
    Timetable.objects.create(name="tick", started_at=clock.now())
    watchdog = Supervisor([program], said.append)
    yield watchdog
    program.signal_group(signal.SIGKILL)
    assert program.process is not None
    program.process.wait()


def killed(watchdog: Supervisor) -> bool:
    process = watchdog.programs[0].process
    assert process is not None
    try:
        return process.wait(0.5) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False


def away() -> None:
    raise OperationalError("the server closed the connection")


class Queue:
    def test_forgets_what_was_fetched_long_ago_and_never_acknowledged(self) -> None:
        kept = [job(fetched_ago=None), job(fetched_ago=5), job(fetched_ago=60)]
        for age in (91, 150, 299):
            job(fetched_ago=age)
        assert jobs.forget_unacknowledged() == 3
        assert set(OrmQ.objects.all()) == set(kept)

    def test_takes_a_tick_however_much_is_unacknowledged(self, settings: Any) -> None:
        settings.JOBS_ENABLED = True
        for _ in range(settings.TICK_BACKLOG + 10):
            job(fetched_ago=20)
        before = OrmQ.objects.count()
        jobs.ask_for_tick()
        assert OrmQ.objects.count() == before + 1

    def test_is_not_flooded_with_ticks_while_nobody_works(self) -> None:
        for _ in range(20):
            jobs.ask_for_tick()
        assert OrmQ.objects.count() == 1

    def test_that_nobody_works_off_is_not_made_longer(self, settings: Any) -> None:
        for _ in range(settings.TICK_BACKLOG):
            job(fetched_ago=None)
        jobs.ask_for_tick()
        assert OrmQ.objects.count() == settings.TICK_BACKLOG


class Watchdog:
    def test_leaves_a_working_cluster_alone(self, watchdog: Supervisor, said: list[str]) -> None:
        for _ in range(10):
            watchdog._tick()
        assert said == [] and not killed(watchdog)

    def test_ends_a_silent_one(self, watchdog: Supervisor, said: list[str]) -> None:
        Heartbeat.objects.update(beaten_at=clock.now() - timedelta(seconds=supervisor.SILENT_SECONDS + 1))
        watchdog._tick()
        assert killed(watchdog)
        assert said == ["worker has done no job for 40 s, ending and starting it again"]

    def test_gives_one_that_was_ended_while_it_started_twice_the_time(self, watchdog: Supervisor, said: list[str]) -> None:
        (program,) = watchdog.programs
        Heartbeat.objects.all().delete()
        for seconds in (40, 80, 160, 320, 640, 640):
            program.started_at = time.monotonic() - seconds + 1
            watchdog._tick()
            assert program.running
            program.started_at -= 1
            watchdog._tick()
            assert killed(watchdog)
            program.start()

    def test_is_as_quick_as_before_once_it_has_worked(self, watchdog: Supervisor, said: list[str]) -> None:
        (program,) = watchdog.programs
        program.ended = 3
        watchdog._tick()
        Heartbeat.objects.update(beaten_at=clock.now() - timedelta(seconds=supervisor.SILENT_SECONDS + 1))
        watchdog._tick()
        assert killed(watchdog) and said == ["worker has done no job for 40 s, ending and starting it again"]

    def test_ends_one_that_works_but_runs_no_ticks(self, watchdog: Supervisor, said: list[str]) -> None:
        for _ in range(100):
            job(fetched_ago=None)
        Timetable.objects.update(started_at=clock.now() - timedelta(seconds=supervisor.TICKLESS_SECONDS + 1))
        watchdog._tick()
        assert killed(watchdog)
        assert "nothing periodic" in said[0]

    def test_leaves_the_fresh_one_only_its_first_tick(self, watchdog: Supervisor) -> None:
        for _ in range(100):
            job(fetched_ago=None)
        watchdog._restart(watchdog.programs[0])
        (left,) = OrmQ.objects.all()
        assert left.func() == jobs.TICK

    def test_ends_one_that_acknowledges_nothing(self, watchdog: Supervisor, said: list[str]) -> None:
        for _ in range(supervisor.UNACKNOWLEDGED_ROUNDS):
            assert said == []
            job(fetched_ago=120)
            watchdog._tick()
        assert killed(watchdog)
        assert "without acknowledging" in said[0]

    def test_forgives_what_a_killed_cluster_left(self, watchdog: Supervisor, said: list[str]) -> None:
        for _ in range(40):
            job(fetched_ago=120)
        for _ in range(supervisor.UNACKNOWLEDGED_ROUNDS + 2):
            watchdog._tick()
        assert said == [] and not killed(watchdog)

    def test_gives_a_fresh_one_time(self, watchdog: Supervisor, said: list[str]) -> None:
        watchdog.programs[0].started_at = time.monotonic()
        Heartbeat.objects.all().delete()
        Timetable.objects.all().delete()
        watchdog._tick()
        assert said == []


class Ending:
    def test_by_force_is_told(self, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        deaf = Program("worker", ["sh", "-c", "trap '' TERM; echo; sleep 60"])
        deaf.start()
        time.sleep(0.5)
        monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
        without_orphans = Supervisor([deaf], said.append)
        monkeypatch.setattr(without_orphans, "_end_orphans", lambda: None)
        without_orphans.stop()
        assert deaf.process is not None and deaf.process.wait(5) == -signal.SIGKILL
        assert said == ["worker did not end within 1 s, ending it by force"]


class DatabaseAway:
    def test_is_told_once_and_looked_for_every_second(self, watchdog: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as without:
            without.setattr(jobs, "ask_for_tick", away)
            for _ in range(3):
                watchdog.next_tick = 0.0
                watchdog.look_after()
                assert watchdog.next_tick - time.monotonic() <= supervisor.AWAY_SECONDS
        watchdog.next_tick = 0.0
        watchdog.look_after()
        assert watchdog.next_tick - time.monotonic() > supervisor.AWAY_SECONDS
        assert said == ["the database does not answer: OperationalError"]
        assert [each.func() for each in OrmQ.objects.all()] == [jobs.TICK]

    def test_makes_nothing_wait_that_could_not_start_without_it(self, watchdog: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
        (program,) = watchdog.programs
        program.signal_group(signal.SIGKILL)
        assert program.process is not None
        program.process.wait(5)
        program.started_at, program.pause = time.monotonic(), supervisor.LONGEST_PAUSE
        with monkeypatch.context() as without:
            without.setattr(jobs, "ask_for_tick", away)
            watchdog.look_after()
        watchdog.next_tick = 0.0
        watchdog.look_after()
        assert not program.running
        watchdog.look_after()
        assert program.running

    def test_is_told_again_the_next_time(self, watchdog: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(2):
            with monkeypatch.context() as without:
                without.setattr(jobs, "ask_for_tick", away)
                watchdog._tick()
            watchdog._tick()
        assert said == ["the database does not answer: OperationalError"] * 2


class Ticks:
    def test_leave_their_time(self) -> None:
        assert jobs.tick_age() is None
        jobs.tick()
        age = jobs.tick_age()
        assert age is not None and age < 5
        assert Heartbeat.objects.get().cluster.endswith(str(os.getpid()))
