"""Stored files: listed folder by folder, each list a segment of its own, so that a million files take no more memory than one folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.files.storage import Storage

from scrm.core.backup.manifests import Segment
from scrm.core.storage import PARTIAL

PART_BYTES = 4 * 2**20
LISTED = 1000

# [name, size, time of change, [segment]]
Entry = list[Any]


def folders(storage: Storage, folder: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each folder that holds files, with the names of these, in order."""
    try:
        below, files = storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    if found := [f"{folder}/{name}".lstrip("/") for name in sorted(files) if PARTIAL not in name]:
        yield folder, found
    for each in sorted(below):
        yield from folders(storage, f"{folder}/{each}".lstrip("/"))


def lists(names: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for number, start in enumerate(range(0, len(names), LISTED)):
        yield number, names[start : start + LISTED]


def entry(storage: Storage, name: str, until: datetime, before: Entry | None, keep: Callable[[bytes], Segment]) -> Entry | None:
    """The entry of a file. One as large and as old as `before` is not read again. None: it is gone, or younger than the rows."""
    try:
        changed = storage.get_modified_time(name)
        stamp = [storage.size(name), changed.isoformat()]
        if changed > until:
            return None
        if before is not None and before[1:3] == stamp:
            return before
        with storage.open(name) as file:
            parts = [keep(part) for part in iter(lambda: file.read(PART_BYTES), b"")]
    except FileNotFoundError:
        return None  # removed since it was listed
    return [name, *stamp, parts]


def encoded(entries: Sequence[Entry]) -> bytes:
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
