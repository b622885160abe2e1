"""How many people stand twice in a file, before it is loaded."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scrm.contacts.importing import likeness
from scrm.contacts.importing.file_words import worded_file
from scrm.contacts.importing.sheets import BadFile
from scrm.contacts.importing.uploading import looked_at
from scrm.contacts.management.commands.import_contacts import add_reading, mapped, reading
from scrm.contacts.matching.publishing import in_force
from scrm.core.spreading import Failed
from scrm.core.spreadsheets import BOM


class Command(BaseCommand):
    help = (
        "Compares the rows of a CSV or XLSX file with one another, by the rules in force, and tells who seems to be one person and why. "
        "Loads and changes nothing. --out writes every pair with its evidence. Ends with 0, with 2 when the file or the request "
        "cannot be taken, with 3 when it was stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to look at")
        add_reading(parser)
        parser.add_argument("--out", type=Path, help="write the pairs to this CSV file")
        parser.add_argument("--processes", type=int, default=1, metavar="N", help="so many share the work (default: 1)")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["processes"] <= 64:
            raise CommandError("--processes takes a number from 1 to 64.", returncode=2)
        began, rules = time.monotonic(), in_force()
        try:
            with options["file"].open("rb") as file:
                run = looked_at(file, reading(options))
                run.mapping = mapped(run, options["map"])
                done = likeness.compare(file, run, rules, options["processes"], read=self._read)
        except BadFile as error:
            raise CommandError(worded_file(error.code, error.more), returncode=2) from None
        except OSError as error:
            raise CommandError(f"Cannot read {options['file']}: {error.strerror}", returncode=2) from None
        except LookupError as error:
            raise CommandError(str(error), returncode=2) from None
        except Failed as error:
            raise CommandError(f"Broken off: {error}. Nothing was changed; is there memory for so many processes?", returncode=2) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was changed.", returncode=3) from None
        if options["out"]:
            try:
                with options["out"].open("w", encoding="utf-8", newline="") as out:
                    out.write(BOM)
                    out.writelines(likeness.as_csv(done, rules))
            except OSError as error:
                raise CommandError(f"Cannot write {options['out']}: {error.strerror}", returncode=2) from None
        figures = {
            "compared": len(done.names),
            "not_readable": done.bad,
            "pairs": len(done.found),
            "proposed": done.proposed,
            "people_there_twice": len(done.groups),
            "spare_rows": done.spare,
            "seconds": round(time.monotonic() - began, 1),
        }
        if options["format"] == "json":
            mapping = dict(zip(run.columns, run.mapping, strict=False))
            self.stdout.write(json.dumps({**figures, "mapping": mapping}, ensure_ascii=False))
            return
        self._tell(figures, options)

    def _read(self, rows: int) -> None:
        self.stderr.write(f"{rows} rows read, comparing them …")

    def _tell(self, figures: dict[str, Any], options: dict[str, Any]) -> None:
        share = 100 * figures["spare_rows"] / max(1, figures["compared"])
        self.stdout.write(f"Rows compared: {figures['compared']}, in {figures['seconds']} s")
        self.stdout.write(
            f"People there more than once: {figures['people_there_twice']}; rows too many: {figures['spare_rows']} ({share:.1f} %)"
        )
        self.stdout.write(
            f"Pairs that are alike: {figures['pairs']}; merging would be proposed for {figures['proposed']}, people decide the rest"
        )
        if figures["not_readable"]:
            self.stdout.write(f"Rows that would not be loaded: {figures['not_readable']}; import_contacts --dry-run tells why")
        if options["out"]:
            self.stdout.write(f"Every pair with its evidence: {options['out']}")
        elif figures["pairs"]:
            self.stdout.write("--out FILE.csv writes every pair with its evidence.")
