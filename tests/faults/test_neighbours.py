"""Two of everything: workers whose clocks disagree, supervisors on one database, people who replay the same items; and nobody who wakes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.conversations import outbox, services
from scrm.conversations.models import Message
from scrm.core import clock, jobs
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.faults.mortal import RecordingPlatform, everything, in_a_fork
from tests.faults.sabotage import sabotaged
from tests.people import body, conversation, hong_kong, post, text_message, tokyo, wamid

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingPlatform:
    platform = RecordingPlatform(tmp_path / "accepted", outbox.channel_of)
    monkeypatch.setattr(outbox, "channel_of", platform)
    return platform


def all_at_once(work: Callable[[], None], count: int) -> list[Exception]:
    """The errors that any of `count` threads met, each with a database connection of its own."""
    barrier, errors = threading.Barrier(count), []

    def one() -> None:
        try:
            barrier.wait(30)
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


class WrongClocks:
    """A worker's clock is an hour fast or slow, and it works beside one that is right."""

    @pytest.mark.parametrize("skew", [HOUR, -HOUR], ids=["fast", "slow"])
    def test_of_a_worker_lose_nothing_and_send_nothing_twice(self, platform: RecordingPlatform, skew: timedelta) -> None:
        talk = conversation()
        for n in range(6):
            services.queue_message(talk, text=f"多謝 {n}", source="agent", idempotency_key=f"clock {n}")
            post(hong_kong(), body(hong_kong(), messages=[text_message(f"{n}", phone=f"8529100000{n}", id=wamid(n))]))
        with clock.frozen(clock.now() + skew):
            held = (pipeline.claim(3), outbox.claim(1))  # and then it is slow
        everything()
        with clock.frozen(clock.now() + skew):
            pipeline.process(held[0])
            for claim in held[1]:
                outbox.send(claim)
            everything()
        with clock.frozen(clock.now() + 2 * HOUR):
            everything()
        assert sorted(platform.accepted.values()) == [1] * 6
        assert Message.objects.filter(direction="in").count() == 6
        assert not InboundEvent.objects.exclude(state="done").exists()
        assert all(line.balanced for line in ledger.sums())

    def test_of_a_worker_would_be_noticed_without_the_fence(self, platform: RecordingPlatform) -> None:
        services.queue_message(conversation(), text="多謝", source="agent", idempotency_key="clock")
        with sabotaged("no_fence"):
            (claim,) = outbox.claim(1)
            with clock.frozen(clock.now() + HOUR):
                everything()
            outbox.send(claim)
        assert max(platform.accepted.values()) == 2


class TwoSupervisors:
    """Two hosts, one database: each asks for ticks, restarts its own cluster, and empties the queue when it does."""

    def test_start_each_periodic_job_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        monkeypatch.setattr(jobs, "_enqueue", lambda path, *args: asked.extend(args if path.endswith("run_periodic") else ()))
        errors = all_at_once(jobs.tick, 4)
        assert errors == []
        assert sorted(asked) == sorted(jobs.periodics())

    def test_lose_no_work_when_one_empties_the_queue(self, platform: RecordingPlatform, settings: Any) -> None:
        from django_q.models import OrmQ

        settings.JOBS_ENABLED = True
        post(hong_kong(), body(hong_kong(), messages=[text_message("在嗎", id=wamid("queue"))]))
        services.queue_message(conversation(), text="在的", source="agent", idempotency_key="queue")
        assert OrmQ.objects.exists()
        jobs.forget_all_asked()
        jobs.ask_for_tick()
        settings.JOBS_ENABLED = False
        run_asked_for()
        assert (Message.objects.filter(direction="in").count(), sum(platform.accepted.values())) == (1, 1)


def run_asked_for() -> None:
    """What a cluster does: take what is in the queue, until nothing is."""
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    jobs.LINGER_SECONDS, before = 0.0, jobs.LINGER_SECONDS
    try:
        for _ in range(5):
            for row in list(OrmQ.objects.order_by("id")):
                package = SignedPackage.loads(row.payload)
                name = str(package["func"]).rpartition(".")[2]
                getattr(jobs, name)(*package["args"])
                row.delete()
    finally:
        jobs.LINGER_SECONDS = before


