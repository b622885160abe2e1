"""Backups in a folder. What `put` has returned from survives a power cut."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from scrm.core.backup.sealing import BackupError
from scrm.core.storage import PARTIAL


class InFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: set[Path] = set()

    def put(self, name: str, body: bytes) -> None:
        target = self.folder / name
        scratch = target.with_name(f"{target.name}{PARTIAL}{uuid.uuid4().hex}")
        with _in_words(), _removed_unless_done(scratch):
            self._make(target.parent)
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(descriptor)
            scratch.replace(target)
            _sync(target.parent)

    def _make(self, folder: Path) -> None:
        if folder not in self._known:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder != self.folder:
                _sync(folder.parent)
            self._known.add(folder)

    def get(self, name: str) -> bytes | None:
        with _in_words():
            try:
                return (self.folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def names(self, prefix: str) -> Iterator[str]:
        """Whole ones. What killed processes left half written goes."""
        with _in_words():
            for path in sorted((self.folder / prefix).rglob("*")):
                if PARTIAL in path.name:
                    path.unlink(missing_ok=True)
                elif path.is_file():
                    yield path.relative_to(self.folder).as_posix()

    def remove(self, name: str) -> None:
        with _in_words():
            (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _removed_unless_done(scratch: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"the folder of the backups does not do it: {error}") from error
