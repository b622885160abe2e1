"""Whom deals and tickets belong to: their associations with contacts, a hundred records a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, Person
from connectors.crms.hubspot.records import KEY_PROPERTY
from connectors.crms.hubspot.wire import BATCH, Wire, refusal
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

HANG_ON_PEOPLE = frozenset({"deal", "case"})
# A record with more people than an answer holds is asked for again; so often at most.
ROUNDS = 4
_PRIMARY = "primary"


def with_people(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """Those that carry our key are known here and are not asked for.

    An account that does not show its associations to us is read without them: what we know of deals moves on all the same.
    """
    ids = [each.id for each in changes if not each.fields.get(KEY_PROPERTY)] if kind in HANG_ON_PEOPLE else []
    found: dict[str, dict[str, bool]] = {}
    try:
        for start in range(0, len(ids), BATCH):
            _read(wire, kind, ids[start : start + BATCH], found)
    except (Misconfigured, Rejected, Gone):
        found = {}
    return [replace(each, people=_people(found[each.id])) if each.id in found else each for each in changes]


def _people(found: dict[str, bool]) -> tuple[Person, ...]:
    return tuple(Person(record_id, primary) for record_id, primary in sorted(found.items(), key=lambda each: (len(each[0]), each[0])))


def _read(wire: Wire, kind: str, ids: Sequence[str], found: dict[str, dict[str, bool]]) -> None:
    inputs: list[Json] = [{"id": each} for each in dict.fromkeys(ids)]
    for _ in range(ROUNDS):
        reply = wire.send("POST", wire.associations(kind, "contact", "batch", "read"), {"inputs": inputs})
        if reply.status == 404:  # none of them has any
            return
        if not reply.ok:
            raise refusal(reply)
        inputs = []
        for row in map(as_object, as_list(as_object(reply.json()).get("results"))):
            record_id = as_text(as_object(row.get("from")).get("id"))
            if record_id not in ids:
                continue
            _take(as_list(row.get("to")), found.setdefault(record_id, {}))
            after = as_text(as_object(as_object(row.get("paging")).get("next")).get("after"))
            if after:
                inputs.append({"id": record_id, "after": after})
        if not inputs:
            return


def _take(rows: Sequence[object], people: dict[str, bool]) -> None:
    for row in map(as_object, rows):
        if person := as_text(row.get("toObjectId")):
            labels = {as_text(as_object(each).get("label")).casefold() for each in as_list(row.get("associationTypes"))}
            people[person] = people.get(person, False) or _PRIMARY in labels
