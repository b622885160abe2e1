"""Rows as plain values, for a person's export; and the export's files: JSON for machines, CSV for people, the media beside them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import models

from scrm.contacts.privacy.registry import Row

# A spreadsheet takes a text that begins so for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
PART = 512 * 1024


def dump(rows: models.QuerySet[Any], *, leave: Sequence[str] = (), only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Each row's own columns, by primary key, a thousand at a time."""
    names = only or [field.attname for field in rows.model._meta.concrete_fields if field.attname not in leave]
    for row in rows.order_by("pk").values(*names).iterator(chunk_size=1000):
        yield dict(row)


def plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def cell(value: Any) -> str:
    """What a spreadsheet shows and does not run."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(plain(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


class ZipBox:
    """The export's file. Kinds without rows are listed as empty, so that a reader knows they were looked for."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.kinds: dict[str, int] = {}
        self.missing: list[str] = []

    def rows(self, kind: str, rows: Iterable[Row]) -> int:
        """`data/<kind>.json`: a list, one row a line; `tables/<kind>.csv`: UTF-8 with a mark, as spreadsheets want it."""
        table = io.StringIO(newline="")
        writer = csv.writer(table)
        count = 0
        header: list[str] = []
        with self.archive.open(f"data/{kind}.json", "w", force_zip64=True) as file:
            for row in rows:
                if not count:
                    header = list(row)
                    writer.writerow(header)
                file.write(b"[\n" if not count else b",\n")
                file.write(json.dumps({key: plain(value) for key, value in row.items()}, ensure_ascii=False, default=str).encode())
                writer.writerow([cell(row.get(name)) for name in header])
                count += 1
            file.write(b"\n]\n" if count else b"[]\n")
        if count:
            self.archive.writestr(f"tables/{kind}.csv", b"\xef\xbb\xbf" + table.getvalue().encode())
        self.kinds[kind] = self.kinds.get(kind, 0) + count
        return count

    def file(self, path: str, name: str) -> None:
        """A stored file as it is. One that is not there is told in the index, the export goes on."""
        try:
            with default_storage.open(name) as source, self.archive.open(path, "w", force_zip64=True) as target:
                while part := source.read(PART):
                    target.write(part)
        except OSError:
            self.missing.append(path)


def index(box: ZipBox, about: dict[str, Any]) -> bytes:
    return json.dumps({**about, "rows": box.kinds, "missing_files": box.missing}, ensure_ascii=False, indent=1, default=str).encode()


def write_zip(target: Path, fill: Any, about: dict[str, Any]) -> ZipBox:
    """Beside its name and renamed, readable by its owner only: what stands under the name is whole."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = target.with_name(target.name + ".partial")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=0o600)
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        box = ZipBox(archive)
        fill(box)
        archive.writestr("index.json", index(box, about))
    scratch.rename(target)
    return box
