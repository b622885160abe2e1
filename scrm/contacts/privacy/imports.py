"""What imports keep of a person: the rows that made or changed them, bad rows that name them, and files that hold them.

A file of which somebody is erased goes as a whole: what it made of the others stands in the rows, and an import that had not ended is
stopped and says why.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator

import phonenumbers
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from scrm.contacts.importing import encodings, limits, uploading
from scrm.contacts.models import Import, ImportRow
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.digests import NUMBERS
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks, only_trying, pattern
from scrm.contacts.privacy.writing import dump

AT_WORK = (Import.State.UPLOADED, Import.State.CHECKING, Import.State.CHECKED, Import.State.RUNNING, Import.State.PAUSED)
# What people write between the digits of a number; what stands between two cells is none of it.
_BETWEEN = re.compile(r"[ ().\-\u2010-\u2015\u2212\u30fb/]+")
Names = Callable[[str], bool]


def names_of(whom: Person) -> Names:
    """Whether a text holds one of the person's addresses, a number also as it is written with separators or without country code."""
    said = pattern(whom.markers)
    digits = {_BETWEEN.sub("", unicodedata.normalize("NFKC", marker)) for marker in whom.markers}
    spelled = {_spellings(value) for kind, value in whom.addresses if kind in NUMBERS}
    numbers = sorted(filter(None, spelled | {each for each in digits if each.isdecimal()}))
    written = re.compile(rf"(?<!\d)0*(?:{'|'.join(numbers)})(?!\d)") if numbers else None

    def names(text: str) -> bool:
        text = unicodedata.normalize("NFKC", text)
        return bool(said and said.search(text)) or bool(written and written.search(_BETWEEN.sub("", text)))

    return names


def _spellings(value: str) -> str:
    """A pattern of the digits of E.164 with and without country code and leading zero; "" when it is not in that form."""
    try:
        number = phonenumbers.parse(value) if value.startswith("+") else None
    except phonenumbers.NumberParseException:
        return ""
    return rf"(?:{number.country_code})?0?{number.national_number}" if number is not None else ""


def _rows(whom: Person) -> QuerySet[ImportRow]:
    names = names_of(whom)
    bad = ImportRow.objects.filter(outcome=ImportRow.Outcome.BAD).exclude(cells=None).values_list("pk", "cells")
    named = [pk for pk, cells in bad.iterator(2000) if names("\n".join(cells or []))]
    return ImportRow.objects.filter(Q(contact__in=whom.contacts) | Q(pk__in=named))


def _erase(whom: Person) -> Iterator[int]:
    rows, names = _rows(whom), names_of(whom)
    runs = set(rows.values_list("run", flat=True))
    for run in Import.objects.exclude(file=""):
        if run.pk in runs or holds(run, names):
            _remove_file(run)
            yield 1
    yield from in_chunks(ImportRow.objects.filter(pk__in=rows.values("pk")))


def _remove_file(run: Import) -> None:
    if only_trying.get():
        return
    uploading.forget_file(run)
    Import.objects.filter(pk=run.pk, state__in=AT_WORK).update(state=Import.State.FAILED, error="erased")


def holds(run: Import, names: Names) -> bool:
    """Whether the stored file names one of these addresses, in whatever encoding; a workbook is looked into, member by member."""
    if not default_storage.exists(run.file):
        return False
    with default_storage.open(run.file) as file:
        if run.kind == "xlsx":
            with zipfile.ZipFile(file) as book:
                return any(names(book.read(member).decode(errors="replace")) for member in book.namelist())
        content = file.read()
        # A person may have said another than it is in.
        read_as = {encodings.detect(content[: limits.SAMPLE_BYTES]), str(run.options.get("encoding") or "utf-8-sig")}
        return any(names(content.decode(each, "replace")) for each in read_as)


def _export(whom: Person, box: Box) -> None:
    box.rows("import_rows", dump(_rows(whom), only=("id", "run_id", "line", "outcome", "contact_id", "notes", "cells", "before")))


def register() -> None:
    registry.register("imports", rank=40, covers=[ImportRow._meta.label_lower], erase=_erase, export=_export)
