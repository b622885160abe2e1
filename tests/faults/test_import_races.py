"""Two imports at the same time of files that name the same people."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from scrm.contacts.importing import results, running
from scrm.contacts.models import Contact, Identity, Import
from tests.contacts.import_files import people, table, upload

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 60


class ImportsAtOnce:
    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: the second import waits for the first")
    def test_of_overlapping_files_make_each_person_once(self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
        settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, str(tmp_path / "media")
        monkeypatch.setattr(running, "chunk_size", lambda: 9)
        monkeypatch.setattr(running, "ATTEMPTS", 30)
        head, *rows = people(PEOPLE)
        # The second file goes the other way round, and neither names an id: people are known by their numbers and addresses.
        tables = [table([head, *([("", *row[1:]) for row in part])]) for part in (rows[:45], rows[:14:-1])]
        runs = []
        for data in tables:
            run = upload(data)
            assert running.check(run)
            running.run_to_end(run)
            runs.append(run)
        for run in runs:
            assert running.start(run, by="mei")
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
        assert {each.state for each in Import.objects.all()} == {Import.State.DONE}
        assert Contact.objects.count() == PEOPLE
        assert Identity.objects.filter(kind="phone").count() == Identity.objects.filter(kind="email").count() == PEOPLE
        assert sum(results.counts(run)["created"] for run in runs) == PEOPLE
