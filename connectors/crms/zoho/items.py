"""The lines of sales orders. A list of records need not hold them, a record that is read by itself does: then each is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.contracts import Change
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.reading import chunks, read_records, rows_of
from connectors.errors import Gone, Rejected
from connectors.lines import line
from connectors.untrusted import Json, as_list, as_object, as_text

FIELD = "Ordered_Items"
# So many orders a page, each of which may cost a call of its own.
ORDERS_A_PAGE = 50
_CODE = "Product_Code"


def read_whole(org: Org, kind: str, ids: Sequence[str]) -> list[Change]:
    """The records that exist among `ids`, orders with their lines."""
    changes = read_records(org, kind, ids)
    return _with_items(org, changes) if kind == "order" else changes


def _with_items(org: Org, changes: Sequence[Change]) -> list[Change]:
    found = {each.id: each.fields.get(FIELD) for each in changes}
    if org.settings.get("order_lines") != "list":
        found |= {each: _alone(org, each) for each, rows in found.items() if not isinstance(rows, list)}
    codes = _codes(org, [row for rows in found.values() if isinstance(rows, list) for row in map(as_object, rows)])
    return [_with(each, found[each.id], codes) for each in changes]


def _alone(org: Org, record_id: str) -> Any:
    """What its own page holds; nothing where the order is gone meanwhile."""
    try:
        rows = as_list(org.wire.call("GET", f"/{org.module('order')}/{record_id}").get("data"))
    except (Gone, Rejected):
        return None
    return next((row.get(FIELD) for row in map(as_object, rows) if as_text(row.get("id")) == record_id), None)


def _with(change: Change, rows: Any, codes: dict[str, str]) -> Change:
    fields = {name: value for name, value in change.fields.items() if name != FIELD}
    return replace(change, fields=fields | ({FIELD: [_line(row, codes) for row in map(as_object, rows)]} if isinstance(rows, list) else {}))


def _product(row: Json) -> Json:
    return as_object(row.get("Product_Name")) or as_object(row.get("product"))


def _line(row: Json, codes: dict[str, str]) -> Json:
    """Older versions of the interface write the names small."""
    product = _product(row)
    record_id = as_text(product.get("id"))
    sku = as_text(product.get(_CODE)) or codes.get(record_id, "")
    quantity, price = row.get("Quantity", row.get("quantity")), row.get("List_Price", row.get("list_price"))
    return line(sku, as_text(product.get("name")) or record_id, quantity, price)


def _codes(org: Org, rows: Sequence[Json]) -> dict[str, str]:
    """The codes of products whose row does not tell them, a hundred a call; without access to products none."""
    lacking = sorted({as_text(_product(row).get("id")) for row in rows if _CODE not in _product(row)} - {""})
    if not lacking:
        return {}
    try:
        found = {pk: row for part in chunks(lacking, 100) for pk, row in rows_of(org, "Products", part, [_CODE]).items()}
    except (Gone, Rejected):
        return {}
    return {pk: as_text(row.get(_CODE)) for pk, row in found.items()}
