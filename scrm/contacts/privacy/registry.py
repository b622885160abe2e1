"""Who keeps what of a person. Apps above `contacts` take part by registering; nothing here imports them.

A test walks all models: one from which a path leads to a person must be in some `covers` or in `exempt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom it is about: all contacts that were merged into one, and their addresses.

    `markers`: texts that are this person's alone and by which copies in raw bodies are known: addresses of at least six characters.
    """

    contacts: tuple[int, ...]
    identities: tuple[int, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    markers: tuple[str, ...] = ()
    subjects: tuple[str, ...] = field(default=())


class Box(Protocol):
    """Where an export puts what it finds."""

    def rows(self, kind: str, rows: Iterable[Row]) -> int: ...

    def file(self, path: str, name: str) -> None: ...


# Removes everything, chunk by chunk, each in its own transaction, and yields how many rows each chunk was. Safe to begin again anywhere.
Erase = Callable[[Person], Iterator[int]]
# Further keys by which somebody else may bring the person back, as (kind, value) of `digests.digest`.
Remember = Callable[[Person], Iterable[tuple[str, str]]]
Export = Callable[[Person, Box], None]


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    rank: int
    erase: Erase | None
    export: Export | None
    covers: tuple[str, ...]
    remember: Remember | None = None


_parts: dict[str, Part] = {}
_exempt: dict[str, str] = {}


def register(
    name: str,
    *,
    rank: int,
    covers: Sequence[str] = (),
    erase: Erase | None = None,
    export: Export | None = None,
    remember: Remember | None = None,
) -> None:
    """`rank`: erased in this order, highest app first (90 is contacts). `covers`: labels of models, e.g. "tags.tagassignment"."""
    _parts[name] = Part(name, rank, erase, export, tuple(label.lower() for label in covers), remember)


def exempt(label: str, why: str) -> None:
    """A model that leads to a person and yet keeps nothing of them."""
    _exempt[label.lower()] = why


def parts() -> Iterator[Part]:
    yield from sorted(_parts.values(), key=lambda part: (part.rank, part.name))


def covered() -> set[str]:
    return {label for part in _parts.values() for label in part.covers}


def exemptions() -> dict[str, str]:
    return dict(_exempt)
