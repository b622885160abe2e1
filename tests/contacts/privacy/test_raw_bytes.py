"""Erased means off the disk: the bytes of the database's files, a dump of it, and what was logged on the way."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from scrm.contacts.privacy import erasure
from tests.contacts.privacy.conftest import MANY, in_own_folders
from tests.contacts.privacy.seeding import Seed, seed
from tests.databases import binaries

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seeded(transactional_db: None, settings: object, tmp_path: Path) -> Seed:
    in_own_folders(settings, tmp_path)
    return seed(MANY)


def raw_database() -> bytes:
    """SQLite's file with what lies beside it; of PostgreSQL what pg_dump writes."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        return b"".join(path.read_bytes() for path in map(Path, (name, f"{name}-wal", f"{name}-journal")) if path.exists())
    folder = binaries()
    pg_dump = (folder / "pg_dump") if folder and (folder / "pg_dump").exists() else shutil.which("pg_dump")
    if pg_dump is None:
        assert "CI" not in os.environ, "pg_dump is not installed"
        pytest.skip("pg_dump is not installed (Debian: apt install postgresql-client)")
    config = connection.settings_dict
    place = ["-h", config["HOST"], "-p", str(config["PORT"] or 5432), "-U", config["USER"], config["NAME"]]
    return subprocess.run([str(pg_dump), "--inserts", *place], capture_output=True, check=True).stdout


def held(marks: list[str], raw: bytes) -> list[str]:
    return [mark for mark in marks if mark.encode() in raw]


def compact() -> str:
    out = StringIO()
    call_command("erasures", "compact", stdout=out)
    return out.getvalue()


class RawBytes:
    def test_hold_no_marked_word_after_an_erasure_that_was_compacted(self, seeded: Seed) -> None:
        before = held(seeded.marks, raw_database())
        # Received bodies are packed; all else stands in the file as it is.
        assert len(before) >= 35, "bytes in which nothing was to be found prove nothing"
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert compact() == "compacted\n"
        assert held(seeded.marks, raw_database()) == []
        assert b"zqneighbour" in raw_database()

    def test_are_searched_by_others_as_before(self, seeded: Seed) -> None:
        from scrm.contacts.models import Contact

        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        compact()
        assert Contact.objects.search("zqneighbour").filter(pk=seeded.neighbour.pk).exists()
        assert not Contact.objects.search(seeded.marks[0]).exists()


class Logs:
    def test_hold_no_marked_word_of_the_coming_staying_and_going(
        self, transactional_db: None, settings: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        in_own_folders(settings, tmp_path)
        # Statements with their values are written by nobody but a developer who asks for them.
        logging.getLogger("django.db.backends").propagate = False
        try:
            with caplog.at_level(logging.DEBUG):
                seeded = seed(5)
                erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
                compact()
        finally:
            logging.getLogger("django.db.backends").propagate = True
        assert [line for line in caplog.text.splitlines() if any(mark in line for mark in seeded.marks)] == []


class Compacting:
    def test_refuses_to_run_inside_a_transaction(self, transactional_db: None) -> None:
        with transaction.atomic(), pytest.raises(CommandError, match="not inside a transaction"):
            compact()

    def test_may_be_repeated_and_needs_no_erasure(self, transactional_db: None) -> None:
        assert compact() == compact() == "compacted\n"

    def test_makes_the_file_smaller(self, seeded: Seed) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL's plain VACUUM keeps the room for new rows")
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        compact()
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA freelist_count")
            assert cursor.fetchone()[0] == 0
