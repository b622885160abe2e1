"""The erasure ledger: a file outside the database that says whom to erase again after an older copy of the database was restored.

One JSON line an erasure, only added, synced before the first row is removed. It holds numbers and keyed digests, no personal data.
It must not be part of the database's backup, and every host that erases must see the same folder (LEDGER_DIR).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from scrm.contacts.privacy_models import ErasedAddress, Erasure

NAME = "erasures.jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    code: str
    at: datetime
    contact_id: int
    people: tuple[tuple[int, str], ...]
    # digest -> (opted out, declined promotions)
    digests: dict[str, tuple[bool, bool]]


def path() -> Path:
    return Path(settings.LEDGER_DIR) / NAME


def write(erasure: Erasure) -> None:
    """Add one line for good. Writing the same erasure again is harmless: the last line of a code counts."""
    line = {
        "code": erasure.code,
        "at": (erasure.started_at or erasure.asked_at).isoformat(),
        "contact": erasure.contact_id,
        "people": erasure.people,
        "digests": erasure.digests,
    }
    add([json.dumps(line)])


def add(lines: Iterable[str]) -> None:
    """Add lines, as `raw_lines` gives them, for good."""
    path().parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # On a line of its own even when a killed process left half a line.
        os.write(descriptor, "".join(f"\n{line}\n" for line in lines).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def raw_lines() -> list[str]:
    """All whole lines, as they stand in the file."""
    try:
        found = [line for line in path().read_text().split("\n") if line]
    except FileNotFoundError:
        return []
    return [line for line in found if _is_whole(line)]


def _is_whole(line: str) -> bool:
    try:
        _line(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return False
    return True


def read() -> dict[str, Line]:
    """All erasures by code. Half a line, left by a killed process whose erasure had not begun, is passed over."""
    lines = [_line(json.loads(raw)) for raw in raw_lines()]
    return {line.code: line for line in lines}


def _line(data: dict[str, Any]) -> Line:
    people = tuple((int(pk), str(made)) for pk, made in data["people"])
    digests = {str(digest): (bool(flags[0]), bool(flags[1])) for digest, flags in data["digests"].items()}
    return Line(str(data["code"]), datetime.fromisoformat(data["at"]), int(data["contact"]), people, digests)


def not_in_database() -> list[Line]:
    """What the file knows and the database does not: an older copy was restored, and these people are back in it."""
    lines = read()
    known = set(Erasure.objects.filter(code__in=list(lines)).values_list("code", flat=True)) if lines else set()
    return [line for code, line in lines.items() if code not in known]


def not_in_file() -> list[Erasure]:
    """What the database knows and the file does not: the file was lost, or another host's folder was not shared."""
    lines = read()
    return [row for row in Erasure.objects.exclude(state="held").order_by("id") if row.code not in lines]


def erased_addresses(digests: dict[str, tuple[bool, bool]], at: datetime) -> None:
    """Remember the digests; a person who was erased twice is remembered as of the later time and with all they declined."""
    known = {row.digest: row for row in ErasedAddress.objects.filter(digest__in=list(digests))}
    for digest, (opted_out, declined) in sorted(digests.items()):
        row = known.get(digest)
        if row is None:
            ErasedAddress.objects.get_or_create(
                digest=digest, defaults={"erased_at": at, "opted_out": opted_out, "promotions_declined": declined}
            )
            continue
        row.erased_at = max(row.erased_at, at)
        row.opted_out, row.promotions_declined = opted_out, declined
        row.save()
