"""No room: for the database, the spool and customers' files. Nothing is acknowledged that is not kept, and no half of a file stays.

A limit on the size of files stands for the full disk, and a limit on its pages for a full database. `tests.faults.shortages` fills
a real one.
"""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import DataError, OperationalError, connection

from scrm.core.storage import WholeFileStorage
from scrm.intake import spool, views
from scrm.intake.models import InboundEvent
from tests.faults.mortal import in_a_fork
from tests.faults.sabotage import sabotaged
from tests.people import NOON, body, hong_kong, post, text_message, wamid

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def full(*arguments: Any) -> None:
        raise OperationalError("database or disk is full")

    post(hong_kong(), body(hong_kong(), messages=[]))
    with monkeypatch.context() as outage:
        outage.setattr(views, "_insert", full)
        outage.setattr(views.database, "close", lambda: None)
        yield


@pytest.fixture(autouse=True)
def spool_folder(settings: Any, tmp_path: Path) -> Path:
    settings.SPOOL_DIR, settings.SPOOL_LEAST_FREE_BYTES = tmp_path / "spool", 0
    return tmp_path / "spool"


def arrive(name: str, text: str = "滿了") -> int:
    return post(hong_kong(), body(hong_kong(), messages=[text_message(text, id=wamid(name), at=NOON)]))


def with_files_no_larger_than(size: int, work: Any) -> int:
    """The work's result as a process's exit code, where writing more than `size` bytes into a file fails."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        assert work()

    return in_a_fork(limited)


@pytest.mark.usefixtures("no_database")
class FullSpool:
    RECORD = {"slug": "hk", "headers": {}, "checked": True}

    def test_asks_the_platform_to_come_again(self, spool_folder: Path, settings: Any) -> None:
        settings.SPOOL_LIMIT_BYTES = 10
        assert [arrive("first"), arrive("second")] == [200, 503]
        assert len(list(spool_folder.glob("*.body"))) == 1

    def test_is_noticed_before_the_disk_is_full(self, settings: Any) -> None:
        settings.SPOOL_LEAST_FREE_BYTES = 2**60
        assert arrive("first") == 503

    def test_leaves_no_half_of_a_body(self, spool_folder: Path) -> None:
        refused = with_files_no_larger_than(1000, lambda: spool.write(body=b"x" * 50_000, **self.RECORD) is False)  # type: ignore[arg-type]
        assert refused == 0
        assert list(spool_folder.iterdir()) == []

    def test_that_cannot_be_looked_at_is_a_503_too(self, spool_folder: Path) -> None:
        spool_folder.write_text("a file where the folder should be")
        assert arrive("first") == 503

    def test_takes_all_again_when_there_is_room(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.SPOOL_LIMIT_BYTES = 10
        answers = [arrive(f"{n}") for n in range(4)]
        settings.SPOOL_LIMIT_BYTES = 2**20
        answers += [arrive(f"{n}") for n in range(4)]
        assert answers == [200, 503, 503, 503, 200, 200, 200, 200]
        assert spool.state().files == 4, "the first came twice and is kept once"

    def test_would_be_acknowledged_and_lost_without_it(self, spool_folder: Path) -> None:
        with sabotaged("forget_spool"):
            assert arrive("first") == 200
        assert not spool_folder.exists() or not list(spool_folder.glob("*.body"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's own files are the server's")
class FullDatabase:
    @pytest.mark.django_db(transaction=True)
    def test_sends_bodies_to_the_spool(self, spool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The database's own error, for a file that may not grow."""
        monkeypatch.setattr(views.database, "close", lambda: None)
        arrive("before")
        before = InboundEvent.objects.count()
        with connection.cursor() as cursor:
            # Other tests have left pages that are free.
            cursor.execute("VACUUM")
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count={pages}")
            try:
                answers = [arrive(f"{n}", text="滿" * 60_000) for n in range(6)]
            finally:
                cursor.execute("PRAGMA max_page_count=1073741823")
        kept = InboundEvent.objects.count() - before + spool.state().files
        assert (set(answers), kept) == ({200}, 6)
        assert spool.state().files > 0

    def test_is_sound_afterwards(self, tmp_path: Path) -> None:
        """A process that runs out of room in the middle of a transaction leaves what was committed before it."""
        file = tmp_path / "db.sqlite3"
        with sqlite3.connect(file) as made:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("CREATE TABLE t (x BLOB)")
            made.execute("INSERT INTO t VALUES (?)", [b"before"])

        def overflow() -> bool:
            with pytest.raises((sqlite3.Error, DataError)), sqlite3.connect(file) as full:
                full.execute("PRAGMA busy_timeout=100")
                for _ in range(200):
                    full.execute("INSERT INTO t VALUES (?)", [bytes(50_000)])
            return True

        assert with_files_no_larger_than(400_000, overflow) == 0
        with sqlite3.connect(file) as after:
            assert after.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert after.execute("SELECT count(*) FROM t").fetchone() == (1,)


class Files:
    """What customers sent, on a disk that fills while it is written."""

    def store(self, folder: Path, size: int) -> None:
        WholeFileStorage(location=str(folder)).save("2026/報價.pdf", ContentFile(bytes(size)))

    def test_that_find_no_room_leave_nothing(self, tmp_path: Path) -> None:
        def refused() -> bool:
            with pytest.raises(OSError):
                self.store(tmp_path, 300_000)
            return True

        assert with_files_no_larger_than(100_000, refused) == 0
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_would_be_left_by_half_otherwise(self, tmp_path: Path) -> None:
        def refused() -> bool:
            with pytest.raises(OSError):
                FileSystemStorage(location=str(tmp_path)).save("2026/報價.pdf", ContentFile(bytes(300_000)))
            return True

        assert with_files_no_larger_than(100_000, refused) == 0
        assert [path.stat().st_size for path in tmp_path.rglob("*.pdf")] == [100_000]

    def test_of_one_name_do_not_overwrite_each_other(self, tmp_path: Path) -> None:
        for size in (10, 20, 30):
            self.store(tmp_path, size)
        assert sorted(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == [10, 20, 30]


class FullMedia:
    def test_keeps_the_file_waiting_and_leaves_nothing_half(self, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from connectors.contracts import Media
        from scrm.conversations import media
        from scrm.conversations.models import Attachment
        from scrm.intake import pipeline

        settings.MEDIA_ROOT = str(tmp_path / "media")
        picture = {"mime_type": "image/jpeg", "sha256": "x", "id": "1003383421387256"}
        said = text_message("", id=wamid("picture")) | {"type": "image", "image": picture}
        del said["text"]
        post(hong_kong(), body(hong_kong(), messages=[said]))
        pipeline.drain()
        room = [False]

        class Platform:
            def download(self, ref: Any) -> Media:
                return Media(content=b"\xff\xd8\xff\xe0" + bytes(100_000), mime_type="image/jpeg", sha256="ab" * 32)

        def save(self: Any, name: str, content: Any) -> str:
            if not room[0]:
                raise OSError(28, "No space left on device")
            return real(self, name, content)

        from scrm.core import clock

        real = FileSystemStorage._save
        monkeypatch.setattr(FileSystemStorage, "_save", save)
        monkeypatch.setattr(media, "channel_of", lambda connection: Platform())
        media.fetch_due()
        row = Attachment.objects.get()
        assert (row.state, row.attempts) == ("waiting", 1)
        assert "No space left" in row.last_error
        room[0] = True
        with clock.frozen(row.due_at):
            media.fetch_due()
        row.refresh_from_db()
        assert row.state == "stored"
        assert Path(row.file.path).stat().st_size == row.size
