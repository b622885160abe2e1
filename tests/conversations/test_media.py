"""Files that customers sent: fetched, tried again, kept, and made ready for a CRM."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from connectors.contracts import Media
from connectors.errors import Gone, Misconfigured, NeedsLogin, TryLater, Unreachable
from scrm.connections.work_sentences import BROKE_OFF_FETCHING, BROKE_OFF_STORING
from scrm.conversations import media, pictures
from scrm.conversations.media import file_for_crm, try_again
from scrm.conversations.models import Attachment, Message
from scrm.core import clock
from tests import people
from tests.conversations.drawn import exif, noise, opened, saved, scene
from tests.fake_channel import FakeChannel

pytestmark = pytest.mark.django_db
NOON = people.NOON
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


def received(kind: str = "image", **fields: Any) -> Attachment:
    with clock.frozen(NOON):
        message = Message.objects.create(
            conversation=people.conversation(at=NOON),
            connection=people.hong_kong(),
            direction="in",
            kind=kind,
            state="received",
            source="customer",
            sent_at=NOON,
            created_at=NOON,
            idempotency_key=people.wamid(kind),
        )
    return Attachment.objects.create(**{"message": message, "kind": kind, "external_id": "1003383421387256", "due_at": NOON, **fields})


def holds(channel: FakeChannel, content: bytes, mime_type: str = "image/jpeg", name: str = "1003383421387256") -> None:
    channel.files[name] = Media(content, mime_type, hashlib.sha256(content).hexdigest())


def at(after: timedelta) -> Attachment:
    """Fetch what is due so long after noon; the row afterwards."""
    with clock.frozen(NOON + after):
        media.fetch_due()
    return Attachment.objects.get()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def until_it_ends() -> Attachment:
    """Let time pass from one attempt to the next until nothing more is due."""
    for _ in range(200):
        row = Attachment.objects.get()
        if row.state != "waiting":
            return row
        with clock.frozen(max(row.due_at, NOON)):
            media.fetch_due()
    raise AssertionError("it never ends")


class Fetching:
    def test_stores_the_file_as_it_came(self, channel: FakeChannel, folder: Path) -> None:
        holds(channel, b"%PDF-1.7 receipt", "application/pdf")
        received("document", filename="收據.pdf")
        row = at(timedelta())
        assert (row.state, row.size, row.last_error, file_for_crm(row)) == ("stored", 16, "", row.file.name)
        assert row.file.read() == b"%PDF-1.7 receipt" and row.file.name.endswith(".pdf")
        assert files(folder) == [row.file.name]

    def test_never_stores_under_an_ending_that_runs(self, channel: FakeChannel) -> None:
        holds(channel, b"<html><script>alert(1)</script>", "text/html; charset=utf-8")
        received("document", filename="invoice.html")
        assert (at(timedelta()).file.name or "").endswith(".bin")

    def test_gives_the_platform_all_that_it_said(self, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(channel, "download", lambda ref: asked.append(ref) or Media(b"x", "audio/ogg", "0" * 64))
        received("audio", external_id="", url="https://gateway.example.hk/f/1.ogg?t=secret", sha256="q83v", size=12)
        row = at(timedelta())
        assert (asked[0].url, asked[0].sha256, asked[0].size) == ("https://gateway.example.hk/f/1.ogg?t=secret", "q83v", 12)
        assert (row.state, row.url) == ("stored", "")

    def test_takes_one_a_step_and_none_that_another_worker_has(self, channel: FakeChannel) -> None:
        holds(channel, b"OggS", "audio/ogg")
        first = received("audio")
        Attachment.objects.create(message=first.message, kind="audio", external_id=first.external_id, due_at=NOON)
        stale = Attachment.objects.get(pk=first.pk)
        Attachment.objects.filter(pk=first.pk).update(attempts=1, due_at=NOON + timedelta(minutes=5))
        with clock.frozen(NOON):
            assert media._fetch(stale) is False
            assert (media.fetch_due(), media.fetch_due()) == (1, 0)

    def test_by_two_keeps_one_file(self, channel: FakeChannel, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A download that outlives its claim: the second worker is done before the first."""
        content = b"%PDF-1.7 slow"
        download: Callable[[Any], Media] = channel.download

        def slow(ref: Any) -> Media:
            monkeypatch.setattr(channel, "download", download)
            with clock.frozen(NOON + timedelta(minutes=6)):
                assert media.fetch_due() == 1
            return Media(content, "application/pdf", "0" * 64)

        holds(channel, content, "application/pdf")
        received("document")
        monkeypatch.setattr(channel, "download", slow)
        row = at(timedelta())
        assert (row.state, row.attempts) == ("stored", 2)
        assert files(folder) == [row.file.name]


