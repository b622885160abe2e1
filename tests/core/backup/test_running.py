"""A backup is whole or there is none, and what has not changed is not sent."""

from __future__ import annotations

import json
import os
import socket
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from scrm.contacts.models import Contact
from scrm.conversations.models import Message
from scrm.core import clock
from scrm.core.backup import clearing, manifests, running, tables
from scrm.core.backup.places import place
from scrm.core.backup.running import backup
from scrm.core.backup.sealing import BackupError, seal
from scrm.core.models import BackupRun
from tests.contacts.privacy.seeding import Seed
from tests.core.backup.kit import SEARCH

pytestmark = pytest.mark.django_db(transaction=True)


class Sending:
    def test_says_what_was_done(self, contact: Contact, where: str) -> None:
        out = StringIO()
        call_command("backup", "--format", "json", stdout=out)
        told = json.loads(out.getvalue())
        run = BackupRun.objects.get()
        assert (told["rows"], told["files"], told["segments"]) == (run.rows, run.files, run.segments)
        assert run.state == "done" and run.rows > 100 and run.verified_at == run.ended_at and run.damaged == 0
        assert run.verified == run.segments_sent == run.segments and run.bytes == run.bytes_sent > 0
        assert run.rows == sum(tables.count(model, connection) for model in tables.tables())

    def test_sends_only_what_is_new_or_changed(self, contact: Contact, where: str) -> None:
        first, second = backup(), backup()
        assert first.segments_sent == first.segments == second.segments and second.segments_sent == 0
        assert (second.rows, second.files, second.bytes) == (first.rows, first.files, first.bytes)
        Contact.objects.filter(pk=contact.pk).update(company="海港貿易")
        assert backup().segments_sent == 1
        default_storage.save("attachments/2026/11/29/new.pdf", ContentFile(b"%PDF"))
        assert backup().segments_sent == 2  # the file, and the list of its folder

    def test_leaves_no_table_out(self, where: str) -> None:
        known = {model._meta.db_table for model in tables.tables()} | {"django_migrations"}
        left_out = {"core_heartbeat", "core_drain_slot", "core_timetable", "core_backup_run", "django_session"}
        there = set(connection.introspection.table_names())
        assert {name for name in there - known - left_out if not name.startswith(("django_q_", *SEARCH))} == set()

    def test_cuts_large_rows_into_pieces_of_bounded_size(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "PIECE_BYTES", 400)
        (part,) = tables.ranges(Message, connection)
        found = list(tables.pieces(Message, part, connection))
        rows = [line for plain, _ in found for line in plain.splitlines()]
        assert len(found) > 3 and len(rows) == sum(count for _, count in found) == Message.objects.count()
        assert all(len(plain) < 400 + max(map(len, rows)) + 1 for plain, _ in found)

    def test_sees_one_moment(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is written while tables are read is not in it, in no table."""
        real, before = running._table, Message.objects.count()

        def write_first(run: Any, model: Any, at: Any) -> dict[str, Any]:
            Contact.objects.filter(pk=contact.pk).update(company="海港貿易")
            Message.objects.filter(conversation__identity__contact=contact).update(text="later")
            Message.objects.filter(direction="out").delete()
            return real(run, model, at)

        monkeypatch.setattr(running, "_table", write_first)
        backup()
        to = place(where)
        manifest = manifests.newest(to, seal())
        assert manifest is not None and manifest["tables"]["conversations.message"]["rows"] == before
        plain = b"".join(manifests.fetch(to, seal(), segment) for segment in manifests.segments_of(manifest))
        assert "海港貿易".encode() not in plain and "想問護手霜 3".encode() in plain

    def test_shows_nothing_to_who_has_no_key(self, seed: Seed, where: str, tmp_path: Path) -> None:
        backup()
        raw = b"".join(path.read_bytes() for path in (tmp_path / "backups").rglob("*") if path.is_file())
        assert raw and not any(mark.encode() in raw for mark in seed.marks)

    def test_reads_no_more_of_a_file_that_is_removed_meanwhile(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real = default_storage._wrapped.get_modified_time if hasattr(default_storage, "_wrapped") else default_storage.get_modified_time

        def gone(name: str) -> Any:
            if name.endswith("cream.jpg"):
                default_storage.delete(name)
            return real(name)

        monkeypatch.setattr(default_storage, "get_modified_time", gone)
        assert backup().state == "done"


class Dying:
    def test_waits_for_another_run_unless_it_is_dead(self, contact: Contact, where: str) -> None:
        now = clock.now()
        other = BackupRun.objects.create(place="x", started_at=now, touched_at=now, holder="another:1")
        with pytest.raises(BackupError, match="under way"):
            backup()
        BackupRun.objects.filter(pk=other.pk).update(touched_at=now - running.SILENT - timedelta(seconds=1))
        assert backup().state == "done"
        other.refresh_from_db()
        assert other.state == "failed" and "died" in other.error

    def test_of_this_host_is_noticed_at_once(self, where: str) -> None:
        now = clock.now()
        BackupRun.objects.create(place="x", started_at=now, touched_at=now, holder=f"{socket.gethostname()}:{2**22 + 1}")
        assert backup().state == "done"
        BackupRun.objects.create(place="x", started_at=now, touched_at=now, holder=f"{socket.gethostname()}:{os.getppid()}")
        with pytest.raises(BackupError, match="under way"):
            backup()

    def test_taken_for_dead_it_stops_and_removes_nothing(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real = running._files

        def overtaken(*given: Any) -> Any:
            BackupRun.objects.update(state="failed")
            return real(*given)

        monkeypatch.setattr(running, "_files", overtaken)
        with pytest.raises(BackupError, match="taken for dead"):
            backup()
        assert not manifests.names(place(where)) and list(place(where).names("segments/"))

    def test_says_why(self, contact: Contact, where: str, settings: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        settings.BACKUP_URL = f"file://{tmp_path}/file/backups"
        with pytest.raises(CommandError, match="Not a directory"):
            call_command("backup")
        assert "Not a directory" in BackupRun.objects.get().error


class Damage:
    @pytest.mark.parametrize("cut", [slice(0, -7), slice(0, 0)])
    def test_is_found_within_a_fortnight_and_mended(self, contact: Contact, where: str, cut: slice) -> None:
        run = backup()
        to = place(where)
        for name in list(to.names("segments/")):
            to.put(name, (to.get(name) or b"")[cut])
        with pytest.raises(CommandError, match="damaged"):
            call_command("backup", "--check")
        mended = 0
        for day in range(1, clearing.READ_AGAIN_DAYS + 1):
            with clock.frozen(clock.now() + timedelta(days=day)):
                again = backup()
            assert again.segments_sent >= again.damaged
            mended += again.damaged
        # Lists of files are read every night, and are sent anew as soon as they cannot be.
        assert run.segments - 2 <= mended <= run.segments
        call_command("backup", "--check", stdout=StringIO())

    def test_that_took_a_segment_away_is_mended_at_once(self, contact: Contact, where: str) -> None:
        backup()
        to = place(where)
        to.remove(next(iter(to.names("segments/"))))
        again = backup()
        assert (again.damaged, again.segments_sent) == (1, 1)
        call_command("backup", "--check", stdout=StringIO())

    def test_of_what_a_dead_run_left_is_sent_again(self, contact: Contact, where: str) -> None:
        run = backup()
        to = place(where)
        name = next(iter(to.names("segments/")))
        to.put(name, (to.get(name) or b"")[:-7])
        for manifest in manifests.names(to):
            to.remove(manifest)
        assert backup(anew=True).segments_sent == 1 and run.segments > 1

    def test_of_the_whole_place_is_told_and_not_taken_for_a_new_one(self, contact: Contact, where: str, tmp_path: Path) -> None:
        """As when the disk is not mounted."""
        backup()
        (tmp_path / "backups").rename(tmp_path / "elsewhere")
        with pytest.raises(CommandError, match="is the disk mounted"):
            call_command("backup")
        assert not list((tmp_path / "backups").rglob("*"))
        call_command("backup", "--anew", stdout=StringIO())
        call_command("backup", stdout=StringIO())

    def test_of_what_is_being_written_ends_the_run(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.core.backup.folder import InFolder

        real = InFolder.put
        monkeypatch.setattr(InFolder, "put", lambda self, name, body: real(self, name, body[:-1]))
        with pytest.raises(BackupError, match="reads back differently"):
            backup()
        assert not list(place(where).names("segments/"))


class Clearing:
    def test_removes_what_is_too_old_and_what_nobody_names(self, contact: Contact, where: str) -> None:
        backup()
        Contact.objects.filter(pk=contact.pk).update(company="海港貿易")
        with clock.frozen(clock.now() + timedelta(days=36)):
            backup()
        to = place(where)
        newest = manifests.newest(to, seal())
        assert len(manifests.names(to)) == 1 and newest is not None
        wanted = {segment[0] for found in (manifests.segments_of(newest), manifests.parts_of(to, seal(), newest)) for segment in found}
        assert {name.rpartition("/")[2] for name in to.names("segments/")} == wanted

    def test_keeps_what_an_older_backup_names(self, contact: Contact, where: str) -> None:
        first = backup()
        Contact.objects.filter(pk=contact.pk).update(company="海港貿易")
        default_storage.delete("attachments/2026/11/28/cream.jpg")
        backup()
        to = place(where)
        manifest = manifests.read(to, seal(), first.manifest)
        assert all(manifests.fetch(to, seal(), segment) for segment in manifests.segments_of(manifest))
        assert all(manifests.fetch(to, seal(), segment) for segment in manifests.parts_of(to, seal(), manifest))

    def test_stops_at_a_backup_that_it_cannot_read(self, contact: Contact, where: str, settings: Any) -> None:
        from cryptography.fernet import Fernet

        first = backup()
        settings.BACKUP_KEY = Fernet.generate_key().decode()
        second = backup()
        assert second.segments_sent == second.segments and len(manifests.names(place(where))) == 2
        assert len(list(place(where).names("segments/"))) == first.segments + second.segments

    def test_a_new_key_reads_what_the_old_one_wrote(self, contact: Contact, where: str, settings: Any) -> None:
        from cryptography.fernet import Fernet

        backup()
        settings.BACKUP_KEY = f"{Fernet.generate_key().decode()},{settings.BACKUP_KEY}"
        call_command("backup", "--check", stdout=StringIO())
        run = backup()
        assert run.segments_sent == run.segments
