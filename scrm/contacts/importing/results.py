"""What became of an import, counted in the database, and the rows that are to be repaired."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.db.models import Count

from scrm.contacts.importing.columns import OWN_COLUMNS
from scrm.contacts.importing.problems import worded
from scrm.contacts.models import Contact, Import, ImportRow
from scrm.core.spreadsheets import BOM, neutralised

Outcome = ImportRow.Outcome


def counts(run: Import) -> dict[str, int]:
    """Rows by outcome, and `people`: how many of the people that it made are there now."""
    found = dict.fromkeys(Outcome.values, 0)
    found |= dict(ImportRow.objects.filter(run=run).values_list("outcome").annotate(number=Count("pk")))
    made = ImportRow.objects.filter(run=run, outcome=Outcome.CREATED).values("contact")
    found["people"] = Contact.objects.filter(pk__in=made).count()
    found["noted"] = ImportRow.objects.filter(run=run).exclude(notes=None).exclude(outcome=Outcome.BAD).count()
    return found


def why(row: ImportRow) -> str:
    return "; ".join(worded(each) for each in row.notes or [])


def error_file(run: Import) -> Iterator[str]:
    """The rows that were not loaded as they came, with the reason in a last column: repair them and load the file again."""
    yield BOM + _line([*run.columns, *OWN_COLUMNS])
    width = len(run.columns)
    for row in run.rows.filter(outcome=Outcome.BAD).order_by("line").iterator(2000):
        cells = list(row.cells or [])
        yield _line([*cells[:width], *[""] * (width - len(cells)), why(row), str(row.line)])


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([neutralised(cell) for cell in cells])
    return out.getvalue()