class Failing:
    def test_is_tried_again_with_growing_gaps_and_then_shown_as_missing(self, channel: FakeChannel) -> None:
        channel.files["1003383421387256"] = TryLater("The file arrived damaged", after=timedelta(seconds=1))
        received()
        gaps, before = [], NOON
        while (row := at(before - NOON)).state == "waiting":
            gaps.append(row.due_at - before)
            before = row.due_at
        assert gaps == list(media.GAPS)
        assert (row.state, row.attempts, row.last_error) == ("failed", 6, "The file arrived damaged")

    def test_can_be_tried_again_by_hand(self, channel: FakeChannel) -> None:
        channel.files["1003383421387256"] = Misconfigured("no such host")
        received()
        row = until_it_ends()
        assert row.state == "failed"
        holds(channel, saved(scene()))
        with clock.frozen(NOON + timedelta(days=2)):
            try_again(row)
        assert at(timedelta(days=2)).state == "stored"

    def test_a_file_that_is_gone_is_asked_for_twice(self, channel: FakeChannel) -> None:
        channel.files["1003383421387256"] = Gone("WhatsApp no longer holds this file", code="HTTP 404")
        received()
        assert at(timedelta()).state == "waiting"
        row = at(timedelta(seconds=30))
        assert (row.state, row.last_error) == ("failed", "HTTP 404: WhatsApp no longer holds this file")

    def test_a_link_that_expired_on_the_way_is_asked_for_anew(self, channel: FakeChannel) -> None:
        channel.files["1003383421387256"] = Gone("WhatsApp no longer holds this file", code="HTTP 404")
        received()
        at(timedelta())
        holds(channel, saved(scene()))
        assert at(timedelta(seconds=30)).state == "stored"

    @pytest.mark.parametrize("error", [NeedsLogin("the key expired"), Unreachable("no connection")])
    def test_on_our_side_is_tried_as_long_as_the_platform_keeps_it(self, error: Exception, channel: FakeChannel) -> None:
        channel.files["1003383421387256"] = error
        received()
        row = until_it_ends()
        assert row.state == "failed"
        assert timedelta(days=7) <= row.due_at - NOON < timedelta(days=8)

    def test_in_a_way_nobody_foresaw_is_counted_too(self, channel: FakeChannel, caplog: pytest.LogCaptureFixture) -> None:
        channel.files["1003383421387256"] = KeyError("https://lookaside.example/?token=secret")
        received()
        row = until_it_ends()
        assert (row.state, row.last_error) == ("failed", f"{BROKE_OFF_FETCHING}: KeyError")
        assert "secret" not in caplog.text and "cannot be fetched" in caplog.text

    def test_by_killing_the_worker_ends_too(self, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> None:
        class Killed(BaseException):
            pass

        def die(ref: Any) -> Media:
            raise Killed

        monkeypatch.setattr(channel, "download", die)
        received()
        for _ in range(40):
            row = Attachment.objects.get()
            if row.state != "waiting":
                break
            with clock.frozen(max(row.due_at, NOON)):
                try:
                    media.fetch_due()
                except Killed:
                    continue
        assert (row.state, row.last_error) == ("failed", media.KILLED_FETCHING)


class Disk(FileSystemStorage):
    """Writes all, and then finds no room for the last byte, of files whose names hold `full`."""

    full = ""

    def _save(self, name: str, content: Any) -> str:
        kept: str = super()._save(name, content)  # type: ignore[misc]
        if self.full and self.full in name:
            raise FULL
        return kept


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(media, "default_storage", disk)
    return disk


class FullDisk:
    def test_is_waited_for_and_nothing_is_lost(self, channel: FakeChannel, folder: Path, disk: Disk) -> None:
        holds(channel, saved(noise(300, 200)))
        received()
        disk.full = "attachments"
        for minutes in range(0, 60 * 24 * 3, 10):
            row = at(timedelta(minutes=minutes))
        assert row.state == "waiting" and row.last_error.startswith(f"{BROKE_OFF_STORING}: ") and "No space left" in row.last_error
        assert row.due_at - NOON <= timedelta(days=3, minutes=10)
        assert files(folder) == []
        disk.full = ""
        row = at(timedelta(days=3, minutes=20))
        assert (row.state, row.last_error) == ("stored", "")
        assert files(folder) == [row.file.name]

    def test_while_drawing_keeps_the_original(self, channel: FakeChannel, folder: Path, disk: Disk) -> None:
        holds(channel, saved(scene(), "PNG"), "image/png")
        received()
        disk.full = "-crm"
        row = at(timedelta())
        assert (row.state, file_for_crm(row)) == ("waiting", "") and files(folder) == [row.file.name]
        disk.full = ""
        channel.files.clear()
        row = at(timedelta(minutes=1))
        assert row.state == "stored" and file_for_crm(row) == row.crm_file.name


class Pictures:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF", "BMP", "TIFF", "GIF"])
    def test_of_other_formats_go_on_as_jpeg(self, kind: str, channel: FakeChannel) -> None:
        original = saved(scene(), kind)
        holds(channel, original, "application/octet-stream")
        received("document")
        row = at(timedelta())
        assert row.state == "stored" and row.file.read() == original
        assert file_for_crm(row) == row.crm_file.name and opened(row.crm_file.read()).format == "JPEG"

    def test_that_are_small_jpegs_go_on_as_they_are(self, channel: FakeChannel, folder: Path) -> None:
        holds(channel, saved(scene()))
        received()
        row = at(timedelta())
        assert (row.crm_file.name, file_for_crm(row)) == ("", row.file.name)
        assert files(folder) == [row.file.name]

    def test_do_not_tell_where_they_were_taken(self, channel: FakeChannel) -> None:
        holds(channel, saved(scene(), exif=exif(orientation=6, place=True)))
        received()
        row = at(timedelta())
        assert b"Kowloon" in row.file.read()
        with default_storage.open(file_for_crm(row)) as copy:
            assert b"Kowloon" not in copy.read()

    @pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 jpeg", b"no picture at all", b""])
    def test_that_cannot_be_read_are_kept_with_the_reason(self, content: bytes, channel: FakeChannel) -> None:
        holds(channel, content)
        received()
        row = at(timedelta())
        assert (row.state, row.file.read(), row.crm_file.name, file_for_crm(row)) == ("stored", content, "", "")
        assert row.last_error.startswith("No copy for the CRM: ")

    def test_that_kill_their_worker_are_given_up_and_kept(self, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> None:
        class Killed(BaseException):
            pass

        drawn: list[int] = []

        def die(content: bytes) -> bytes:
            drawn.append(len(content))
            raise Killed

        content = saved(scene(), "PNG")
        holds(channel, content)
        received()
        monkeypatch.setattr(pictures, "for_crm", die)
        for days in range(6):
            try:
                row = at(timedelta(days=days))
            except Killed:
                channel.files.clear()
        assert drawn == [len(content)] * media.MOST_DRAWINGS
        assert (row.state, row.last_error, row.file.read()) == ("stored", media.KILLED, content)

    def test_are_not_offered_before_they_are_there(self) -> None:
        assert file_for_crm(received()) == ""