class LostWakeUps:
    """The body is stored, the row committed, and the process dies before it has woken anybody: the next tick finds both."""

    def run(self) -> tuple[int, int]:
        with pytest.MonkeyPatch.context() as deaf:
            deaf.setattr(jobs, "wake", lambda name: None)
            post(hong_kong(), body(hong_kong(), messages=[text_message("喂?", id=wamid("unheard"))]))
            services.queue_message(conversation(), text="請稍等", source="agent", idempotency_key="unheard")
            jobs.tick()
            run_asked_for()
        return Message.objects.filter(direction="in").count(), Message.objects.filter(state="accepted").count()

    def test_are_made_good_by_the_next_tick(self, platform: RecordingPlatform) -> None:
        assert self.run() == (1, 1)

    def test_would_leave_work_lying_without_it(self, platform: RecordingPlatform) -> None:
        with sabotaged("no_sweep"):
            assert self.run() == (0, 0)


class Replays:
    """Several people press 'replay' at the same items at once."""

    ITEMS, PEOPLE = 8, 4

    def run(self) -> tuple[int, list[str]]:
        """Parked because their number was not connected; now it is. How many messages there are afterwards, and what was answered."""
        row = tokyo()
        Connection.objects.filter(pk=row.pk).update(account_id="not yet")
        for n in range(self.ITEMS):
            said = text_message(f"予約 {n}", phone=f"81901234567{n}", id=wamid(f"parked {n}"))
            assert post(row, body(row, messages=[said])) == 200
        everything()
        assert InboundItem.objects.filter(state="parked").count() == self.ITEMS
        Connection.objects.filter(pk=row.pk).update(account_id=row.account_id)
        rows = list(InboundItem.objects.filter(state="parked").select_related("event"))
        answers: list[str] = []
        assert all_at_once(lambda: answers.extend(pipeline.replay_item(each) for each in rows), self.PEOPLE) == []
        return Message.objects.count(), [answer for answer in answers if answer]

    def test_have_each_effect_once(self) -> None:
        assert self.run() == (self.ITEMS, [])
        (line,) = (each for each in ledger.sums() if each.connection_slug == "jp")
        assert (line.balanced, line.processed, line.parked) == (True, self.ITEMS, 0)
        assert events.Event.objects.filter(kind="message.received").count() == self.ITEMS

    def test_would_run_into_each_other_if_the_row_were_not_asked(self) -> None:
        """The message's own unique key stands behind it, so the second attempt breaks off instead of doubling."""
        with sabotaged("replay_blindly"):
            count, answers = self.run()
        assert (count, len(answers)) == (self.ITEMS, self.ITEMS * (self.PEOPLE - 1))


class WorkersThatDie:
    def test_while_downloading_leave_the_file_to_the_next(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
        """kill -9 between the platform's bytes and our row: fetched again when the claim is over, stored once."""
        from connectors.contracts import Media
        from scrm.conversations import media
        from scrm.conversations.models import Attachment

        settings.MEDIA_ROOT = str(tmp_path)
        picture = {"mime_type": "image/jpeg", "sha256": "x", "id": "1003383421387256"}
        said = text_message("", id=wamid("picture")) | {"type": "image", "image": picture}
        del said["text"]
        post(hong_kong(), body(hong_kong(), messages=[said]))
        pipeline.drain()

        class Slow:
            def __init__(self, harm: Callable[[], object]) -> None:
                self.harm = harm

            def download(self, ref: Any) -> Media:
                self.harm()
                return Media(content=b"\xff\xd8\xff\xe0 jpeg", mime_type="image/jpeg", sha256="ab" * 32)

        def die() -> None:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(media, "channel_of", lambda connection: Slow(die))
        assert in_a_fork(media.fetch_due) == -9
        assert Attachment.objects.get().state == "waiting"
        monkeypatch.setattr(media, "channel_of", lambda connection: Slow(lambda: None))
        with clock.frozen(clock.now() + timedelta(minutes=10)):
            assert media.fetch_due() == 1
        row = Attachment.objects.get()
        assert (row.state, row.attempts) == ("stored", 2)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [Path(row.file.path)]
