"""`manage.py export_contact ID --out person.zip`: everything about a person in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.contacts.models import Contact
from scrm.contacts.privacy.exports import write
from scrm.core import audit


class Command(BaseCommand):
    help = "Write everything about a person into a ZIP: JSON, tables for spreadsheets, and the files that were sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", type=int)
        parser.add_argument("--out", required=True)
        parser.add_argument("--reason", default="asked for on the command line")
        parser.add_argument("--by", default="command")

    def handle(self, *args: Any, **options: Any) -> None:
        pk, target = options["contact"], Path(options["out"])
        if not Contact.objects.filter(pk=pk).exists():
            raise CommandError(f"there is no contact {pk}")
        audit.record("contacts.exported", by=options["by"], subject=f"contacts.contact:{pk}", reason=options["reason"])
        try:
            box = write(pk, target)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{target}: {sum(box.kinds.values()):,} rows of {len(box.kinds)} kinds, {target.stat().st_size:,} bytes")
        for path in box.missing:
            self.stderr.write(f"not there: {path}")
