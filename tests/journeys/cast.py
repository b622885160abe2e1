"""People whom several journeys meet."""

from __future__ import annotations

from datetime import UTC, datetime

from scrm.contacts.fields import Offer, offer
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact
from tests import people

MORNING = datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)


def twins(name: str, other: str, number: int, birthday: str) -> tuple[Contact, Contact]:
    """Two records of one birthday and e-mail that are sure to be asked about."""
    pair = [people.customer(name=each, phone=f"8529123{number + place:04}").contact for place, each in enumerate((name, other))]
    for each in pair:
        offer([Offer(each, {"birthday": birthday, "company": f"Harbour {number}"}, "crm:hubspot", MORNING)])
    match_contacts([each.pk for each in pair])
    return pair[0], pair[1]
