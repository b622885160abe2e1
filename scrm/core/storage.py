"""Customers' files on a disk: under their name whole, or not at all.

Django writes into the final name as it goes, so a full disk or a killed process leaves half a file that looks like a whole one.
"""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

PARTIAL = ".partial-"


@deconstructible(path="scrm.core.storage.WholeFileStorage")
class WholeFileStorage(FileSystemStorage):
    """Writes beside the final name and renames. What a killed process leaves carries `PARTIAL` in its name."""

    def _save(self, name: str, content: Any) -> str:
        wanted = f"{name}{PARTIAL}{uuid.uuid4().hex}"
        try:
            partial: str = super()._save(wanted, content)  # type: ignore[misc]
            return self._rename(partial, name)
        except OSError:
            with contextlib.suppress(OSError):
                Path(self.path(wanted)).unlink()
            raise

    def _rename(self, partial: str, name: str) -> str:
        """A link fails where a rename would overwrite what another has just put there."""
        while True:
            target = Path(self.path(name))
            try:
                target.hardlink_to(self.path(partial))
            except FileExistsError:
                name = self.get_available_name(name)
            except OSError:
                # A file system without links: the name was free a moment ago, and that has to do.
                Path(self.path(partial)).rename(target)
                return Path(name).as_posix()
            else:
                Path(self.path(partial)).unlink()
                return Path(name).as_posix()
