"""Whom opportunities belong to: their contact roles, which are records of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, Person
from connectors.crms.salesforce import soql
from connectors.crms.salesforce.linking import ROLE
from connectors.crms.salesforce.objects import KEY
from connectors.crms.salesforce.wire import BATCH, Wire
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.untrusted import as_text

# An answer holds 2,000 rows; of deals that have more together, each half is asked for by itself.
_CALLS = 16


def with_people(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """Those that carry our key are known here and are not asked for.

    An org that does not show its roles to us is read without them: what we know of deals moves on all the same.
    """
    ids = [each.id for each in changes if not each.fields.get(KEY)] if kind == "deal" else []
    try:
        found = _roles(wire, ids)
    except (Misconfigured, Rejected, Gone):
        found = {}
    return [replace(each, people=_people(found[each.id[:15]])) if each.id[:15] in found else each for each in changes]


def _people(found: dict[str, bool]) -> tuple[Person, ...]:
    return tuple(Person(record_id, primary) for record_id, primary in sorted(found.items()))


def _roles(wire: Wire, ids: Sequence[str]) -> dict[str, dict[str, bool]]:
    """{deal: {person: whether it is the primary one}}; deals by the 15 characters that all forms of an id share."""
    found: dict[str, dict[str, bool]] = {}
    waiting = [list(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
    calls = 0
    while waiting and calls < _CALLS:
        part, calls = waiting.pop(), calls + 1
        where = [f"OpportunityId IN {soql.texts(part)}"]
        rows, more = wire.query(soql.select(["OpportunityId", "ContactId", "IsPrimary"], ROLE, where))
        if more and len(part) > 1:
            waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        asked = {each[:15] for each in part}
        for row in rows:
            deal, person = as_text(row.get("OpportunityId"))[:15], as_text(row.get("ContactId"))
            if deal in asked and soql.is_id(person):
                people = found.setdefault(deal, {})
                people[person] = people.get(person, False) or row.get("IsPrimary") is True
    return found
