"""kill -9 while old text is compressed and while too old messages are removed. Called again, both end as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from scrm.conversations import history, retention
from scrm.conversations.models import HistoryBlock, HistorySweep, Message
from scrm.core import clock
from tests.conversations.test_history import LATELY, NOON, in_rows, stored_bytes, talk
from tests.core.backup.kit import forget_words
from tests.faults.mortal import KILLED, in_a_fork

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_steps(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(history, "STEP_CONVERSATIONS", 1)
    monkeypatch.setattr(history, "STEP_MESSAGES", 10)
    monkeypatch.setattr(retention, "CHUNK", 10)
    yield
    forget_words()


def said() -> list[tuple[int, str, Any]]:
    """What everybody reads, wherever it lies."""
    return [(row.pk, row.text, row.content) for row in Message.objects.order_by("pk")]


def to_the_end() -> None:
    sweep = history.begin(wait=timedelta(0))
    while sweep is not None and history.step(sweep):
        pass


def killed_in_step(module: Any, nth: int, work: Callable[[], object], point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = module.crash_here, iter(range(1, 1000))
    with monkeypatch.context() as patched:
        patched.setattr(module, "crash_here", lambda name: real(name) if next(calls) == nth else None)
        assert in_a_fork(work, crash_at=point) == KILLED


class Compressing:
    @pytest.mark.parametrize("nth", [1, 2, 4])
    def test_killed_in_a_step_loses_no_word_and_goes_on(self, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
        with clock.frozen(NOON):
            talk(15)
            talk(15, phone="85298765432")
            talk(3, phone="85255556666", at=LATELY)
            before = said()
            killed_in_step(history, nth, to_the_end, "history.step", monkeypatch)
            # The step that died is undone; those before it stand.
            assert said() == before and (HistoryBlock.objects.count() > 0) == (nth > 1)
            assert HistorySweep.objects.get().done_at is None
            to_the_end()
            assert said() == before and HistorySweep.objects.get().done_at is not None
            emptied = {pk for pk, (text, _) in in_rows().items() if not text}
            assert len(emptied) == 30 and all(text in stored_bytes() for pk, text, _ in before if pk in emptied)
            assert sum(block.messages for block in HistoryBlock.objects.all()) == 30


class Expiring:
    @pytest.mark.parametrize("nth", [1, 2])
    def test_killed_in_a_chunk_removes_nothing_young_and_goes_on(self, nth: int, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.HISTORY_KEEP_DAYS = 180
        with clock.frozen(NOON):
            talk(25, at=NOON - timedelta(days=200))
            young = talk(5, phone="85298765432", at=LATELY)
            killed_in_step(retention, nth, retention.expire, "history.expire", monkeypatch)
            assert Message.objects.count() == 30 - 10 * (nth - 1)
            assert retention.expire() == 25 - 10 * (nth - 1)
            assert sorted(Message.objects.values_list("pk", flat=True)) == sorted(young)
