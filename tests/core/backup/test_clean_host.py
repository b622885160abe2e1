"""What the README says to do on a new host, as processes: one command into a database that holds nothing, of another kind even."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as product

from scrm.core.backup import manifests
from scrm.core.backup.places import place
from scrm.core.backup.running import backup
from scrm.core.backup.sealing import seal
from tests import databases
from tests.contacts.privacy.seeding import Seed
from tests.core.backup.kit import PHOTO, PHOTO_NAME, everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.any_database]
ROOT = Path(__file__).resolve().parents[3]


def manage(*command: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "manage.py", *command, "--format", "json"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


class CleanHost:
    def test_gets_a_sqlite_database_into_postgresql(self, seed: Seed, where: str, settings: Any, tmp_path: Path) -> None:
        try:
            with databases.postgresql() as server:
                self.moves_to(server, settings, tmp_path)
        except databases.NoDatabase as problem:
            if databases.missing_is_a_failure():
                raise
            pytest.skip(f"PostgreSQL is not tested here: {problem}")

    def moves_to(self, server: databases.PostgreSQL, settings: Any, tmp_path: Path) -> None:
        run, rows = backup(), everything()
        host = {
            "DATABASE_URL": server.url,
            "VAR_DIR": str(tmp_path / "host"),
            "BACKUP_URL": settings.BACKUP_URL,
            "BACKUP_KEY": settings.BACKUP_KEY,
            "SECRET_KEY": product.SECRET_KEY,
            "SCRM_ENCRYPTION_KEYS": ",".join(product.ENCRYPTION_KEYS),
        }
        told = manage("restore", "--rehearsal", **host)
        assert (told["rows"], told["files"]) == (run.rows, run.files)
        assert (tmp_path / "host/media" / PHOTO_NAME).read_bytes() == PHOTO
        with psycopg.connect(server.dsn) as connection:
            found = connection.execute(
                "SELECT COUNT(*) FROM conversations_search WHERE terms @@ '''護手'' <-> ''手霜'''::tsquery"
            ).fetchone()
            assert found is not None and found[0] >= 5
            for label in ("conversations_message", "contacts_contact"):
                (last,) = connection.execute(f"SELECT nextval(pg_get_serial_sequence('{label}', 'id'))").fetchone()  # type: ignore[misc]
                assert last > connection.execute(f"SELECT MAX(id) FROM {label}").fetchone()[0]  # type: ignore[index]

        # Row by row: read over there, every range of every table has the digest that it had here, so that nothing is new to the place.
        again = manage("backup", **host)
        assert (again["rows"], again["files"], again["damaged"]) == (run.rows, run.files, 0)
        here, there = (manifests.read(place(settings.BACKUP_URL), seal(), name) for name in (run.manifest, again["manifest"]))
        assert here["vendor"] != there["vendor"] == "postgresql"
        assert [label for label in rows if here["tables"][label] != there["tables"][label]] == []
