"""A file comes in: looked at before it is kept, kept under a name of our own, and its columns guessed."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from scrm.contacts.importing import columns, encodings, limits, sheets, staging
from scrm.contacts.importing.sheets import BadFile, Readable
from scrm.contacts.models import Import, ImportLayout, ImportRow
from scrm.core import clock

State = Import.State
WAITING = (State.UPLOADED, State.CHECKED, State.STOPPED, State.FAILED, State.PAUSED)
# A file that no row names was left by a process that was killed; younger ones may be on their way in.
NAMELESS_FOR = timedelta(minutes=30)
FOLDER = "imports"


class NotNow(Exception):
    """The import is not in a state for this."""


def take(file: Readable, filename: str, *, by: Any = None, options: Mapping[str, Any] | None = None, at_home: Sequence[str] = ()) -> Import:
    """Keep an uploaded file. Raises `BadFile` and keeps nothing when it cannot be one.

    `at_home`: countries of numbers without country code, where neither `options` nor an earlier file with these headers names any.
    """
    run = looked_at(file, options or {})
    run.filename, run.created_at, run.created_by = shown_name(filename), clock.now(), by
    run.options["regions"] = run.options["regions"] or list(at_home)
    file.seek(0)
    run.file = default_storage.save(f"{FOLDER}/{uuid.uuid4().hex}.{run.kind}", File(file))
    run.save()
    return run


def looked_at(file: Readable, options: Mapping[str, Any]) -> Import:
    """How the file reads, stored nowhere. Raises `BadFile`."""
    size = file.seek(0, 2)
    if size > limits.FILE_BYTES:
        raise BadFile("too_big", most=limits.FILE_BYTES // 2**20)
    file.seek(0)
    run = Import(size=size, kind=sheets.kind_of(file.read(4096)))
    if run.kind == "xlsx":
        sheets.check_package(file)
    guess_options(run, file, {"regions": [], **options})
    return run


def is_open(run: Import) -> bool:
    """Whether the file may still be read or mapped otherwise: nothing of it was loaded."""
    return run.state in (State.UPLOADED, State.CHECKED) or (run.state == State.FAILED and run.started_at is None)


def has_file(run: Import) -> bool:
    return bool(run.file) and default_storage.exists(run.file)


def shown_name(filename: str) -> str:
    """What people see of the name; nothing is ever opened by it."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(char for char in unicodedata.normalize("NFC", name) if char.isprintable())[:200] or "file"


def guess_options(run: Import, file: Readable, given: Mapping[str, Any]) -> None:
    """Fill in whatever `given` does not say, then the columns and what they seem to hold."""
    options = dict(given)
    if run.kind == "csv":
        file.seek(0)
        found = sheets.guess(file.read(limits.SAMPLE_BYTES))
        if options.get("encoding") and options["encoding"] != found["encoding"]:
            file.seek(0)
            text = file.read(limits.SAMPLE_BYTES).decode(options["encoding"], "replace")
            found["delimiter"] = sheets.delimiter_of(text)
        options = {**found, **{key: value for key, value in options.items() if value}}
    else:
        options["sheets"] = sheets.sheet_names(file)
        if options.get("sheet") not in options["sheets"]:
            options["sheet"] = options["sheets"][0] if options["sheets"] else ""
    options["regions"] = list(given.get("regions") or [])
    first = list(islice(sheets.rows_of(file, run.kind, options), limits.HEADER_WITHIN))
    if not first:
        raise BadFile("empty")
    if not options.get("header_row"):
        options["header_row"] = sheets.header_row_of(first, columns.known)
    headers = next((cells for line, cells in first if line == int(options["header_row"])), first[0][1])
    options["header_row"] = next((line for line, cells in first if cells is headers), first[0][0])
    run.options, run.columns = options, [header.strip()[:200] for header in headers]
    layout = ImportLayout.objects.filter(headers=columns.headers_key(run.columns)).first()
    run.mapping = columns.remembered(run.columns, layout.mapping if layout else {})
    if layout and not options["regions"]:
        options["regions"] = list(layout.options.get("regions", []))


def preview(run: Import) -> list[sheets.Row]:
    """The first rows below the headers, as the present options read them."""
    with default_storage.open(run.file, "rb") as file:
        below = (row for row in sheets.rows_of(file, run.kind, run.options) if row[0] > int(run.options["header_row"]))
        return list(islice(below, limits.PREVIEW_ROWS))


