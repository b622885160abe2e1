"""Databases as a first start leaves them, made once a run: what starts the product several times need not migrate each time.

One first start of the suite goes all the way by itself: `tests/journeys/test_newcomer.py`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.databases import PostgreSQL, binaries

ROOT = Path(__file__).resolve().parents[1]
MIGRATE = (
    "from django.core.management import call_command; from scrm.sandbox.schema import bring_up_to_date;"
    "call_command('migrate', verbosity=0); bring_up_to_date()"
)
PATIENCE_SECONDS = 300


def copy_into(folder: Path) -> None:
    """Lay the product's and the sandbox's migrated databases into this folder. Outside a test run nothing happens."""
    if "SCRM_TEST_RUN" in os.environ:
        for database in _made().glob("*.sqlite3"):
            shutil.copy(database, folder)


def copy(name: str, place: Path) -> None:
    """Lay one of them, db.sqlite3 or sandbox.sqlite3, to a place in place of what is there."""
    for rest in ("-wal", "-shm"):
        place.with_name(place.name + rest).unlink(missing_ok=True)
    shutil.copy(_made() / name, place)


def remember(database: str) -> None:
    """Keep what a migrated database of the run's PostgreSQL holds, for `fill`."""
    programs, address = binaries(), urlsplit(os.environ.get("DATABASE_URL", ""))
    if programs is not None and (programs / "pg_dump").exists():
        command = [str(programs / "pg_dump"), "--no-owner", f"--file={_kept()}", address._replace(path=f"/{database}").geturl()]
        subprocess.run(command, check=True)


def fill(server: PostgreSQL) -> None:
    """Lay it into the empty database of another server. Where nothing was kept, the product migrates by itself."""
    if _kept().exists():
        command = [str(server.binaries / "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={_kept()}", server.url]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _kept() -> Path:
    return Path(os.environ["VAR_DIR"]) / "migrated.sql"


def _made() -> Path:
    made = Path(os.environ["VAR_DIR"]) / "migrated"
    with Path(f"{made}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(made)
    return made


def _make(made: Path) -> None:
    growing = made.with_suffix(".growing")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SCRM_TEST_RUN", "CRASH_AT", "SABOTAGE"}}
    environment = kept | {"SCRM_ENV": "sandbox", "VAR_DIR": str(growing), "DJANGO_SETTINGS_MODULE": "scrm.settings"}
    command = [sys.executable, "manage.py", "shell", "-c", MIGRATE]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=PATIENCE_SECONDS, capture_output=True)
    growing.rename(made)
