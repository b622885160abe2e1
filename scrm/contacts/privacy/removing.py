"""What the parts of an erasure share: chunks, files, the admin's log, and trying without effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import Storage
from django.db import models, transaction

CHUNK = 300

# True while an erasure is only tried: its transaction is rolled back, and files, which know no transactions, are left alone.
only_trying: ContextVar[bool] = ContextVar("only_trying", default=False)


def in_chunks(rows: models.QuerySet[Any], act: Callable[[list[int]], object] | None = None, size: int = CHUNK) -> Iterator[int]:
    """Remove all rows of a queryset, `size` at a time, each chunk in its own transaction. `act` does what must go with them, first."""
    while True:
        with transaction.atomic():
            ids = list(rows.order_by("pk").values_list("pk", flat=True)[:size])
            if not ids:
                return
            if act is not None:
                act(ids)
            rows.model._default_manager.filter(pk__in=ids).delete()
        yield len(ids)


def remove_file(storage: Storage, name: str) -> None:
    """Before the row that names it, so that no file is left that nothing leads to."""
    if name and not only_trying.get():
        storage.delete(name)


def unlink(path: Path) -> None:
    if not only_trying.get():
        path.unlink(missing_ok=True)


def forget_log_entries(model: type[models.Model], ids: Sequence[Any]) -> int:
    """The admin's log keeps names and changed values; that something was done by whom stays."""
    kind = ContentType.objects.get_for_model(model)
    rows = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids])
    return rows.exclude(object_repr="", change_message="").update(object_repr="", change_message="")


def pattern(markers: Sequence[str]) -> re.Pattern[str] | None:
    """Finds any of the markers as a whole: a number is not found inside a longer one."""
    if not markers:
        return None
    return re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(re.escape(marker) for marker in markers)})(?![0-9A-Za-z])", re.IGNORECASE)
