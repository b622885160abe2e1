"""Backups are made every night without anybody's doing, and somebody is told when they are not."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from scrm.connections.backup_watch import look_at_backups
from scrm.connections.models import Alert
from scrm.connections.sentences import worded
from scrm.core import backups, clock
from scrm.core.models import BackupRun

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 18, 20, 0, tzinfo=UTC)  # 04:00 in Hong Kong


def run(state: str = "done", **fields: Any) -> BackupRun:
    now = clock.now()
    return BackupRun.objects.create(**{"place": "x", "state": state, "started_at": now, "touched_at": now, "ended_at": now} | fields)


def alerts() -> set[str]:
    return set(Alert.objects.filter(closed_at=None, key__startswith="backup:").values_list("key", flat=True))


class Nightly:
    def test_runs_once_a_night_and_again_after_a_failure(self, where: str, settings: Any) -> None:
        settings.TIME_ZONE, settings.BACKUP_HOUR = "Asia/Hong_Kong", 3
        with clock.frozen(NIGHT):
            assert backups.is_due()
            row = run()
            assert not backups.is_due()
            clock.advance(timedelta(hours=22))
            assert not backups.is_due()
            clock.advance(timedelta(hours=2))
            assert backups.is_due()
            BackupRun.objects.filter(pk=row.pk).update(state="failed", started_at=clock.now())
            assert not backups.is_due()
            clock.advance(timedelta(hours=1, seconds=1))
            assert backups.is_due()
            settings.BACKUP_URL = ""
            assert not backups.is_due()

    def test_that_cannot_even_begin_is_on_record(self, where: str) -> None:
        backups.start([sys.executable, "-c", "raise SystemExit('ImproperlyConfigured: SECRET_KEY is not set')"])
        row = BackupRun.objects.get()
        assert (row.state, row.error) == ("failed", "ImproperlyConfigured: SECRET_KEY is not set")

    def test_leaves_the_word_to_the_process(self, where: str) -> None:
        backups.start([sys.executable, "-c", "pass"])
        assert not BackupRun.objects.exists()

    def test_begins_when_due(self, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[list[str]] = []
        monkeypatch.setattr(backups, "start", started.append)
        backups.start_if_due()
        assert [command[2:] for command in started] == [["backup", "--background"]]
        run()
        backups.start_if_due()
        assert len(started) == 1


class Alarm:
    def test_is_raised_after_26_hours_and_ends_with_the_next_good_run(self, where: str) -> None:
        with clock.frozen(NIGHT):
            run()
            clock.advance(timedelta(hours=26))
            look_at_backups()
            assert alerts() == set()
            clock.advance(timedelta(seconds=1))
            look_at_backups()
            assert alerts() == {"backup:late"}
            run(state="running", ended_at=None)
            look_at_backups()
            assert alerts() == {"backup:late"}
            BackupRun.objects.filter(state="running").update(state="done")
            look_at_backups()
            assert alerts() == set()

    def test_is_raised_at_once_by_a_failure_and_by_damage(self, where: str) -> None:
        with clock.frozen(NIGHT):
            run(state="failed", error="segment abc is missing at the place")
            look_at_backups()
            assert alerts() == {"backup:failed"} and "segment abc" in Alert.objects.get().text
            clock.advance(timedelta(hours=27))
            run(state="failed", error="segment abc is missing at the place")
            look_at_backups()
            assert alerts() == {"backup:failed", "backup:late"}
            run(damaged=3)
            look_at_backups()
            assert alerts() == {"backup:damaged"} and "3 segments" in Alert.objects.get(key="backup:damaged").text
            clock.advance(timedelta(seconds=1))
            run()
            look_at_backups()
            assert alerts() == set()

    def test_ends_when_no_backups_are_wanted_any_more(self, where: str, settings: Any) -> None:
        run(state="failed", error="x")
        look_at_backups()
        settings.BACKUP_URL = ""
        look_at_backups()
        assert alerts() == set()

    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_is_read_in_the_readers_language(self, where: str, language: str) -> None:
        run(state="failed", error="disk full")
        look_at_backups()
        alert = Alert.objects.get()
        with translation.override(language):
            assert worded(alert.text) != alert.text and "disk full" in worded(alert.text) and worded(alert.advice) != alert.advice
