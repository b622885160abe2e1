"""Whom deals, tickets and orders belong to: their associations with contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, Person
from connectors.crms.hubspot.associations import associated
from connectors.crms.hubspot.records import KEY_PROPERTY
from connectors.crms.hubspot.wire import Wire
from connectors.errors import Gone, Misconfigured, Rejected

HANG_ON_PEOPLE = frozenset({"deal", "case", "order"})
_PRIMARY = "primary"


def with_people(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """Deals and tickets that carry our key are known here and are not asked for; an order may have been given to somebody else since.

    An account that does not show its associations to us is read without them: what we know of deals moves on all the same.
    """
    asked = [each for each in changes if kind == "order" or not each.fields.get(KEY_PROPERTY)] if kind in HANG_ON_PEOPLE else []
    ids = [each.id for each in asked]
    try:
        found = associated(wire, kind, "contact", ids).of
    except (Misconfigured, Rejected, Gone):
        found = {}
    return [replace(each, people=_people(found[each.id])) if each.id in found else each for each in changes]


def _people(found: dict[str, set[str]]) -> tuple[Person, ...]:
    ordered = sorted(found.items(), key=lambda each: (len(each[0]), each[0]))
    return tuple(Person(record_id, _PRIMARY in labels) for record_id, labels in ordered)
