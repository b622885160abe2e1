"""kill -9 at each named point of the way in and the way out. Afterwards every effect is there exactly once.

Counted from the platform's own record. A message whose sender died between the platform's answer and our note of it stays `unknown`:
it is never sent again by itself, and its status settles it.
"""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from scrm.automation.models import Rule
from scrm.conversations import outbox, services
from scrm.conversations.models import Message
from scrm.conversations.statuses import client_ref
from scrm.core import clock
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent
from tests.faults.mortal import KILLED, RecordingPlatform, everything, in_a_fork, let_leases_run_out
from tests.faults.sabotage import sabotaged
from tests.people import body, conversation, hong_kong, post, status, text_message, wamid

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
POINTS = ("webhook.stored", "intake.claimed", "intake.applied", "outbox.claimed", "outbox.sending", "outbox.answered")
# Held in test_merging_faults.py and test_people_faults.py.
OF_MERGES = ("merging.joined", "merging.parted", "merging.written")
# Held in test_sync_deaths.py.
OF_SYNC = ("pull.read", "pull.page", "pull.committed", "push.read", "push.written", "push.stored", "verify.chunk")
# Held in test_history_faults.py.
OF_HISTORY = ("history.step", "history.expire")
# Held in test_backup_faults.py.
OF_BACKUPS = ("backup.segment", "backup.manifest", "backup.written", "restore.rows", "restore.end")
OF_PEOPLE = ("import.chunk", "import.chunk_done", "import.undo", "erasure.ledger", "erasure.end")


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingPlatform:
    platform = RecordingPlatform(tmp_path / "accepted", outbox.channel_of)
    monkeypatch.setattr(outbox, "channel_of", platform)
    return platform


def arrive(text: str = "我嘅單去咗邊?", name: str = "first") -> None:
    """A customer's message, which a rule answers with one of its own."""
    hong_kong()
    Rule.objects.get_or_create(
        name="echo",
        defaults={"trigger": "message.received", "action": "reply", "options": {"text": "收到"}, "enabled": True, "settle_seconds": 0},
    )
    in_a_fork(lambda: post(hong_kong(), body(hong_kong(), messages=[text_message(text, id=wamid(name))])))


def die_at(point: str) -> None:
    def work() -> None:
        if point.startswith("webhook"):
            post(hong_kong(), body(hong_kong(), messages=[text_message("我嘅單去咗邊?", id=wamid("first"))]))
        everything()

    arrive() if not point.startswith("webhook") else hong_kong()
    assert in_a_fork(work, crash_at=point) == KILLED
    if point.startswith("webhook"):
        arrive()  # the platform had no answer and posts again


def recover() -> None:
    let_leases_run_out()
    for _ in range(2):
        assert in_a_fork(everything) == 0


class CrashPoints:
    def test_are_all_known_here(self) -> None:
        found = {name for file in (ROOT / "scrm").rglob("*.py") for name in re.findall(r'crash_here\("([\w.]+)"\)', file.read_text())}
        assert found == {*POINTS, *OF_MERGES, *OF_PEOPLE, *OF_SYNC, *OF_HISTORY, *OF_BACKUPS}

    @pytest.mark.parametrize("point", POINTS)
    def test_leave_every_effect_exactly_once(self, point: str, platform: RecordingPlatform) -> None:
        die_at(point)
        recover()
        assert Message.objects.filter(direction="in").count() == 1
        answer = Message.objects.get(direction="out")
        assert all(line.balanced and not line.waiting and not line.parked for line in ledger.sums())
        if point in {"outbox.sending", "outbox.answered"}:
            assert answer.state == "unknown"
            assert platform.accepted[client_ref(answer)] == (point == "outbox.answered")
        else:
            assert (answer.state, platform.accepted) == ("accepted", {client_ref(answer): 1})

    def test_with_an_unknown_outcome_are_settled_by_the_status(self, platform: RecordingPlatform) -> None:
        die_at("outbox.answered")
        recover()
        answer = Message.objects.get(direction="out")
        assert post(hong_kong(), body(hong_kong(), statuses=[status("wamid.X", "delivered", ref=client_ref(answer))])) == 200
        recover()
        answer.refresh_from_db()
        assert (answer.state, answer.external_id, sum(platform.accepted.values())) == ("delivered", "wamid.X", 1)

    def test_would_send_twice_if_unknown_ones_were_sent_again(self, platform: RecordingPlatform) -> None:
        with sabotaged("resend_unknown"):
            die_at("outbox.answered")
            recover()
        assert max(platform.accepted.values()) == 2


class StalledWorkers:
    """A worker that slept beyond its lease wakes up while another has sent its message."""

    def wake_up_late(self, platform: RecordingPlatform) -> int:
        services.queue_message(conversation(), text="多謝您嘅查詢", source="api", idempotency_key="stalled")
        (stale,) = outbox.claim(5)
        with clock.frozen(clock.now() + outbox.LEASE + timedelta(seconds=1)):
            outbox.expire_leases()
            assert outbox.send_due() == 1
            outbox.send(stale)
        return sum(platform.accepted.values())

    def test_send_nothing(self, platform: RecordingPlatform) -> None:
        assert self.wake_up_late(platform) == 1

    def test_would_send_without_the_fence(self, platform: RecordingPlatform) -> None:
        with sabotaged("no_fence"):
            assert self.wake_up_late(platform) == 2


class SameEvent:
    """32 threads post the same events at once while several workers take them in."""

    THREADS, EVENTS = 32, 6

    def test_is_one_message(self) -> None:
        connection = hong_kong()
        raws = [
            body(connection, messages=[text_message(f"{n}", id=wamid(f"same {n}"), phone=f"8529100000{n}")]) for n in range(self.EVENTS)
        ]
        barrier, answers = threading.Barrier(self.THREADS), []

        def poster() -> None:
            client = Client()
            for raw in raws:
                barrier.wait(60)
                answers.append(post(connection, raw, client=client))
            connections.close_all()

        self.all_at_once(poster, self.THREADS)
        assert answers == [200] * self.THREADS * self.EVENTS
        failures: list[Exception] = []
        self.all_at_once(lambda: self.take_in(failures), 3)
        assert failures == []
        assert Message.objects.count() == self.EVENTS
        (line,) = (line for line in ledger.sums() if line.connection_slug == "hk")
        assert (line.balanced, line.received, line.processed) == (True, self.THREADS * self.EVENTS, self.EVENTS)
        assert not InboundEvent.objects.exclude(state="done").exists()

    def take_in(self, failures: list[Exception]) -> None:
        try:
            while pipeline.drain():
                pass
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    def all_at_once(self, work: Any, count: int) -> None:
        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
