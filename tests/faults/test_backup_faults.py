"""kill -9 of a backup and of a restore at each named point, and a place that loses what it was given.

A dead backup is none and the next one goes on with what it has sent; a dead restore leaves the database empty and is called again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from scrm.contacts.models import Contact
from scrm.contacts.privacy import erasure
from scrm.conversations import services
from scrm.conversations.models import Message
from scrm.core.backup import manifests, restoring, running
from scrm.core.backup.folder import InFolder
from scrm.core.backup.places import place
from scrm.core.backup.running import backup
from scrm.core.backup.sealing import BackupError
from scrm.core.models import BackupRun
from tests.core.backup import kit
from tests.faults.mortal import KILLED, in_a_fork
from tests.faults.sabotage import sabotaged
from tests.people import conversation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def where(db: None, settings: Any, tmp_path: Path) -> Iterator[str]:
    yield kit.settle_in(settings, tmp_path)
    kit.forget_words()


@pytest.fixture
def contact(where: str) -> Contact:
    return kit.few()


def segments(where: str) -> list[str]:
    return list(place(where).names("segments/"))


class Backups:
    @pytest.mark.parametrize("nth", [1, 2, 5])
    def test_killed_among_the_segments_are_none_and_the_next_goes_on(
        self, contact: Contact, where: str, nth: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, calls = running.crash_here, iter(range(1, 1000))
        monkeypatch.setattr(running, "crash_here", lambda name: real(name) if name != "backup.segment" or next(calls) == nth else None)
        assert in_a_fork(backup, crash_at="backup.segment") == KILLED
        assert not manifests.names(place(where)) and len(segments(where)) == nth
        assert BackupRun.objects.get().state == "running"
        monkeypatch.setattr(running, "crash_here", real)
        run = backup()
        assert run.segments_sent == run.segments - nth and run.verified == run.segments
        assert BackupRun.objects.order_by("pk")[0].state == "failed"
        self.comes_back_whole()

    def test_killed_before_the_manifest_have_sent_everything(self, contact: Contact, where: str) -> None:
        assert in_a_fork(backup, crash_at="backup.manifest") == KILLED
        assert not manifests.names(place(where))
        assert backup().segments_sent == 0
        self.comes_back_whole()

    def test_killed_after_the_manifest_can_be_restored(self, contact: Contact, where: str) -> None:
        assert in_a_fork(backup, crash_at="backup.written") == KILLED
        assert len(manifests.names(place(where))) == 1 and BackupRun.objects.get().state == "running"
        self.comes_back_whole()
        assert backup().state == "done"

    def test_killed_leave_the_last_one_as_it_was(self, contact: Contact, where: str) -> None:
        before = kit.everything()
        backup()
        Message.objects.all().delete()
        Contact.objects.update(company="海港貿易")
        assert in_a_fork(backup, crash_at="backup.manifest") == KILLED
        kit.empty()
        restoring.restore(hold=False)
        assert kit.everything() == before

    def comes_back_whole(self) -> None:
        before = kit.everything()
        kit.empty()
        restoring.restore(hold=False)
        assert kit.everything() == before


class Restores:
    @pytest.mark.parametrize("point", ["restore.rows", "restore.end"])
    def test_killed_leave_the_database_empty_and_are_called_again(self, contact: Contact, where: str, point: str) -> None:
        before = kit.everything()
        backup()
        kit.empty()
        assert in_a_fork(lambda: restoring.restore(hold=False), crash_at=point) == KILLED
        assert not Contact.objects.exists() and not Message.objects.exists()
        restoring.restore(hold=False)
        assert kit.everything() == before
        assert Message.objects.search("護手霜").count() == 9


def lose_the_end(self: InFolder, name: str, body: bytes, real: Any = InFolder.put) -> None:
    real(self, name, body[:-7] if name.startswith("segments/") else body)


class LyingPlaces:
    """A place that says yes and keeps half."""

    def test_are_found_out_while_writing(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(InFolder, "put", lose_the_end)
        with pytest.raises(BackupError, match="reads back differently"):
            backup()
        assert BackupRun.objects.get().state == "failed" and not manifests.names(place(where))

    def test_would_be_believed_without_reading_back(self, contact: Contact, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with sabotaged("trust_the_place"):
            monkeypatch.setattr(InFolder, "put", lose_the_end)
            assert running.backup().state == "done"
        with pytest.raises(CommandError, match="damaged"):
            call_command("backup", "--check")

    def test_that_kept_half_of_what_a_dead_run_sent_would_be_believed(self, contact: Contact, where: str) -> None:
        for sabotage in ("", "trust_the_place"):
            assert in_a_fork(lambda: backup(anew=True), crash_at="backup.manifest") == KILLED
            to = place(where)
            # Which of them the next run would believe hangs on the moment of reading, so the saboteur finds all of them cut short.
            for name in segments(where)[: None if sabotage else 1]:
                to.put(name, (to.get(name) or b"")[:-7])
            if not sabotage:
                assert backup(anew=True).segments_sent == 1
                call_command("backup", "--check")
                for manifest in manifests.names(to):
                    to.remove(manifest)
                continue
            with sabotaged(sabotage):
                running.backup(anew=True)
            with pytest.raises(CommandError, match="damaged"):
                call_command("backup", "--check")


class Sabotage:
    def test_of_the_ledger_brings_an_erased_person_back(self, contact: Contact, where: str) -> None:
        backup()
        erasure.erase_now(contact.pk, by="mei", reason="asked by letter")
        kit.empty()
        with sabotaged("forget_the_erased"):
            restoring.restore()
        assert Contact.objects.filter(pk=contact.pk).exists()

    def test_of_the_hold_would_send_again(self, contact: Contact, where: str) -> None:
        sent = services.queue_message(conversation(), text="多謝您嘅查詢", source="api", idempotency_key="due").message
        backup()
        kit.empty()
        with sabotaged("send_again"):
            restoring.restore()
        assert Message.objects.get(pk=sent.pk).state == "queued"
