"""What changed and what was removed, page by page.

A time alone is no cursor: a bulk edit gives more than 10,000 records one stamp, and a search ends at 10,000 rows. So the window
[from, to] is fixed when a run begins, and inside it pages follow the record id. The next run begins `OVERLAP` before the end of
the last, because the search index lags behind writes; what comes twice is recognised by its version.

A line item that changes need not move its order's time. So behind the orders of a window come those whose lines changed in it; the first
run, which reads all orders with their lines, does without.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contracts import Change, Page, Removal
from connectors.crms.hubspot.associations import associated
from connectors.crms.hubspot.items import with_items
from connectors.crms.hubspot.people import with_people
from connectors.crms.hubspot.records import MODIFIED, change_of
from connectors.crms.hubspot.wire import BATCH, ITEM, Wire
from connectors.crms.hubspot.writing import read_batch
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.timestamps import milliseconds, moment
from connectors.untrusted import Json, as_list, as_object, as_text

PAGE = 200
# Their people and their lines are asked for with them.
ORDERS_A_PAGE = BATCH
OVERLAP = timedelta(seconds=120)
MERGED_IDS = "hs_merged_object_ids"


def changed_records(wire: Wire, kind: str, cursor: Json, limit: int, properties: list[str]) -> Page:
    """Cursor: {} for everything, {"since"} after a finished run, {"from", "to", "last", "part"} within one; all ms and ids as integers."""
    window = _window(cursor)
    size = max(1, min(limit, ORDERS_A_PAGE if kind == "order" else PAGE))
    if window["part"]:
        return _changed_lines(wire, window, size, properties)
    rows = _search(wire, kind, window, [*_times(kind, window), *_after(window)], size, properties)
    page = _page(whole(wire, kind, [change_of(kind, row) for row in rows]), rows, window, size)
    if kind == "order" and window["from"] and not page.more:
        return Page(page.items, {**window, "last": 0, "part": 1}, True)
    return page


def whole(wire: Wire, kind: str, changes: Sequence[Change]) -> tuple[Change, ...]:
    """With what stands apart from the records: whose they are, and the lines of orders."""
    return tuple(with_items(wire, kind, with_people(wire, kind, changes)))


def _changed_lines(wire: Wire, window: dict[str, int], size: int, properties: list[str]) -> Page:
    """The orders whose lines changed in the window, but for those that were told already."""
    try:
        rows = _search(wire, ITEM, window, [*_times(ITEM, window), *_after(window)], size, ["hs_object_id"])
        found = associated(wire, ITEM, "order", [as_text(row.get("id")) for row in rows]).of
    except (Misconfigured, Rejected, Gone):  # an account that does not show lines
        return _page((), [], window, size)
    orders = sorted({order for orders in found.values() for order in orders})
    changes = [change_of("order", record) for record in read_batch(wire, "order", orders, properties)]
    return _page(whole(wire, "order", [each for each in changes if not _is_told(each, window)]), rows, window, size)


def _is_told(change: Change, window: dict[str, int]) -> bool:
    return change.modified_at is not None and window["from"] <= milliseconds(change.modified_at) <= window["to"]


def removed_records(wire: Wire, kind: str, cursor: Json, known: Collection[str]) -> Page:
    """First the archived records, then those that a merge swallowed. `known` bounds what is reported, when it is not empty."""
    if cursor.get("phase") != "merged":
        return _archived(wire, kind, cursor, known)
    return _merged(wire, kind, cursor, known)


def _archived(wire: Wire, kind: str, cursor: Json, known: Collection[str]) -> Page:
    params = {"archived": "true", "limit": str(BATCH)} | ({"after": as_text(cursor["after"])} if cursor.get("after") else {})
    document = wire.call("GET", wire.objects(kind), params=params)
    rows = [row for row in as_list(document.get("results")) if isinstance(row, dict) and row.get("archived") is not False]
    gone = tuple(
        Removal(kind, as_text(row.get("id")), removed_at=moment(row.get("archivedAt")))
        for row in rows
        if not known or as_text(row.get("id")) in known
    )
    after = as_text(as_object(as_object(document.get("paging")).get("next")).get("after"))
    since = {"since": cursor["since"]} if "since" in cursor else {}
    if after and after != as_text(cursor.get("after")):
        return Page(gone, {"phase": "archived", "after": after, **since}, True)
    return Page(gone, {"phase": "merged", **since}, True)


def _merged(wire: Wire, kind: str, cursor: Json, known: Collection[str]) -> Page:
    """An object whose records cannot be merged, such as a product, may have no such property: then nothing was."""
    window = _window(cursor)
    survivors = [{"propertyName": MERGED_IDS, "operator": "HAS_PROPERTY"}, *_times(kind, window), *_after(window)]
    try:
        rows = _search(wire, kind, window, survivors, PAGE, [MERGED_IDS, MODIFIED[kind]])
    except Rejected:
        if kind == "contact":
            raise
        rows = []
    items = tuple(removal for row in rows for removal in _swallowed(kind, row, known))
    page = _page(items, rows, window, PAGE)
    return Page(page.items, {"phase": "merged", **page.cursor} if page.more else page.cursor, page.more)


def _swallowed(kind: str, row: Json, known: Collection[str]) -> list[Removal]:
    survivor = as_text(row.get("id"))
    old = as_text(as_object(row.get("properties")).get(MERGED_IDS)).replace(",", ";").split(";")
    return [
        Removal(kind, each.strip(), survivor) for each in old if each.strip() not in {"", survivor} and (not known or each.strip() in known)
    ]


def _window(cursor: Json) -> dict[str, int]:
    """The window of this page: the one of the cursor, or a new one that ends now. A cursor from the future is refused."""
    now = milliseconds(datetime.now(UTC))
    if "to" in cursor:
        return {name: _number(cursor.get(name)) for name in ("from", "to", "last", "part")}
    since = _number(cursor.get("since"))
    if since > now:
        raise Misconfigured(
            "The position in HubSpot's changes lies in the future; the clock of this machine or the stored position is wrong"
        )
    return {"from": since, "to": now, "last": 0, "part": 0}


def _number(value: Any) -> int:
    text = as_text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _times(kind: str, window: dict[str, int]) -> list[Json]:
    name = MODIFIED[kind]
    until = [{"propertyName": name, "operator": "LTE", "value": str(window["to"])}]
    return [{"propertyName": name, "operator": "GTE", "value": str(window["from"])}, *until] if window["from"] else until


def _after(window: dict[str, int]) -> list[Json]:
    return [{"propertyName": "hs_object_id", "operator": "GT", "value": str(window["last"])}]


def _search(wire: Wire, kind: str, window: dict[str, int], filters: list[Json], limit: int, properties: list[str]) -> list[Json]:
    body = {
        "filterGroups": [{"filters": filters}],
        # A name alone, rising: the only form that HubSpot's own OpenAPI file takes.
        "sorts": ["hs_object_id"],
        "properties": properties,
        "limit": max(1, min(limit, PAGE)),
        "after": "0",
    }
    rows = [row for row in as_list(wire.search(kind, body).get("results")) if isinstance(row, dict)]
    fresh = [row for row in rows if _number(row.get("id")) > window["last"]]
    if rows and not fresh:
        raise Misconfigured("HubSpot's search ignores the filter by record id; its changes cannot be read page by page")
    return sorted(fresh, key=lambda row: _number(row.get("id")))


def _page(items: tuple[Change | Removal, ...], rows: list[Json], window: dict[str, int], size: int) -> Page:
    if len(rows) >= size:
        return Page(items, {**window, "last": _number(rows[-1].get("id"))}, True)
    return Page(items, {"since": max(0, window["to"] - milliseconds_of(OVERLAP))}, False)


def milliseconds_of(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
