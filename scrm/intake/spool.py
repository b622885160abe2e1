"""Bodies that the database could not take, kept as files until it can.

One file a body: written to a scratch name, synced, renamed, the folder synced, readable by its owner only. The name is the
SHA-256 of what it holds, so a body that is posted twice during an outage is kept once, and emptying it twice changes nothing.
Above the size limit, or when the disk runs short, nothing more is accepted and the platform is asked to come again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseTrouble

logger = logging.getLogger(__name__)

SUFFIX = ".body"


@dataclass(frozen=True, slots=True)
class SpoolState:
    files: int
    bytes: int
    accepting: bool


def folder() -> Path:
    return Path(settings.SPOOL_DIR)


def _files() -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder()) as entries:
            yield from (entry for entry in entries if entry.name.endswith(SUFFIX))
    except FileNotFoundError:
        return


def state() -> SpoolState:
    sizes = []
    for entry in _files():
        try:
            sizes.append(entry.stat().st_size)
        except FileNotFoundError:
            continue
    return SpoolState(len(sizes), sum(sizes), sum(sizes) < settings.SPOOL_LIMIT_BYTES and _room())


def _room() -> bool:
    folder().mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder()).free >= settings.SPOOL_LEAST_FREE_BYTES


def write(*, slug: str, body: bytes, headers: dict[str, str], checked: bool) -> bool:
    """Keep one body; True once it is on the disk for good."""
    try:
        accepting = state().accepting
    except OSError:
        logger.exception("the spool cannot be looked at")
        return False
    if not accepting:
        return False
    record = json.dumps({"slug": slug, "checked": checked, "headers": headers, "body": base64.b64encode(body).decode()}).encode()
    name = hashlib.sha256(record).hexdigest()
    target, scratch = folder() / f"{name}{SUFFIX}", folder() / f"{name}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(record)
            file.flush()
            os.fsync(file.fileno())
        scratch.rename(target)
        _sync_folder()
    except OSError:
        logger.exception("the spool cannot be written")
        scratch.unlink(missing_ok=True)
        return False
    return True


def _sync_folder() -> None:
    descriptor = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def empty(limit: int = 500) -> int:
    """Move spooled bodies into the ledger; a file is removed once its row is committed. Stops quietly while the database is away."""
    moved = 0
    for entry in sorted(_files(), key=lambda entry: entry.name)[:limit]:
        try:
            record = json.loads(Path(entry.path).read_bytes())
            done = _take(record)
        except DatabaseTrouble:
            return moved
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError):
            logger.exception("the spooled file %s cannot be read; it is left where it is", entry.name)
            continue
        if not done:
            return moved
        Path(entry.path).unlink(missing_ok=True)
        moved += 1
    return moved


def _take(record: dict[str, Any]) -> bool:
    from scrm.connections.services import by_slug
    from scrm.intake.views import signature_is_right, store

    connection = by_slug(record["slug"])
    body = base64.b64decode(record["body"])
    if connection is None or (not record["checked"] and not signature_is_right(connection, body, record["headers"])):
        logger.warning("a spooled body for %r had no right signature and was dropped", record["slug"])
        return True
    return store(connection.pk, body)


def by_connection() -> dict[str, int]:
    """How many bodies wait for each slug."""
    counts: dict[str, int] = {}
    for entry in _files():
        try:
            slug = json.loads(Path(entry.path).read_bytes())["slug"]
        except (OSError, ValueError, KeyError):
            slug = ""
        counts[slug] = counts.get(slug, 0) + 1
    return counts
