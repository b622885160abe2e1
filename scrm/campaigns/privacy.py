"""In which audiences somebody was."""

from __future__ import annotations

from collections.abc import Iterator

from scrm.campaigns.models import Recipient
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(Recipient.objects.filter(contact__in=whom.contacts))


def _export(whom: Person, box: Box) -> None:
    names = ("id", "campaign__name", "state", "reason", "note", "until", "message_id")
    box.rows("campaigns", dump(Recipient.objects.filter(contact__in=whom.contacts), only=names))


def register() -> None:
    registry.register("campaigns", rank=40, covers=[Recipient._meta.label_lower], erase=_erase, export=_export)
