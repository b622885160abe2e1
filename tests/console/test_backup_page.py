"""The list of backups: what was saved, how large, when it was read back; and a word when none are made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from scrm.core import clock
from scrm.core.models import BackupRun
from tests.people import agent

pytestmark = pytest.mark.django_db
PAGE = "/admin/core/backuprun/"


@pytest.fixture
def client() -> Client:
    mei = agent()
    mei.user_permissions.add(Permission.objects.get(codename="view_backuprun"))
    client = Client()
    client.force_login(mei)
    return client


def run(**fields: Any) -> BackupRun:
    started = clock.now() - timedelta(minutes=5)
    given = {"place": "file:///backups", "state": "done", "started_at": started, "touched_at": started, "rows": 1234567, "files": 12}
    ended = started + timedelta(seconds=83)
    given |= {"ended_at": ended, "verified_at": ended, "bytes": 5 * 2**20, "bytes_sent": 2**20}
    return BackupRun.objects.create(**given | fields)


class List:
    def test_shows_each_run(self, client: Client, settings: Any) -> None:
        settings.BACKUP_URL = "file:///backups"
        run()
        run(state="failed", error="<b>No space</b> left on device", verified_at=None)
        page = client.get(PAGE).content.decode()
        assert all(words in page for words in ("1,234,567", "0:01:23", "5.0", "MB", "file:///backups", "Failed"))
        assert "&lt;b&gt;No space" in page and "BACKUP_URL is not set" not in page and "older than 26 hours" not in page

    def test_asks_as_much_for_many_as_for_one(self, client: Client, django_assert_max_num_queries: Any) -> None:
        for _ in range(30):
            run()
        with django_assert_max_num_queries(14):
            client.get(PAGE)

    def test_says_that_none_are_made_or_that_they_are_late(self, client: Client, settings: Any) -> None:
        assert "BACKUP_URL is not set" in client.get(PAGE).content.decode()
        settings.BACKUP_URL = "file:///backups"
        run(started_at=clock.now() - timedelta(hours=27))
        assert "older than 26 hours" in client.get(PAGE).content.decode()

    def test_is_for_those_who_may(self) -> None:
        client = Client()
        client.force_login(agent("ken"))
        assert client.get(PAGE).status_code == 403

    def test_one_run_says_all(self, client: Client) -> None:
        row = run(damaged=3)
        page = client.get(f"{PAGE}{row.pk}/change/")
        assert page.status_code == 200 and client.post(f"{PAGE}{row.pk}/change/", {"rows": 1}).status_code == 403

    @pytest.mark.parametrize(("language", "word"), [("ja", "バックアップ"), ("zh-hant", "備份"), ("zh-hans", "备份")])
    def test_speaks_the_readers_language(self, client: Client, language: str, word: str) -> None:
        run()
        assert word in client.get(PAGE, headers={"Accept-Language": language}).content.decode()
