"""What belongs to one backup, and what the place still has of others.

A manifest: {format, at, key, keys, vendor, migrations, sequences, tables, files}
tables: {label: {fields, rows, ranges: [[first, last, rows, [segment]]]}}
files: [[folder, number, files, bytes, segment]], whose segment holds a list [[name, size, time of change, [segment]]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scrm.core.backup.places import Place
from scrm.core.backup.sealing import BackupError, Seal

FORMAT = 1
SEGMENTS, MANIFESTS, BESIDE = "segments/", "manifests/", "beside/"

# [digest of what it holds, bytes at the place]
Segment = list[Any]
Manifest = dict[str, Any]


def segment_name(digest: str) -> str:
    return f"{SEGMENTS}{digest[:2]}/{digest}"


def short(digest: str) -> bytes:
    """Half of a digest, for the sets that hold one for every segment of a place."""
    return bytes.fromhex(digest[:32])


def names(to: Place) -> list[str]:
    """Oldest first."""
    return sorted(to.names(MANIFESTS))


def read(to: Place, seal: Seal, name: str) -> Manifest:
    body = to.get(name)
    if body is None:
        raise BackupError(f"there is no backup {name}")
    try:
        manifest: Manifest = seal.open_json(body)
    except BackupError as error:
        raise BackupError(f"the backup {name} {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(f"the backup {name} has format {manifest.get('format')}, this version reads {FORMAT}")
    return manifest


def newest(to: Place, seal: Seal) -> Manifest | None:
    """That can be read: one with another key, or damaged, is passed over."""
    for name in reversed(names(to)):
        try:
            return read(to, seal, name)
        except BackupError:
            continue
    return None


def fetch(to: Place, seal: Seal, segment: Segment) -> bytes:
    """What a segment holds, found to be what was written."""
    body = to.get(segment_name(segment[0]))
    if body is None:
        raise BackupError(f"segment {segment[0][:12]} is missing at the place")
    try:
        plain = seal.open(body)
    except BackupError as error:
        raise BackupError(f"segment {segment[0][:12]} {error}") from error
    if not seal.is_digest(segment[0], plain):
        raise BackupError(f"segment {segment[0][:12]} is not what was written; the place is damaged")
    return plain


def segments_of(manifest: Manifest) -> Iterator[Segment]:
    """Without the parts of files."""
    for table in manifest["tables"].values():
        for *_, segments in table["ranges"]:
            yield from segments
    yield from (segment for *_, segment in manifest["files"])


def parts_of(to: Place, seal: Seal, manifest: Manifest, *, seen: set[bytes] | None = None) -> Iterator[Segment]:
    """The parts of all files, but for those of lists in `seen`, to which the lists are added."""
    for *_, segment in manifest["files"]:
        if seen is not None and short(segment[0]) in seen:
            continue
        for *_, parts in file_list(to, seal, segment):
            yield from parts
        if seen is not None:
            seen.add(short(segment[0]))


def file_list(to: Place, seal: Seal, segment: Segment) -> list[Any]:
    import json

    found: list[Any] = json.loads(fetch(to, seal, segment))
    return found
