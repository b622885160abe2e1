"""`manage.py erase_contact ID --reason "…"`: erase a person everywhere, or say what would go."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.contacts.privacy.erasure import CannotErase, Outcome, erase_now, try_out


class Command(BaseCommand):
    help = "Erase a person and everything about them for good. Broken off, it goes on where it was when called again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", type=int)
        parser.add_argument("--reason", default="", help="kept with the erasure; name nobody in it")
        parser.add_argument("--by", default="command")
        parser.add_argument("--dry-run", action="store_true", help="count what would go and change nothing")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["format"] == "json"
        try:
            if options["dry_run"]:
                outcome = try_out(options["contact"], by=options["by"])
            else:
                outcome = erase_now(
                    options["contact"], by=options["by"], reason=options["reason"], progress=None if quiet else self._progress
                )
        except CannotErase as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(asdict(outcome)) if quiet else _words(outcome))

    def _progress(self, part: str, count: int) -> None:
        self.stdout.write(f"{part}: {count:,} rows")


def _words(outcome: Outcome) -> str:
    lines = [f"contact {outcome.contact_id}: {outcome.state}", *(f"  {name}: {count:,} rows" for name, count in outcome.counts.items())]
    if outcome.state == "done":
        lines.append("Older states of the rows may still lie in the database's files and backups; `erasures compact` clears the files.")
    return "\n".join(lines)
