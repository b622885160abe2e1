"""Who a contact is, as erasure and export need it: all merged contacts, all addresses they ever had."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from scrm.contacts.models import Contact, Identity
from scrm.contacts.privacy.registry import Person

SHORTEST_MARKER = 6


def family_of(contact_id: int) -> list[int]:
    """The survivor first. Empty when there is no such contact."""
    row = Contact.objects.filter(pk=contact_id).values_list("pk", "merged_into").first()
    if row is None:
        return []
    root = row[1] or row[0]
    return [root, *Contact.objects.filter(merged_into=root).order_by("pk").values_list("pk", flat=True)]


def person(contact_ids: Iterable[int]) -> Person:
    """As the rows are now; what is gone already is left out."""
    ids = tuple(contact_ids)
    rows = list(Identity.objects.filter(Q(contact__in=ids) | Q(home__in=ids)).order_by("pk"))
    markers: set[str] = set()
    for row in rows:
        markers |= {row.value.lstrip("+"), row.e164.lstrip("+"), str(getattr(row, "typed", "") or "").lstrip("+")}
    subjects = (*(f"contacts.contact:{pk}" for pk in ids), *(f"contacts.identity:{row.pk}" for row in rows))
    return Person(
        contacts=ids,
        identities=tuple(row.pk for row in rows),
        addresses=tuple((row.kind, row.e164 or row.value) for row in rows),
        markers=tuple(sorted(marker for marker in markers if len(marker) >= SHORTEST_MARKER)),
        subjects=subjects,
    )
