"""What changed, page by page: ids and stamps by a query, then the records whole, so that no query grows with the number of fields."""

from __future__ import annotations

from connectors.contracts import Page
from connectors.crms.salesforce import soql, windows
from connectors.crms.salesforce.items import with_items
from connectors.crms.salesforce.objects import CONTACT, LEAD, place
from connectors.crms.salesforce.people import with_people
from connectors.crms.salesforce.reading import change_of, retrieve
from connectors.crms.salesforce.schema import Schema
from connectors.crms.salesforce.windows import STAMP
from connectors.crms.salesforce.wire import BATCH, Wire
from connectors.untrusted import Json, as_text

PAGE = BATCH


def sources(kind: str, person: str) -> list[str]:
    """The objects to read a kind from: people are contacts, and leads as well where new ones begin as leads."""
    return [LEAD, CONTACT] if kind == "contact" and person == LEAD else [place(kind).sobject]


def changed_records(wire: Wire, schema: Schema, kind: str, cursor: Json, limit: int, person: str) -> Page:
    """Cursor: {} for everything, {"since"} after a finished run, {"from", "to", "part", "stamp", "id"} within one."""
    parts = sources(kind, person)
    window = windows.window_of(cursor)
    part = windows.part_of(window, len(parts))
    described, size = schema.of(parts[part]), max(1, min(limit, PAGE))
    rows, more = _stamped(wire, parts[part], window, size)
    ids = [as_text(row["Id"]) for row in rows]
    found = {as_text(row.get("Id")): row for row in retrieve(wire, described, ids)} if ids else {}
    changes = [change_of(kind, found[each], described) for each in ids if each in found]
    items = tuple(with_items(wire, kind, with_people(wire, kind, changes)))
    if rows and more:
        return Page(items, {**windows.behind(window, rows[-1]), "part": part}, True)
    if part + 1 < len(parts):
        return Page(items, {"from": window["from"], "to": window["to"], "part": part + 1}, True)
    return Page(items, windows.after(window), False)


def _stamped(wire: Wire, sobject: str, window: Json, size: int) -> tuple[list[Json], bool]:
    where = windows.conditions(window)
    if sobject == LEAD:
        where.append("IsConverted = false")
    rows, unfinished = wire.query(soql.select(["Id", STAMP], sobject, where, order=[STAMP, "Id"], limit=size))
    good = windows.answering(rows, window)
    return good[:size], unfinished or len(rows) >= size
