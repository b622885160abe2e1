"""`manage.py restore --into-empty`: bring a backup back into a database on which only `migrate` has run."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.core.backup.restoring import restore
from scrm.core.backup.sealing import BackupError


class Command(BaseCommand):
    help = (
        "Bring back the newest backup (or --at) from BACKUP_URL: all rows and files, every range compared with its digest, search indexes "
        "rebuilt, erasures repeated. Only into an empty, migrated database. Broken off before the rows are compared, nothing was restored "
        "and it can be called again. Exit code 0: everything is there and compared; 1: not, and why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--into-empty", action="store_true", help="confirm that DATABASE_URL names the new, empty database")
        parser.add_argument("--from", dest="source", default="", help="instead of BACKUP_URL")
        parser.add_argument("--at", default="", help="a name that backup --list shows (default: the newest)")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["format"] == "json"
        if not options["into_empty"]:
            raise CommandError("say --into-empty when DATABASE_URL names a new database on which only migrate has run")
        try:
            answer = restore(url=options["source"], name=options["at"], say=(lambda words: None) if quiet else self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(answer) if quiet else f"restored: {answer['rows']:,} rows, {answer['files']:,} files of {answer['at']}"
        )
