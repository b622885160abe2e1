"""Load people from a CSV or XLSX file, here and now."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from scrm.contacts.importing import columns, results, running, undoing, uploading
from scrm.contacts.importing.file_words import worded_file
from scrm.contacts.importing.sheets import BadFile
from scrm.contacts.models import Import

SHOWN = 20


def mapped(run: Import, given: list[str]) -> list[str]:
    """What the columns hold, with what was said of some of them: HEADER=FIELD."""
    mapping = list(run.mapping)
    for each in given:
        header, _, target = each.rpartition("=")
        if header not in run.columns:
            raise CommandError(f"There is no column {header!r}; there are: {', '.join(run.columns)}", returncode=2)
        if target and target not in columns.TARGETS and not target.startswith(columns.CUSTOM):
            raise CommandError(f"There is no field {target!r}; there are: {', '.join(columns.TARGETS)}, custom.<name>", returncode=2)
        mapping[run.columns.index(header)] = target
    if twice := columns.check(mapping):
        raise CommandError(f"More than one column would fill: {', '.join(twice)}", returncode=2)
    return mapping


def add_reading(parser: ArgumentParser) -> None:
    """How a file is read."""
    parser.add_argument("--region", action="append", default=[], metavar="HK", help="where numbers without country code belong; repeatable")
    parser.add_argument("--encoding", default="", help="utf-8-sig, utf-16, cp932, big5hkscs or gb18030 (default: found out)")
    parser.add_argument("--delimiter", default="", help="between cells (default: found out)")
    parser.add_argument("--header-row", type=int, default=0, help="the line of the headers (default: found out)")
    parser.add_argument("--sheet", default="", help="of an XLSX file (default: the first)")
    parser.add_argument("--map", action="append", default=[], metavar="HEADER=FIELD", help="what a column holds; empty to ignore it")


def reading(options: dict[str, Any]) -> dict[str, Any]:
    """What was said of it; what was not is found out."""
    given = {name: options[name] for name in ("encoding", "delimiter", "sheet", "header_row") if options[name]}
    return {**given, "regions": [region.upper() for region in options["region"]]}


class Command(BaseCommand):
    help = (
        "Loads people from a CSV or XLSX file: guesses encoding, delimiter and columns, names every row that is not loaded with its column "
        "and reason, and may be repeated: a row that was loaded before changes nothing. A run that was cut off goes on with --resume. "
        "Ends with 0 when all rows are loaded, 1 when some are not, 2 when the file or the request cannot be taken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="the file to load")
        parser.add_argument("--dry-run", action="store_true", help="try without effect")
        add_reading(parser)
        parser.add_argument("--consent-source", default="", help="where people said yes to promotions, for columns that say so")
        parser.add_argument("--by", default="", metavar="USERNAME", help="who it is done for")
        parser.add_argument("--errors", type=Path, help="write the rows that are not loaded to this CSV file")
        parser.add_argument("--resume", type=int, metavar="ID", help="go on with an import that was cut off or stopped")
        parser.add_argument("--undo", type=int, metavar="ID", help="take an import back")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = self._run(options)
        except BadFile as error:
            raise CommandError(worded_file(error.code, error.more), returncode=2) from None
        counts = run.checked.get("counts", {}) if options["dry_run"] else results.counts(run)
        if options["errors"]:
            with options["errors"].open("w", encoding="utf-8", newline="") as file:
                file.writelines(results.error_file(run))
        self._tell(run, counts, options)
        if run.state == Import.State.FAILED or counts.get("bad"):
            sys.exit(1)

    def _run(self, options: dict[str, Any]) -> Import:
        user = self._user(options["by"])
        if options["undo"]:
            run = self._import(options["undo"])
            if not undoing.start(run, by=user) and run.state != Import.State.UNDOING:
                raise CommandError(f"Import {run.pk} is {run.state}: there is nothing to undo.", returncode=2)
            return running.run_to_end(run)
        if options["resume"]:
            run = self._import(options["resume"])
            if run.state not in running.AT_WORK and not running.resume(run):
                raise CommandError(f"Import {run.pk} is {run.state}: there is nothing to go on with.", returncode=2)
            return running.run_to_end(run)
        if options["file"] is None:
            raise CommandError("Name a file, or --resume or --undo an import.", returncode=2)
        return self._load(options, user)

    def _load(self, options: dict[str, Any], user: Any) -> Import:
        given = reading(options) | ({"consent_source": options["consent_source"]} if options["consent_source"] else {})
        try:
            with options["file"].open("rb") as file:
                run = uploading.take(file, options["file"].name, by=user, options=given)
        except OSError as error:
            raise CommandError(f"Cannot read {options['file']}: {error.strerror}", returncode=2) from None
        except LookupError as error:
            raise CommandError(str(error), returncode=2) from None
        self._map(run, options["map"])
        running.check(run)
        running.run_to_end(run)
        if not options["dry_run"] and run.state == Import.State.CHECKED:
            running.start(run, by=user or "command")
            running.run_to_end(run)
        return run

    def _map(self, run: Import, given: list[str]) -> None:
        run.mapping = mapped(run, given)
        run.save(update_fields=["mapping"])

    def _user(self, name: str) -> Any:
        if not name:
            return None
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.", returncode=2)
        return user

    def _import(self, pk: int) -> Import:
        run = Import.objects.filter(pk=pk).first()
        if run is None:
            raise CommandError(f"There is no import {pk}.", returncode=2)
        return run

    def _tell(self, run: Import, counts: dict[str, int], options: dict[str, Any]) -> None:
        bad = [
            {"line": row.line, "reasons": [each.get("code") for each in row.notes or []], "words": results.why(row)}
            for row in run.rows.filter(outcome="bad").order_by("line")[: None if options["format"] == "json" else SHOWN]
        ]
        mapping = dict(zip(run.columns, run.mapping, strict=False))
        if options["format"] == "json":
            said = {"import": run.pk, "state": run.state, "error": run.error, "mapping": mapping, "counts": counts, "bad": bad}
            self.stdout.write(json.dumps(said, ensure_ascii=False))
            return
        self.stdout.write(f"Import {run.pk} ({run.filename}): {run.get_state_display()} {run.error}".rstrip())
        self.stdout.write(", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no rows")
        for each in bad:
            self.stdout.write(f"  line {each['line']}: {each['words']}")
        if counts.get("bad", 0) > len(bad):
            self.stdout.write("  … the others: --errors FILE")
