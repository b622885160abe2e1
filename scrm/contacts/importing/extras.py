"""What apps above this one bring in with a row and send out with an export: tags, for instance. They register here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scrm.contacts.models import Event


class Extra(Protocol):
    """`put`: {contact: words} -> {contact: what `take_back` needs}, only for those that changed. `give`: the same with the events of it,
    which the caller records with its own; `made`: contacts that nobody else knows yet. `read`: {contact: words} for an export."""

    def put(self, wanted: Mapping[int, Sequence[str]], *, source: str, by: Any) -> dict[int, Any]: ...
    def give(
        self, wanted: Mapping[int, Sequence[str]], *, made: Collection[int], source: str, by: Any
    ) -> tuple[dict[int, Any], list[Event]]: ...
    def missing(self, wanted: Mapping[int, Sequence[str]]) -> set[int]: ...
    def take_back(self, done: Mapping[int, Any]) -> None: ...
    def read(self, contact_ids: Collection[int]) -> dict[int, list[str]]: ...


@dataclass(frozen=True)
class _Nothing:
    def put(self, wanted: Mapping[int, Sequence[str]], *, source: str, by: Any) -> dict[int, Any]:
        return {}

    def give(
        self, wanted: Mapping[int, Sequence[str]], *, made: Collection[int], source: str, by: Any
    ) -> tuple[dict[int, Any], list[Event]]:
        return {}, []

    def missing(self, wanted: Mapping[int, Sequence[str]]) -> set[int]:
        return set()

    def take_back(self, done: Mapping[int, Any]) -> None:
        return None

    def read(self, contact_ids: Collection[int]) -> dict[int, list[str]]:
        return {}


_tags: Extra = _Nothing()


def register_tags(extra: Extra) -> None:
    global _tags
    _tags = extra


def tags() -> Extra:
    return _tags
