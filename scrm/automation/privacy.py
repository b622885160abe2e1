"""What rules thought of what a person did."""

from __future__ import annotations

from collections.abc import Iterator

from scrm.automation.models import Run
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(Run.objects.filter(contact__in=whom.contacts))


def _export(whom: Person, box: Box) -> None:
    box.rows("rule_runs", dump(Run.objects.filter(contact__in=whom.contacts)))


def register() -> None:
    registry.register("rule runs", rank=30, covers=[Run._meta.label_lower], erase=_erase, export=_export)
