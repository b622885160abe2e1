"""Whether the database is as the erasure ledger says: an older copy that was restored brings people back who were erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.db import Error as DatabaseTrouble

from scrm.contacts.privacy import ledger

ADVICE = "Run manage.py erasures replay."


class _Seen:
    """The file as it was when last found in order: nothing is read again until it changes."""

    stamp: tuple[int, int] | None = None


def pending() -> int:
    """How many erasures of the ledger are not in the database; cheap enough for `/readyz`."""
    try:
        stat = ledger.path().stat()
    except FileNotFoundError:
        return 0
    stamp = (stat.st_mtime_ns, stat.st_size)
    if stamp == _Seen.stamp:
        return 0
    missing = len(ledger.not_in_database())
    _Seen.stamp = None if missing else stamp
    return missing


@register("database")
def erasures_are_replayed(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        back, lost = len(ledger.not_in_database()), len(ledger.not_in_file())
    except DatabaseTrouble:
        return []  # before the first migration there is nobody to erase
    found: list[CheckMessage] = []
    if back:
        words = f"{back} people of the erasure ledger are not erased in this database; it is an older copy."
        found.append(Error(words, hint=ADVICE, id="scrm.E010"))
    if lost:
        words = f"The erasure ledger {ledger.path()} lacks {lost} erasures of this database."
        found.append(Warning(words, hint=f"{ADVICE} It writes them anew.", id="scrm.W010"))
    return found
