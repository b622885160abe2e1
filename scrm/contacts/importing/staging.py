"""The rows of an import as they are read once, on this host's disk, so that any chunk can be reached at once.

`rows.jsonl`: [line, cells] a line; `index.json`: {"offsets": byte offset of every `EVERY`th row, "rows": how many, "file" and "options":
of what, read how}. Built again where it is missing, as on another host: the file itself is in the shared storage, and with it all that
any host made of it goes. `seen.bin`: what a dry run has seen, 8 bytes a key.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage

from scrm.contacts.importing import sheets
from scrm.contacts.models import Import
from scrm.core.security import storable

EVERY = 100


def _folders() -> Path:
    return Path(settings.VAR_DIR) / "imports"


def folder_of(run: Import) -> Path:
    return _folders() / str(run.pk)


def remove(run: Import) -> None:
    shutil.rmtree(folder_of(run), ignore_errors=True)


def remove_forgotten() -> None:
    """What this host made of files that are gone: another host may have removed the file and could not reach this disk."""
    here = {int(path.name): path for path in _folders().glob("*") if path.name.isdecimal()}
    if here:
        kept = Import.objects.filter(pk__in=here).exclude(file="").values_list("pk", flat=True)
        for pk in here.keys() - set(kept):
            shutil.rmtree(here[pk], ignore_errors=True)


def stage(run: Import) -> int:
    """Read the whole file once; how many rows there are below the headers. Raises `BadFile`, also when the file was removed since."""
    folder, source_of = folder_of(run), {"file": run.file, "options": run.options}
    if not run.file:
        raise sheets.BadFile("gone")
    if (index := _index(folder)) is not None and {name: index.get(name) for name in source_of} == source_of:
        return int(index["rows"])
    if not default_storage.exists(run.file):
        raise sheets.BadFile("gone")
    folder.mkdir(parents=True, exist_ok=True)
    offsets: list[int] = []
    count = 0
    header = int(run.options.get("header_row", 1))
    # Another worker may be at it: each writes its own, and the last one stays.
    partly = folder / f"rows.{uuid.uuid4().hex}.part"
    with default_storage.open(run.file, "rb") as source, partly.open("wb") as target:
        for line, cells in sheets.rows_of(source, run.kind, run.options):
            if line <= header:
                continue
            if count % EVERY == 0:
                offsets.append(target.tell())
            target.write(_packed(line, cells))
            count += 1
    partly.replace(folder / "rows.jsonl")
    (folder / "index.json").write_text(json.dumps({"offsets": offsets, "rows": count, **source_of}))
    return count


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _packed(line: int, cells: list[str]) -> bytes:
    text = _encode([line, cells])
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = b"\\u0000"
    # What no database holds is rare; only rows that have some are gone through cell by cell.
    return (raw if b"\\u0000" not in raw else _encode([line, storable(cells)]).encode()) + b"\n"


def _index(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / "index.json").read_text())
        return found if (folder / "rows.jsonl").exists() else None
    except (OSError, ValueError):
        return None


def rows(run: Import, start: int, count: int) -> Iterator[tuple[int, list[str]]]:
    """Rows `start` to `start + count`, as far as there are such."""
    stage(run)
    folder = folder_of(run)
    index = _index(folder) or {"offsets": []}
    place = start // EVERY
    if place >= len(index["offsets"]):
        return
    with (folder / "rows.jsonl").open("rb") as file:
        file.seek(index["offsets"][place])
        for number, raw in enumerate(file, start=place * EVERY):
            if number >= start + count:
                return
            if number >= start:
                line, cells = json.loads(raw)
                yield line, cells
