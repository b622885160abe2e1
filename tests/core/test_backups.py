"""A backup is whole or there is none; what has not changed is not sent; a restore gives back every row or leaves the database empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.contacts.privacy import erasure
from scrm.conversations.models import Message
from scrm.core import backups, clock
from scrm.core.backup import restoring, running, tables
from scrm.core.backup.places import InStorage, place, shown
from scrm.core.backup.running import backup, manifests, newest_manifest, segments_of
from scrm.core.backup.sealing import BackupError, seal
from scrm.core.models import BackupRun
from tests.contacts.privacy.seeding import Seed, seed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def where(settings: Any, tmp_path: Path) -> Iterator[str]:
    for name in ("MEDIA_ROOT", "SPOOL_DIR", "EXPORTS_DIR"):
        setattr(settings, name, str(tmp_path / name.lower()))
    settings.EXPORTS_DIR = Path(settings.EXPORTS_DIR)
    settings.SPOOL_DIR = Path(settings.SPOOL_DIR)
    settings.BACKUP_KEY = Fernet.generate_key().decode()
    settings.BACKUP_URL = f"file://{tmp_path}/backups"
    yield settings.BACKUP_URL


def everything() -> dict[str, bytes]:
    """Each table as a backup reads it."""
    told = {}
    for model in tables.tables():
        parts = [tables.lines(model, part, connection)[0] for part in tables.ranges(model, connection)]
        told[model._meta.label_lower] = b"".join(parts)
    return told


def empty() -> None:
    """As after `migrate`, but for what migrate fills."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        for table in [*(model._meta.db_table for model in tables.tables()), "contacts_search", "conversations_search"]:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


@pytest.fixture
def seeded(where: str) -> Seed:
    made = seed(10)
    default_storage.save("attachments/cream.jpg", ContentFile(b"\xff\xd8" + b"x" * 1000))
    return made


class ThereAndBack:
    def test_gives_back_every_row_file_secret_and_search(self, seeded: Seed, where: str) -> None:
        before = everything()
        found = sorted(Message.objects.search("護手霜").values_list("pk", flat=True))
        people = sorted(Contact.objects.search(seeded.neighbour.name).values_list("pk", flat=True))
        run = backup()
        assert run.state == "done" and run.rows > 100 and run.files >= 1 and run.verified >= run.segments_sent == run.segments
        empty()
        for name in list(running.stored_files(default_storage, "")):
            default_storage.delete(name)
        out = StringIO()
        call_command("restore", "--into-empty", "--format", "json", stdout=out)
        assert json.loads(out.getvalue())["rows"] == run.rows
        assert everything() == before
        assert Connection.objects.get(slug="hk").secrets["access_token"] == "EAAtest"
        assert default_storage.open("attachments/cream.jpg").read() == b"\xff\xd8" + b"x" * 1000
        assert found and sorted(Message.objects.search("護手霜").values_list("pk", flat=True)) == found
        assert sorted(Contact.objects.search(seeded.neighbour.name).values_list("pk", flat=True)) == people
        newest = Contact.objects.order_by("-pk")[0].pk
        assert (
            Contact.objects.create(name="林怡君", last_activity_at=clock.now(), created_at=clock.now(), updated_at=clock.now()).pk > newest
        )

    def test_keeps_the_erased_erased(self, seeded: Seed, where: str) -> None:
        backup()
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        empty()
        restoring.restore()
        assert not Contact.objects.filter(pk__in=[seeded.contact.pk, seeded.duplicate.pk]).exists()
        assert Contact.objects.filter(pk=seeded.neighbour.pk).exists()

    def test_shows_nothing_to_who_has_no_key(self, seeded: Seed, where: str, tmp_path: Path) -> None:
        backup()
        raw = b"".join(path.read_bytes() for path in (tmp_path / "backups").rglob("*") if path.is_file())
        assert raw and not any(mark.encode() in raw for mark in seeded.marks)


