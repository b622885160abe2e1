"""What a loader gives for one object: values by our field names, and what it hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Ref(NamedTuple):
    """An object of ours: kind and key."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Source:
    values: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[Ref, ...] = ()
    links: tuple[Ref, ...] = ()


def stamp(at: datetime | None) -> str:
    """ISO 8601 in UTC with milliseconds, '' for no time."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def numbers(keys: Iterable[str]) -> list[int]:
    """The keys that are row ids; others belong to nothing."""
    return [int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 19]
