"""What imports keep of a person: the rows that made or changed them, bad rows that name them, and files that hold them.

A file of which somebody is erased goes as a whole: what it made of the others stands in the rows, and an import that had not ended is
stopped and says why.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence

from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from scrm.contacts.importing import uploading
from scrm.contacts.models import Import, ImportRow
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump

AT_WORK = (Import.State.UPLOADED, Import.State.CHECKING, Import.State.CHECKED, Import.State.RUNNING, Import.State.PAUSED)
GONE = "The file held somebody who was erased and was removed."


def _rows(whom: Person) -> QuerySet[ImportRow]:
    named = Q()
    for marker in whom.markers:
        named |= Q(said__contains=marker)
    mine = Q(contact__in=whom.contacts)
    rows = ImportRow.objects.annotate(said=Cast("cells", TextField()))
    return rows.filter(mine | (Q(outcome=ImportRow.Outcome.BAD) & named)) if named else rows.filter(mine)


def _erase(whom: Person) -> Iterator[int]:
    runs = set(_rows(whom).values_list("run", flat=True))
    for run in Import.objects.exclude(file=""):
        if run.pk in runs or holds(run.file, whom.markers):
            _remove_file(run)
            yield 1
    yield from in_chunks(ImportRow.objects.filter(pk__in=_rows(whom).values("pk")))


def _remove_file(run: Import) -> None:
    uploading.forget_file(run)
    Import.objects.filter(pk=run.pk, state__in=AT_WORK).update(state=Import.State.FAILED, error=GONE)


def holds(name: str, markers: Sequence[str]) -> bool:
    """Whether a stored file names one of these addresses; a workbook is looked into, member by member."""
    wanted = [marker.encode() for marker in markers]
    if not wanted or not default_storage.exists(name):
        return False
    with default_storage.open(name) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            content = file.read()
            return any(word in content for word in wanted)
        with zipfile.ZipFile(file) as book:
            return any(word in book.read(member) for member in book.namelist() for word in wanted)


def _export(whom: Person, box: Box) -> None:
    box.rows("import_rows", dump(_rows(whom), only=("id", "run_id", "line", "outcome", "contact_id", "notes", "cells", "before")))


def register() -> None:
    registry.register("imports", rank=40, covers=[ImportRow._meta.label_lower], erase=_erase, export=_export)
