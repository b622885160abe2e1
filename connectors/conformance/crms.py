"""What every CRM adapter must hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from connectors.conformance.demands import demand
from connectors.contracts import Change, Crm, Write


def check_apply(crm: Crm, writes: Sequence[Write]) -> None:
    """One outcome for each write in order; repeating finds the same records and makes no second one."""
    first = crm.apply(writes)
    demand([outcome.key for outcome in first] == [write.key for write in writes], "one outcome for each write, in order")
    demand(all(outcome.id and outcome.status in {"created", "updated", "unchanged"} for outcome in first), "good writes succeed", first)
    again = crm.apply(writes)
    demand([outcome.id for outcome in again] == [outcome.id for outcome in first], "repeating finds the same records", again)
    demand(all(outcome.status in {"updated", "unchanged"} for outcome in again), "repeating creates nothing", again)


def check_neighbours(crm: Crm, good: Sequence[Write], bad: Write) -> None:
    """A record that is refused harms no other, wherever it stands, and its outcome has a reason in words."""
    for place in range(len(good) + 1):
        outcomes = crm.apply([*good[:place], bad, *good[place:]])
        demand(len(outcomes) == len(good) + 1, "one outcome for each write")
        refused = outcomes.pop(place)
        demand(
            refused.key == bad.key and refused.status in {"rejected", "duplicate"} and bool(refused.reason), "a bad record is told", refused
        )
        demand(all(outcome.status in {"created", "updated", "unchanged"} for outcome in outcomes), "its neighbours are written", outcomes)


def check_changes(crm: Crm, kind: str, limit: int, *, most_pages: int = 1000) -> list[Change]:
    """The feed ends, gives each record once in a run, and every cursor survives being stored as JSON."""
    cursor: dict[str, object] = {}
    found: list[Change] = []
    for _ in range(most_pages):
        page = crm.changes(kind, json.loads(json.dumps(cursor)), limit)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            break
    else:
        raise AssertionError(f"the feed of {kind} did not end after {most_pages} pages")
    demand(len({change.id for change in found}) == len(found), "a run gives each record once")
    demand(all(change.kind == kind and change.id for change in found), "changes are of the kind that was asked for")
    return found


def check_reading_back(crm: Crm, writes: Sequence[Write], compared: Sequence[str]) -> None:
    """What was written is read back, by the id of its outcome."""
    for write, outcome in zip(writes, crm.apply(writes), strict=True):
        read = crm.read(write.kind, [outcome.id])
        demand(len(read) == 1, "a written record can be read", outcome)
        for name in compared:
            if name in write.fields:
                demand(read[0].fields.get(name) == write.fields[name], f"{name} is as written", read[0].fields.get(name))
    demand(crm.read(writes[0].kind, []) == [], "reading nothing gives nothing")


def check_schema(crm: Crm, kinds: Iterable[str]) -> None:
    """Preparing may be repeated; every kind is described, with a field that is unique."""
    crm.prepare()
    crm.prepare()
    described = {each.kind: each for each in crm.describe()}
    for kind in kinds:
        demand(kind in described, "every kind is described", kind)
        demand(any(each.unique and each.writable for each in described[kind].fields), "our unique field is there", kind)
