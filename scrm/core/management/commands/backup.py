"""`manage.py backup`: copy everything to BACKUP_URL, encrypted; `--list` says what is there, `--check` reads all of it."""

from __future__ import annotations

import json
import os
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.core.backup import manifests
from scrm.core.backup.acts import say_nothing
from scrm.core.backup.places import place
from scrm.core.backup.running import backup
from scrm.core.backup.sealing import BackupError, seal


class Command(BaseCommand):
    help = (
        "Copy all tables and stored files to BACKUP_URL, encrypted with BACKUP_KEY. Only what is new or changed is sent; what was sent is "
        "read back. The workers do it every night by themselves. Broken off, it leaves the last backup as it was; the next call goes on "
        "with what was sent. Exit code 0: there is a new backup; 1: there is none, and why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", default="", help="instead of BACKUP_URL")
        parser.add_argument("--list", action="store_true", help="name the backups at the place, oldest first")
        parser.add_argument("--check", action="store_true", help="read all segments of the newest backup and say whether they are whole")
        parser.add_argument("--anew", action="store_true", help="begin from nothing at a place that has lost all earlier backups")
        parser.add_argument("--new-key", action="store_true", help="print a key for BACKUP_KEY; keep it where the database is not")
        parser.add_argument("--background", action="store_true", help="say nothing and leave the processor to others first")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(Fernet.generate_key().decode())
            return
        if options["background"]:
            os.nice(10)
        quiet = options["format"] == "json" or options["background"]
        url = options["to"] or settings.BACKUP_URL
        try:
            if options["list"] or options["check"]:
                answer = _looked_at(url, options["check"])
            else:
                row = backup(url=url, anew=options["anew"], say=say_nothing if quiet else self.stdout.write)
                names = ("manifest", "rows", "files", "segments", "segments_sent", "bytes", "bytes_sent", "verified", "damaged")
                answer = {name: getattr(row, name) for name in names}
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer) if quiet else "\n".join(f"{name}: {value}" for name, value in answer.items()))


def _looked_at(url: str, reading: bool) -> dict[str, Any]:
    if not url:
        raise BackupError("BACKUP_URL is not set: say where the backups lie.")
    to = place(url)
    try:
        answer: dict[str, Any] = {"backups": manifests.names(to)}
        return answer | (_read_all(to) if reading else {})
    finally:
        to.close()


def _read_all(to: Any) -> dict[str, Any]:
    sealer = seal()
    newest = manifests.newest(to, sealer)
    if newest is None:
        raise BackupError("there is no backup that can be read")
    segments = {segment[0]: segment for segment in manifests.segments_of(newest)}
    segments |= {segment[0]: segment for segment in manifests.parts_of(to, sealer, newest)}
    size = sum(len(manifests.fetch(to, sealer, segment)) for segment in segments.values())
    return {"read": newest["at"], "segments_read": len(segments), "bytes_inside": size}
