"""The tags of a person, with the words that put them."""

from __future__ import annotations

from collections.abc import Iterator

from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump
from scrm.tags.models import TagAssignment


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(TagAssignment.objects.filter(contact__in=whom.contacts))


def _export(whom: Person, box: Box) -> None:
    names = ("id", "tag__slug", "tag__name", "rule_id", "rule_version", "message_id", "matched", "assigned_at", "removed_at")
    box.rows("tags", dump(TagAssignment.objects.filter(contact__in=whom.contacts), only=names))


def register() -> None:
    registry.register("tags", rank=50, covers=[TagAssignment._meta.label_lower], erase=_erase, export=_export)