class Sending:
    def test_sends_only_what_is_new_or_changed(self, seeded: Seed, where: str) -> None:
        first = backup()
        second = backup()
        assert first.segments_sent == first.segments == second.segments and second.segments_sent == 0
        assert second.verified == min(running.SAMPLE, second.segments)
        Contact.objects.filter(pk=seeded.neighbour.pk).update(company="海港貿易")
        default_storage.save("attachments/new.pdf", ContentFile(b"%PDF"))
        assert backup().segments_sent == 2

    @pytest.mark.parametrize("dies_at", [0, 1, 7, "manifest"])
    def test_that_dies_is_no_backup_and_the_next_run_goes_on(
        self, seeded: Seed, where: str, dies_at: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = iter(range(10_000))

        def die(name: str) -> None:
            if name == f"backup.{dies_at}" or (name == "backup.segment" and next(calls) == dies_at):
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(running, "crash_here", die)
            with pytest.raises(KeyboardInterrupt):
                backup()
        left = len(list(place(where).names("segments/")))
        assert left > 0 and not manifests(place(where)) and BackupRun.objects.get().state == "failed"
        run = backup()
        assert run.segments_sent == run.segments - left and run.verified >= run.segments

    def test_half_a_segment_is_sent_again(self, seeded: Seed, where: str) -> None:
        run = backup()
        to = place(where)
        name = next(to.names("segments/"))
        to.put(name, (to.get(name) or b"")[:-7])
        for manifest in manifests(to):
            to.remove(manifest)
        assert backup().segments_sent == 1 and run.segments > 1

    def test_waits_for_another_run_unless_it_is_dead(self, seeded: Seed, where: str) -> None:
        now = clock.now()
        BackupRun.objects.create(place="x", started_at=now, touched_at=now)
        with pytest.raises(BackupError, match="under way"):
            backup()
        BackupRun.objects.update(touched_at=now - running.SILENT - timedelta(seconds=1))
        assert backup().state == "done" and BackupRun.objects.filter(state="failed").count() == 1

    def test_notices_what_was_damaged_since(self, seeded: Seed, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "SAMPLE", 10_000)
        backup()
        to = place(where)
        name = next(to.names("segments/"))
        body = to.get(name) or b""
        to.put(name, body[:50] + bytes([body[50] ^ 1]) + body[51:])
        with pytest.raises(BackupError, match="not what was written"):
            backup()
        assert "not what was written" in BackupRun.objects.order_by("-pk")[0].error
        with pytest.raises(CommandError, match="not what was written"):
            call_command("backup", "--check")

    def test_removes_what_is_too_old_and_what_nobody_names(self, seeded: Seed, where: str) -> None:
        backup()
        Contact.objects.filter(pk=seeded.neighbour.pk).update(company="海港貿易")
        with clock.frozen(clock.now() + timedelta(days=36)):
            backup()
        to = place(where)
        newest = newest_manifest(to, seal())
        assert len(manifests(to)) == 1 and newest is not None
        assert {name.rpartition("/")[2] for name in to.names("segments/")} == {segment[0] for segment in segments_of(newest)}


class Restoring:
    def test_refuses_a_database_that_holds_data(self, seeded: Seed, where: str) -> None:
        backup()
        before = everything()
        with pytest.raises(BackupError, match="holds data"):
            restoring.restore()
        with pytest.raises(CommandError, match="--into-empty"):
            call_command("restore")
        assert everything() == before

    def test_leaves_an_empty_database_when_a_segment_is_damaged(self, seeded: Seed, where: str) -> None:
        backup()
        empty()
        to = place(where)
        for name in list(to.names("segments/"))[:1]:
            to.put(name, b"x")
        with pytest.raises(BackupError):
            restoring.restore()
        assert not Contact.objects.exists() and not Message.objects.exists()

    def test_that_dies_can_be_called_again(self, seeded: Seed, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        before = everything()
        backup()
        empty()

        def die(name: str) -> None:
            if name == "restore.end":
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(restoring, "crash_here", die)
            with pytest.raises(KeyboardInterrupt):
                restoring.restore()
        assert not Contact.objects.exists()
        restoring.restore()
        assert everything() == before

    def test_refuses_another_version(self, seeded: Seed, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        backup()
        ours = running.applied_migrations(connection)
        empty()
        monkeypatch.setattr(restoring, "applied_migrations", lambda _: ours[1:])
        with pytest.raises(BackupError, match="install that version"):
            restoring.restore()
        monkeypatch.setattr(restoring, "applied_migrations", lambda _: [*ours, ["core", "9999_later"]])
        with pytest.raises(BackupError, match=r"core\.9999_later"):
            restoring.restore()

    def test_refuses_another_key_and_an_empty_place(self, seeded: Seed, where: str, settings: Any) -> None:
        with pytest.raises(BackupError, match="no backup"):
            restoring.restore()
        backup()
        settings.BACKUP_KEY = Fernet.generate_key().decode()
        with pytest.raises(BackupError, match="BACKUP_KEY"):
            restoring.restore()


class Nightly:
    def test_runs_once_a_night_and_again_after_a_failure(self, where: str, settings: Any) -> None:
        settings.TIME_ZONE, settings.BACKUP_HOUR = "Asia/Hong_Kong", 3
        with clock.frozen(datetime(2026, 11, 18, 20, 0, tzinfo=UTC)):  # 04:00 in Hong Kong
            assert backups.is_due()
            row = BackupRun.objects.create(place="x", started_at=clock.now(), touched_at=clock.now(), state="done")
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


class Places:
    @pytest.mark.parametrize("url", ["", "ftp://x/y", "file://", "storage:nowhere", "mysql://h/"])
    def test_refuses_what_it_does_not_know(self, url: str) -> None:
        with pytest.raises(BackupError):
            place(url)

    def test_shows_no_password(self) -> None:
        assert shown("postgresql://scrm:geheim@db.example.com:5432/b?sslmode=require") == "postgresql://db.example.com:5432/b"

    def test_of_every_kind_keep_names_and_bytes(self, tmp_path: Path) -> None:
        keeps(place(f"file://{tmp_path}/x"))
        keeps(place("storage:default"))

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL is not this run's database; its run does it")
    def test_in_postgresql_keep_names_and_bytes(self) -> None:
        told = connection.get_connection_params()
        keeps(place(f"postgresql://{told['user']}@/{told['dbname']}?host={told['host']}"))


def keeps(to: Any) -> None:
    big = bytes(range(256)) * 20_000
    to.put("segments/ab/abc", big)
    to.put("segments/ab/abc", big + b"1")
    to.put("segments/cd/cde", b"")
    to.put("manifests/1", b"m")
    assert to.get("segments/ab/abc") == big + b"1" and to.get("segments/cd/cde") == b"" and to.get("segments/zz/none") is None
    assert list(to.names("segments/")) == ["segments/ab/abc", "segments/cd/cde"] and list(to.names("manifests/")) == ["manifests/1"]
    for name in [*to.names("segments/"), *to.names("manifests/")]:
        to.remove(name)
    assert (list(to.names("segments/")) == [] and isinstance(to, InStorage)) or list(to.names("segments/")) == []
    to.close()
