"""What changed, page by page: ids and stamps by a query, then the records whole, so that no query grows with the number of fields.

A contact role that changes need not move its opportunity's time. So behind the opportunities of a window come those whose roles were made
or changed in it; the first run, which reads all of them with their roles, does without. A role that was deleted and not replaced is seen
with the opportunity's next change.
"""

from __future__ import annotations

from connectors.contracts import Change, Page
from connectors.crms.salesforce import soql, windows
from connectors.crms.salesforce.items import with_items
from connectors.crms.salesforce.linking import ROLE
from connectors.crms.salesforce.objects import CONTACT, LEAD, place
from connectors.crms.salesforce.people import with_people
from connectors.crms.salesforce.reading import change_of, retrieve
from connectors.crms.salesforce.schema import Schema
from connectors.crms.salesforce.windows import STAMP
from connectors.crms.salesforce.wire import BATCH, Wire
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.untrusted import Json, as_text

PAGE = BATCH


def sources(kind: str, person: str) -> list[str]:
    """The objects to read a kind from: people are contacts, and leads as well where new ones begin as leads."""
    return [LEAD, CONTACT] if kind == "contact" and person == LEAD else [place(kind).sobject]


def changed_records(wire: Wire, schema: Schema, kind: str, cursor: Json, limit: int, person: str) -> Page:
    """Cursor: {} for everything, {"since"} after a finished run, {"from", "to", "part", "stamp", "id"} within one."""
    parts = sources(kind, person)
    window, size = windows.window_of(cursor), max(1, min(limit, PAGE))
    with_roles = kind == "deal" and bool(window["from"])
    part = windows.part_of(window, len(parts) + with_roles)
    if part == len(parts):
        return _changed_roles(wire, schema, window, size)
    described = schema.of(parts[part])
    rows, more = _stamped(wire, parts[part], window, size)
    ids = [as_text(row["Id"]) for row in rows]
    found = {as_text(row.get("Id")): row for row in retrieve(wire, described, ids)} if ids else {}
    changes = [change_of(kind, found[each], described) for each in ids if each in found]
    items = tuple(with_items(wire, kind, with_people(wire, kind, changes)))
    if rows and more:
        return Page(items, {**windows.behind(window, rows[-1]), "part": part}, True)
    if part + 1 < len(parts) + with_roles:
        return Page(items, {"from": window["from"], "to": window["to"], "part": part + 1}, True)
    return Page(items, windows.after(window), False)


def _changed_roles(wire: Wire, schema: Schema, window: Json, size: int) -> Page:
    """The opportunities whose roles changed in the window, but for those that were told already."""
    try:
        rows, more = _stamped(wire, ROLE, window, size, "OpportunityId")
    except (Misconfigured, Rejected, Gone):  # an org that does not show its roles to us
        return Page((), windows.after(window), False)
    described, ids = schema.of(place("deal").sobject), sorted({as_text(row.get("OpportunityId")) for row in rows})
    changes = [change_of("deal", row, described) for row in retrieve(wire, described, ids)] if ids else []
    items = tuple(with_people(wire, "deal", [each for each in changes if not _is_told(each, window)]))
    if rows and more:
        return Page(items, {**windows.behind(window, rows[-1]), "part": window["part"]}, True)
    return Page(items, windows.after(window), False)


def _is_told(change: Change, window: Json) -> bool:
    at = change.modified_at
    return at is not None and windows.time_of(window["from"]) <= at < windows.time_of(window["to"])


def _stamped(wire: Wire, sobject: str, window: Json, size: int, *further: str) -> tuple[list[Json], bool]:
    where = windows.conditions(window)
    if sobject == LEAD:
        where.append("IsConverted = false")
    rows, unfinished = wire.query(soql.select(["Id", STAMP, *further], sobject, where, order=[STAMP, "Id"], limit=size))
    good = windows.answering(rows, window)
    return good[:size], unfinished or len(rows) >= size
