"""What takes its worker down, what fails for ever, what comes back twice or too late: the work beside it goes on.

The queue only wakes; attempts are counted in the rows of the work, before the work.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from scrm.conversations import outbox, services
from scrm.conversations.models import Message
from scrm.conversations.statuses import client_ref
from scrm.core import clock, jobs
from scrm.core.models import DrainSlot, Timetable
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.faults.mortal import KILLED, RecordingPlatform, everything, in_a_fork, let_leases_run_out
from tests.faults.sabotage import sabotaged
from tests.people import body, conversation, hong_kong, post, text_message, wamid

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = 4


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingPlatform:
    platform = RecordingPlatform(tmp_path / "accepted", outbox.channel_of)
    monkeypatch.setattr(outbox, "channel_of", platform)
    return platform


def line() -> ledger.Sums:
    (found,) = (each for each in ledger.sums() if each.connection_slug == "hk")
    assert found.balanced
    return found


def arrive() -> None:
    """One body that is poison among good ones, each of one person."""
    for n in range(GOOD):
        assert post(hong_kong(), body(hong_kong(), messages=[text_message(f"你好 {n}", phone=f"8529100000{n}", id=wamid(n))])) == 200
    assert post(hong_kong(), body(hong_kong(), messages=[text_message("毒", phone="85297777777", id=wamid("poison"))])) == 200


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_() -> None:
    raise SystemExit("a time limit struck")


def run_out_of_memory() -> None:
    raise MemoryError


def lose_the_database() -> None:
    raise OperationalError("server closed the connection unexpectedly")


class Poison:
    """A message at which the worker dies, is stopped, runs out of memory, or loses its database, however often it is taken."""

    def take(self, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], None], *, rounds: int = 6) -> list[int]:
        """What each of several workers ended with, leases running out in between."""
        real = pipeline._items

        def items(event: InboundEvent, connection: Any) -> list[Any]:
            if "毒".encode("unicode_escape") in pipeline.unpack(event):
                harm()
            return real(event, connection)

        arrive()
        ends = []
        with monkeypatch.context() as poisoned:
            poisoned.setattr(pipeline, "_items", items)
            for _ in range(rounds):
                ends.append(in_a_fork(everything))
                let_leases_run_out()
        return ends

    @pytest.mark.parametrize("harm", [die, exit_, run_out_of_memory], ids=lambda harm: harm.__name__)
    def test_is_parked_with_its_reason_after_three_attempts(self, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], None]) -> None:
        ends = self.take(monkeypatch, harm)
        assert sum(end != 0 for end in ends) <= pipeline.MAX_ATTEMPTS
        assert Message.objects.count() == GOOD
        parked = InboundItem.objects.get(state="parked")
        assert "3 times" in parked.reason or "cannot be opened" in parked.reason
        assert line().waiting == 0

    def test_is_taken_in_whole_when_it_is_replayed_after_the_repair(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.take(monkeypatch, die)
        assert ledger.replay(InboundItem.objects.filter(state="parked"), by="mei") == 1
        assert Message.objects.count() == GOOD + 1
        sums = line()
        assert (sums.parked, sums.waiting, sums.processed) == (0, 0, GOOD + 2)
        assert ledger.replay(InboundItem.objects.all(), by="mei") == 0
        assert Message.objects.count() == GOOD + 1

    def test_would_take_workers_down_for_ever_if_attempts_were_not_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with sabotaged("forget_attempts"):
            ends = self.take(monkeypatch, die)
        assert ends == [KILLED] * 6

    def test_of_a_database_that_breaks_off_stops_no_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ends = self.take(monkeypatch, lose_the_database)
        assert ends == [0] * 6
        assert Message.objects.count() == GOOD


class PoisonedSends:
    """A message at which the sender's own code stumbles, or its process is stopped between request and answer."""

    @pytest.mark.parametrize("harm", [exit_, die, run_out_of_memory], ids=lambda harm: harm.__name__)
    def test_are_never_sent_again_by_themselves(
        self, platform: RecordingPlatform, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], None]
    ) -> None:
        message = services.queue_message(conversation(), text="多謝", source="api", idempotency_key="poison").message

        def answered(name: str) -> None:
            if name == "outbox.answered":
                harm()

        with monkeypatch.context() as poisoned:
            poisoned.setattr(outbox, "crash_here", answered)
            for _ in range(4):
                in_a_fork(everything)
                let_leases_run_out()
        in_a_fork(everything)
        message.refresh_from_db()
        assert platform.accepted == {client_ref(message): 1}
        assert message.state == "unknown"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is put into the queue, which is only looked at here. Jobs registered by a test are forgotten after it."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(jobs, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "_drains", dict(jobs._drains))
    monkeypatch.setattr(jobs, "_periodics", dict(jobs._periodics))
    monkeypatch.setattr(jobs, "_enqueue", lambda path, *args: found.append((path, *args)))
    return found


