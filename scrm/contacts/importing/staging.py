"""The rows of an import as they are read once, on this host's disk, so that any chunk can be reached at once.

`rows.jsonl`: [line, cells] a line; `index.json`: {"offsets": byte offset of every `EVERY`th row, "rows": how many}. Built again where it
is missing, as on another host: the file itself is in the shared storage. `seen.bin`: what a dry run has seen, 8 bytes a key.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage

from scrm.contacts.importing import sheets
from scrm.contacts.models import Import
from scrm.core.security import storable

EVERY = 100


def folder_of(run: Import) -> Path:
    return Path(settings.VAR_DIR) / "imports" / str(run.pk)


def remove(run: Import) -> None:
    shutil.rmtree(folder_of(run), ignore_errors=True)


def stage(run: Import) -> int:
    """Read the whole file once; how many rows there are below the headers. Raises `BadFile`."""
    folder = folder_of(run)
    if (index := _index(folder)) is not None and index.get("options") == run.options:
        return int(index["rows"])
    folder.mkdir(parents=True, exist_ok=True)
    offsets: list[int] = []
    count = 0
    header = int(run.options.get("header_row", 1))
    # Another worker may be at it: each writes its own, and the last one stays.
    partly = folder / f"rows.{id(run)}.part"
    with default_storage.open(run.file, "rb") as source, partly.open("wb") as target:
        for line, cells in sheets.rows_of(source, run.kind, run.options):
            if line <= header:
                continue
            if count % EVERY == 0:
                offsets.append(target.tell())
            target.write(_packed(line, cells))
            count += 1
    partly.replace(folder / "rows.jsonl")
    (folder / "index.json").write_text(json.dumps({"offsets": offsets, "rows": count, "options": run.options}))
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
