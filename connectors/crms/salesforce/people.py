"""Whom opportunities belong to: their contact roles, which are records of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, Person
from connectors.crms.salesforce import soql
from connectors.crms.salesforce.hanging import rows_on
from connectors.crms.salesforce.linking import ROLE
from connectors.crms.salesforce.objects import KEY
from connectors.crms.salesforce.wire import Wire
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.untrusted import Json, as_text


def with_people(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """Those that carry our key are known here and are not asked for.

    An org that does not show its roles to us is read without them: what we know of deals moves on all the same.
    """
    ids = [each.id for each in changes if not each.fields.get(KEY)] if kind == "deal" else []
    try:
        found = rows_on(wire, ROLE, "OpportunityId", ["ContactId", "IsPrimary"], ids)
    except (Misconfigured, Rejected, Gone):
        found = {}
    return [replace(each, people=_people(found[each.id[:15]])) if each.id[:15] in found else each for each in changes]


def _people(rows: Sequence[Json]) -> tuple[Person, ...]:
    people: dict[str, bool] = {}
    for row in rows:
        person = as_text(row.get("ContactId"))
        if soql.is_id(person):
            people[person] = people.get(person, False) or row.get("IsPrimary") is True
    return tuple(Person(record_id, primary) for record_id, primary in sorted(people.items()))