def tick(asked: list[tuple[str, ...]]) -> None:
    """One tick, and the periodic jobs that it asks for."""
    jobs.tick()
    wanted = [job for job in asked if job[0].endswith("run_periodic")]
    asked.clear()
    for _, name in wanted:
        jobs.run_periodic(name)


@pytest.mark.usefixtures("asked")
class Drains:
    """The jobs behind the wake-ups."""

    @pytest.mark.parametrize("harm", [exit_, run_out_of_memory, lose_the_database], ids=lambda harm: harm.__name__)
    def test_that_break_off_give_their_slot_back(self, harm: Callable[[], None]) -> None:
        jobs.drain("broken")(lambda: harm())  # type: ignore[arg-type, return-value]
        for _ in range(2):
            with pytest.raises((SystemExit, MemoryError, OperationalError)):
                jobs.run_drain("broken")
        assert not DrainSlot.objects.filter(name="broken", lease_until__gt=clock.now()).exists()

    def test_return_nothing_that_a_queue_could_fail_to_store(self) -> None:
        jobs.drain("strange")(lambda: 0)
        assert jobs.run_drain("strange") is None
        assert jobs.run_periodic("expire leases") is None

    def test_asked_for_many_times_have_their_effects_once(self, platform: RecordingPlatform) -> None:
        """A queue that gives the same job out again, late or at once, changes nothing."""
        talk = conversation()
        for n in range(3):
            services.queue_message(talk, text=f"多謝 {n}", source="api", idempotency_key=f"again {n}")
        post(hong_kong(), body(hong_kong(), messages=[text_message("在嗎", id=wamid("again"))]))
        for name in ("inbound", "outbox", "outbox", "inbound", "outbox", "outbox"):
            assert in_a_fork(lambda name=name: jobs.run_drain(name)) == 0  # type: ignore[misc]
        assert sorted(platform.accepted.values()) == [1, 1, 1]
        assert Message.objects.filter(direction="in").count() == 1

    def test_of_names_that_no_longer_exist_harm_nobody(self) -> None:
        """A job that an earlier version left in the queue: it fails alone, and nothing is held for it."""
        with pytest.raises(KeyError):
            jobs.run_drain("renamed since")
        jobs.run_periodic("renamed since")
        assert not DrainSlot.objects.filter(name="renamed since").exists()


class Periodics:
    def test_that_fail_are_reported_and_stop_no_other(self, asked: list[tuple[str, ...]]) -> None:
        ran: list[str] = []

        def broken() -> None:
            raise ZeroDivisionError("no bad cron")

        jobs.periodic("a broken one", every=10)(broken)
        jobs.periodic("a good one", every=10)(lambda: ran.append("good"))
        with clock.frozen(datetime(2026, 11, 18, 4, tzinfo=UTC)):
            for _ in range(3):
                tick(asked)
                clock.advance(timedelta(seconds=10))
        assert ran == ["good"] * 3
        assert "no bad cron" in Timetable.objects.get(pk="a broken one").last_error
        assert Timetable.objects.get(pk="a good one").last_error == ""

    def test_missed_for_six_hours_run_once(self, platform: RecordingPlatform, asked: list[tuple[str, ...]]) -> None:
        """And what was queued before goes out once each, not once for each run that was missed."""
        ran: list[str] = []
        for name in jobs.periodics():
            jobs._periodics[name] = jobs.Periodic(name, lambda name=name: ran.append(name), jobs._periodics[name].every)  # type: ignore[misc]
        talk = conversation()
        for n in range(3):
            services.queue_message(talk, text=f"明日見 {n}", source="agent", idempotency_key=f"before {n}")
        with clock.frozen(clock.now()):
            tick(asked)
            ran.clear()
            clock.advance(timedelta(hours=6))
            tick(asked)
            due = {name for name, spec in jobs.periodics().items() if spec.every <= 6 * 3600}
            assert sorted(name for name in ran if name in due) == sorted(due)
            assert len(ran) == len(set(ran))
            everything()
        assert sorted(platform.accepted.values()) == [1, 1, 1]
