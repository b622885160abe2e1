"""A restore gives back every row, file, secret and search, or leaves the database empty; and nothing happens twice because of it."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from scrm.connections.models import Alert, Connection
from scrm.contacts.models import Contact
from scrm.contacts.privacy import erasure, ledger
from scrm.conversations import services
from scrm.conversations.models import Message
from scrm.core import clock
from scrm.core.backup import restoring, running
from scrm.core.backup.places import place
from scrm.core.backup.running import backup
from scrm.core.backup.sealing import BackupError
from scrm.core.backups import copy_what_outlives
from tests.contacts.privacy.seeding import Seed
from tests.core.backup.kit import PHOTO, empty, everything
from tests.people import conversation

pytestmark = pytest.mark.django_db(transaction=True)


def new_contact() -> Contact:
    now = clock.now()
    return Contact.objects.create(name="林怡君", last_activity_at=now, created_at=now, updated_at=now)


class ThereAndBack:
    def test_gives_back_every_row_file_secret_and_search(self, seed: Seed, where: str) -> None:
        before = everything()
        found = sorted(Message.objects.search("護手霜").values_list("pk", flat=True))
        people = sorted(Contact.objects.search(seed.neighbour.name).values_list("pk", flat=True))
        run = backup()
        empty()
        default_storage.delete("attachments/2026/11/28/cream.jpg")
        out = StringIO()
        call_command("restore", "--rehearsal", "--format", "json", stdout=out)
        assert json.loads(out.getvalue())["rows"] == run.rows
        after = everything()
        assert {label for label in before if before[label] != after[label]} == set()
        assert Connection.objects.get(slug="hk").secrets["access_token"] == "EAAtest"
        assert default_storage.open("attachments/2026/11/28/cream.jpg").read() == PHOTO
        assert found and sorted(Message.objects.search("護手霜").values_list("pk", flat=True)) == found
        assert people and sorted(Contact.objects.search(seed.neighbour.name).values_list("pk", flat=True)) == people

    def test_gives_no_key_of_a_removed_row_to_a_new_one(self, contact: Contact, where: str) -> None:
        gone = new_contact()
        gone_pk = gone.pk
        gone.delete()
        backup()
        empty()
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence")
            else:
                cursor.execute("SELECT setval(pg_get_serial_sequence('contacts_contact', 'id'), 1)")
        restoring.restore()
        assert new_contact().pk > gone_pk

    def test_keeps_the_erased_erased(self, seed: Seed, where: str) -> None:
        backup()
        erasure.erase_now(seed.contact.pk, by="mei", reason="asked by letter")
        empty()
        restoring.restore()
        assert not Contact.objects.filter(pk__in=[seed.contact.pk, seed.duplicate.pk]).exists()
        assert Contact.objects.filter(pk=seed.neighbour.pk).exists()
        assert not Message.objects.filter(text__contains=seed.marks[2]).exists()

    def test_keeps_the_erased_erased_when_the_ledger_is_lost_too(self, seed: Seed, where: str) -> None:
        """The machine burns down: what the place has is all there is."""
        backup()
        erasure.erase_now(seed.contact.pk, by="mei", reason="asked by letter")
        copy_what_outlives()
        empty()
        lines = ledger.raw_lines()
        ledger.path().unlink()
        restoring.restore()
        assert not Contact.objects.filter(pk=seed.contact.pk).exists() and Contact.objects.filter(pk=seed.neighbour.pk).exists()
        assert lines and ledger.raw_lines() == lines

    def test_an_empty_folder_takes_no_line_from_the_place(self, contact: Contact, where: str) -> None:
        erasure.erase_now(contact.pk, by="mei", reason="asked by letter")
        backup()
        lines = ledger.raw_lines()
        ledger.path().unlink()
        copy_what_outlives()
        assert lines and ledger.raw_lines() == lines

    def test_takes_the_backup_that_is_named(self, contact: Contact, where: str) -> None:
        first = backup()
        Contact.objects.filter(pk=contact.pk).update(company="海港貿易")
        backup()
        empty()
        out = StringIO()
        call_command("backup", "--list", "--format", "json", stdout=out)
        assert len(json.loads(out.getvalue())["backups"]) == 2
        call_command("restore", "--at", first.manifest, stdout=StringIO())
        assert Contact.objects.get(pk=contact.pk).company != "海港貿易"


class Holding:
    """Between the backup and the disaster, messages went out that the backup still has as waiting."""

    def test_sends_nothing_by_itself_that_may_have_gone_out(self, contact: Contact, where: str) -> None:
        now = services.queue_message(conversation(), text="多謝您嘅查詢", source="api", idempotency_key="due").message
        later = services.queue_message(conversation(), text="聽日見", source="api", idempotency_key="later").message
        Message.objects.filter(pk=later.pk).update(due_at=clock.now() + timedelta(days=2))
        backup()
        empty()
        restoring.restore()
        assert Message.objects.get(pk=now.pk).state == "unknown" and Message.objects.get(pk=now.pk).error_code == "restored"
        assert Message.objects.get(pk=later.pk).state == "queued"
        assert set(Connection.objects.filter(kind="channel").values_list("state", flat=True)) == {"paused"}
        assert Alert.objects.filter(key="restored", closed_at=None).count() == 1


class Refusing:
    def test_a_database_that_holds_data(self, contact: Contact, where: str) -> None:
        backup()
        before = everything()
        with pytest.raises(CommandError, match="holds data"):
            call_command("restore")
        assert everything() == before

    def test_leaves_an_empty_database_when_a_segment_is_damaged(self, contact: Contact, where: str) -> None:
        backup()
        empty()
        to = place(where)
        for name in list(to.names("segments/"))[-3:]:
            to.put(name, b"x")
        with pytest.raises(BackupError):
            restoring.restore()
        assert not Contact.objects.exists() and not Message.objects.exists()

    def test_rows_that_are_not_those_of_the_backup(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if a database had altered what it was given."""
        backup()
        empty()
        real = restoring.insert

        def altered(model: Any, rows: Any, given: Any) -> None:
            real(model, rows, given)
            if model is Message:
                Message.objects.filter(pk=rows[-1][0]).update(text="別的")

        monkeypatch.setattr(restoring, "insert", altered)
        with pytest.raises(BackupError, match=r"conversations\.message from \d+ on is not as it was backed up"):
            restoring.restore()
        assert not Message.objects.exists()

    def test_rows_that_lead_nowhere(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        backup()
        empty()
        real = restoring.insert
        monkeypatch.setattr(restoring, "insert", lambda model, rows, given: real(model, [] if model is Contact else rows, given))
        with pytest.raises(BackupError, match="contradict each other"):
            restoring.restore()
        assert not Message.objects.exists()

    def test_another_version(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        backup()
        ours = running.applied_migrations(connection)
        empty()
        monkeypatch.setattr(restoring, "applied_migrations", lambda _: ours[1:])
        with pytest.raises(BackupError, match="install that version"):
            restoring.restore()
        monkeypatch.setattr(restoring, "applied_migrations", lambda _: [*ours, ["core", "9999_later"]])
        with pytest.raises(BackupError, match=r"core\.9999_later"):
            restoring.restore()

    def test_other_keys(self, contact: Contact, where: str, settings: Any) -> None:
        """Without them erased people would not be known again, and credentials could not be read."""
        backup()
        empty()
        ours = settings.SECRET_KEY
        settings.SECRET_KEY = "another"
        with pytest.raises(BackupError, match="SECRET_KEY_FALLBACKS"):
            restoring.restore()
        settings.SECRET_KEY_FALLBACKS = [ours]
        encryption, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
        with pytest.raises(BackupError, match="SCRM_ENCRYPTION_KEYS"):
            restoring.restore()
        settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, *encryption]
        assert restoring.restore()["rows"] > 100

    def test_another_key_and_an_empty_place(self, contact: Contact, where: str, settings: Any) -> None:
        with pytest.raises(BackupError, match="no backup"):
            restoring.restore()
        backup()
        empty()
        with pytest.raises(BackupError, match="--list"):
            restoring.restore(name="manifests/20200101T000000-1")
        settings.BACKUP_KEY = Fernet.generate_key().decode()
        with pytest.raises(BackupError, match="BACKUP_KEY"):
            restoring.restore()
