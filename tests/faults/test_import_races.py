"""Two imports at the same time of files that name the same people."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from scrm.contacts.importing import results, running
from scrm.contacts.models import Contact, Identity, Import
from scrm.core.models import AuditEntry
from tests.contacts.import_files import people, table, upload

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 60


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> list[Import]:
    """Two imports that were started, of files that share thirty people and go through them in opposite directions."""
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, str(tmp_path / "media")
    monkeypatch.setattr(running, "chunk_size", lambda: 9)
    monkeypatch.setattr(running, "ATTEMPTS", 30)
    head, *rows = people(PEOPLE)
    # Neither names an id: people are known by their numbers and addresses.
    found = [upload(table([head, *([("", *row[1:]) for row in part])])) for part in (rows[:45], rows[:14:-1])]
    for run in found:
        assert running.check(run)
        running.run_to_end(run)
    for run in found:
        assert running.start(run, by="mei")
    return found


def check_everybody(runs: list[Import]) -> None:
    """Each person once, and no row of either file lost."""
    assert {each.state for each in Import.objects.all()} == {Import.State.DONE}
    assert Contact.objects.count() == PEOPLE
    assert Identity.objects.filter(kind="phone").count() == Identity.objects.filter(kind="email").count() == PEOPLE
    counts = [results.counts(run) for run in runs]
    assert sum(each["created"] for each in counts) == PEOPLE
    assert [sum(each[name] for name in ("created", "updated", "unchanged", "bad")) for each in counts] == [45, 45]
    assert sum(each["bad"] for each in counts) == 0


class ImportsAtOnce:
    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: the second import waits for the first")
    def test_of_overlapping_files_make_each_person_once(self, runs: list[Import]) -> None:
        begin = threading.Barrier(2)

        def load(run: Import) -> None:
            try:
                begin.wait(20)
                running.run_to_end(run)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=load, args=(Import.objects.get(pk=run.pk),)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        check_everybody(runs)

    def test_that_take_turns_make_each_person_once(self, runs: list[Import]) -> None:
        for _ in range(40):
            for run in runs:
                run.refresh_from_db()
                if run.state == Import.State.RUNNING:
                    running.work_on(run)
        check_everybody(runs)


class StartsAtOnce:
    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: one press waits for the other")
    def test_of_one_import_start_it_once(self, settings: Any, tmp_path: Path) -> None:
        settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, str(tmp_path / "media")
        run = upload(table(people(20)))
        running.check(run)
        running.run_to_end(run)
        begin, started = threading.Barrier(8), []

        def press() -> None:
            try:
                begin.wait(20)
                started.append(running.start(Import.objects.get(pk=run.pk), by="mei"))
                running.run_to_end(Import.objects.get(pk=run.pk))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=press) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(started) == [False] * 7 + [True]
        assert AuditEntry.objects.filter(action="contacts.imported").count() == 1
        assert Contact.objects.count() == results.counts(run)["created"] == 20