def first_names(run: Import) -> list[tuple[str, str, list[str]]]:
    """(encoding, its name, the first cells that are not plain ASCII) for each encoding that the file may be in."""
    if run.kind != "csv":
        return []
    with default_storage.open(run.file, "rb") as file:
        sample = file.read(limits.SAMPLE_BYTES)
    found = []
    chosen = run.options["encoding"]
    # What a person chose is shown, too, however it reads.
    for name, label in dict([*encodings.offered(sample), (chosen, encodings.LABELS[chosen])]).items():
        text = encodings.decoded(sample, name)
        text = text if text is not None else sample.decode(name, "replace")
        cells = (cell.strip() for cell in text.replace("\n", run.options["delimiter"]).split(run.options["delimiter"]))
        found.append((name, label, list(dict.fromkeys(cell[:20] for cell in islice(cells, 400) if not cell.isascii()))[:4]))
    return found


def configure(run: Import, options: Mapping[str, Any], mapping: Sequence[str] | None = None) -> None:
    """Read the file otherwise, or map its columns otherwise. What was checked before counts no more."""
    with transaction.atomic():
        row = Import.objects.select_for_update().get(pk=run.pk)
        if not is_open(row):
            raise NotNow
        reads = {key: value for key, value in options.items() if key in ("encoding", "delimiter", "header_row", "sheet")}
        if any(row.options.get(key) != value for key, value in reads.items()):
            keep = {key: value for key, value in row.options.items() if key in ("regions", "consent_source")}
            if reads.get("encoding", row.options.get("encoding")) == row.options.get("encoding"):
                keep = {**row.options, **keep}
            with default_storage.open(row.file, "rb") as file:
                guess_options(row, file, {**keep, **options})
            mapping = None
        else:
            row.options = {**row.options, **options}
        if mapping is not None and len(mapping) == len(row.columns):
            row.mapping = list(mapping)
        row.state, row.checked, row.position, row.rows_total = State.UPLOADED, {}, 0, None
        row.error, row.attempts, row.finished_at = "", 0, None
        row.save()
        ImportRow.objects.filter(run=row).delete()
    staging.remove(row)
    run.refresh_from_db()


def remember(run: Import) -> None:
    """The next file with these headers is mapped the same."""
    made = {
        "mapping": dict(zip(run.columns, run.mapping, strict=False)),
        "options": {"regions": run.options.get("regions", [])},
        "used_at": clock.now(),
    }
    ImportLayout.objects.update_or_create(headers=columns.headers_key(run.columns), defaults=made)


def forget_file(run: Import) -> None:
    """Remove what was uploaded and what was made of it; what became of the rows stays on record."""
    staging.remove(run)
    if run.file:
        Import.objects.filter(pk=run.pk).update(file="")
        default_storage.delete(run.file)
        run.file = ""


def remove_old() -> int:
    """Files that nobody needs any more: of imports that ended, soon; of those that nobody started or went on with, after a while."""
    now = clock.now()
    _remove_nameless(now)
    ended = Q(state__in=(State.DONE, State.UNDONE), finished_at__lt=now - limits.FILE_KEPT)
    old = Import.objects.filter(ended | Q(state__in=WAITING, created_at__lt=now - limits.KEPT)).exclude(file="")
    runs = list(old[:200])
    for run in runs:
        # Whoever goes on with one at this moment is first or finds that the file is gone.
        if old.filter(pk=run.pk).update(file=""):
            forget_file(run)
    staging.remove_forgotten()
    forgotten = Import.objects.filter(created_at__lt=now - limits.KEPT, file="").exclude(state__in=(State.RUNNING, State.UNDOING))
    ImportRow.objects.filter(run__in=forgotten.values("pk")).exclude(cells=None).update(cells=None)
    return len(runs)


def _remove_nameless(now: datetime) -> None:
    if not default_storage.exists(FOLDER):
        return
    names = {f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]}
    for name in names - set(Import.objects.filter(file__in=names).values_list("file", flat=True)):
        with suppress(FileNotFoundError):
            if default_storage.get_modified_time(name) < now - NAMELESS_FOR:
                default_storage.delete(name)
