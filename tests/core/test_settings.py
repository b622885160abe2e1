"""Settings: nonsense stops the start with a sentence that says what to write; production has no toys."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from tests.faults.system import ROOT

PRODUCTION = {
    "SCRM_ENV": "production",
    "SECRET_KEY": secrets.token_urlsafe(60),
    "SCRM_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "PUBLIC_URL": "https://crm.example.com",
    "ALLOWED_HOSTS": "crm.example.com",
    "BACKUP_URL": "file:///mnt/backups",
    "BACKUP_KEY": Fernet.generate_key().decode(),
}


def manage(tmp_path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    place = {"VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**kept, **place, **environment}, capture_output=True, text=True)


class Nonsense:
    @pytest.mark.parametrize(
        ("environment", "hint"),
        [
            ({"PORT": "eighty"}, "PORT='eighty' is not a whole number"),
            ({"PORT": "99999999"}, "must lie between"),
            ({"SCRM_ENV": "prod"}, "none of sandbox, test, production"),
            ({"DATABASE_URL": "mysql://here"}, "postgresql://user:password@host:5432/name"),
            ({"DEBUG": "perhaps"}, "write 1 or 0"),
            ({"PUBLIC_URL": "crm.example.com"}, "https://crm.example.com"),
            ({**PRODUCTION, "SECRET_KEY": ""}, "SECRET_KEY is not set"),
            ({**PRODUCTION, "BACKUP_KEY": ""}, "BACKUP_KEY is not"),
            ({**PRODUCTION, "SCRM_SANDBOX": "1"}, "cannot be combined"),
        ],
    )
    def test_stops_the_start_and_says_what_to_write(self, tmp_path, environment, hint):
        done = manage(tmp_path, "check", **environment)
        assert done.returncode != 0
        assert hint in done.stderr
        assert done.stderr.startswith("Cannot start: ") and len(done.stderr.splitlines()) == 1

    def test_in_the_spool_folder_stops_the_start(self, tmp_path):
        (tmp_path / "file").write_text("")
        done = manage(tmp_path, "check", SPOOL_DIR=str(tmp_path / "file" / "spool"))
        assert done.returncode != 0 and "SPOOL_DIR" in done.stderr


class Production:
    def test_starts_without_a_warning_and_without_the_sandbox(self, tmp_path):
        done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
        assert done.returncode == 0, done.stderr
        assert manage(tmp_path, "sandbox_info", **PRODUCTION).returncode != 0
        without = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | {"BACKUP_URL": "", "BACKUP_KEY": ""})
        assert without.returncode != 0 and "No backups are made" in without.stderr


@pytest.mark.django_db(databases=["default", "sandbox"])
class Migrations:
    def test_are_in_step_with_the_models(self):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)
