"""Write people to a CSV or XLSX file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scrm.contacts import exporting
from scrm.contacts.models import Contact


class Command(BaseCommand):
    help = (
        "Writes all people, or those found by --search, to a CSV or XLSX file that spreadsheets open without harm and that can be imported "
        "again. The audit keeps who exported what and why. Ends with 2 when the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write; .xlsx makes a spreadsheet, anything else CSV")
        parser.add_argument("--search", default="", help="only people found by these words")
        parser.add_argument("--reason", required=True, help="why, for the audit")
        parser.add_argument("--by", default="command", help="who it is done for")
        parser.add_argument("--format", default="text", choices=["text", "json"], help="how this command reports")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        words: str = options["search"]
        rows = exporting.people(Contact.objects.search(words) if words else None)
        form = "xlsx" if path.suffix.lower() == ".xlsx" else "csv"
        count = exporting.record(rows, by=options["by"], what=words, form=form, reason=options["reason"])
        try:
            if form == "xlsx":
                with path.open("wb") as file:
                    exporting.write_xlsx(rows, file)
            else:
                with path.open("w", encoding="utf-8", newline="") as text:
                    text.writelines(exporting.csv_lines(rows))
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}", returncode=2) from None
        said = {"file": str(path), "rows": count}
        self.stdout.write(json.dumps(said) if options["format"] == "json" else f"{count} people written to {path}")
