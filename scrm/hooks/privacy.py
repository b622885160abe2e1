"""What deliveries hold of a person. What a receiver got is erased there, by its own means."""

from __future__ import annotations

from collections.abc import Iterator

from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump
from scrm.hooks.models import Delivery


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(Delivery.objects.filter(contact__in=whom.contacts))


def _export(whom: Person, box: Box) -> None:
    box.rows("webhook_deliveries", dump(Delivery.objects.filter(contact__in=whom.contacts), leave=("lease_until", "fence")))


def register() -> None:
    registry.register("webhook deliveries", rank=15, covers=[Delivery._meta.label_lower], erase=_erase, export=_export)
