"""`manage.py restore`: bring a backup back into an empty database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.core.backup.acts import say_nothing
from scrm.core.backup.restoring import restore
from scrm.core.backup.sealing import BackupError


class Command(BaseCommand):
    help = (
        "Bring back the newest backup (or --at) from BACKUP_URL into the empty database of DATABASE_URL: tables, rows and files, every "
        "range compared with its digest, search indexes rebuilt, erasures repeated. A database that holds data is refused. Numbers are "
        "paused and messages that were due wait for a person, since they may have gone out after the backup was made. Broken off, nothing "
        "was restored, and it can be called again. Exit code 0: everything is there and compared; 1: not, and why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="source", default="", help="instead of BACKUP_URL")
        parser.add_argument("--at", default="", help="a name that backup --list shows (default: the newest)")
        parser.add_argument("--rehearsal", action="store_true", help="hold nothing back; for a machine that reaches nobody")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["format"] == "json"
        say = say_nothing if quiet else self.stdout.write
        try:
            answer = restore(url=options["source"], name=options["at"], hold=not options["rehearsal"], say=say)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(answer) if quiet else f"restored: {answer['rows']:,} rows, {answer['files']:,} files of {answer['at']}"
        )
