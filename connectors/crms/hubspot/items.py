"""The lines of orders: line items, which are records of their own, shown as a field of the order.

A line item has the name, the SKU and the price of the product that it was made of, and may have others; one that was written into the order
by hand has no product.

To confirm at the first log-in: that `price` is that of one piece before discounts (`amount` is the line's sum), and that a line item takes
over `hs_sku`; where it has none, that of its product is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, FieldInfo
from connectors.crms.hubspot.associations import associated
from connectors.crms.hubspot.wire import ITEM, Wire
from connectors.crms.hubspot.writing import read_batch
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.lines import line
from connectors.untrusted import Json, as_object, as_text

FIELD = "line_items"
DESCRIBED = FieldInfo(FIELD, "Line items", "items", writable=False)
_COLUMNS = ["name", "hs_sku", "quantity", "price", "hs_product_id"]


def with_items(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """An account that does not show them to us is read without the field, and so is an order of which not all could be read."""
    if kind != "order":
        return list(changes)
    try:
        found = associated(wire, kind, ITEM, [each.id for each in changes])
        ids = [name for record in found.of.values() for name in record]
        rows = {as_text(row.get("id")): as_object(row.get("properties")) for row in read_batch(wire, ITEM, ids, _COLUMNS)}
    except (Misconfigured, Rejected, Gone):
        return list(changes)
    skus = _skus(wire, list(rows.values()))
    whole = {record: [rows[name] for name in sorted(names, key=_place) if name in rows] for record, names in found.of.items()}
    return [_with(each, whole[each.id], skus) if each.id not in found.cut else each for each in changes]


def _place(record_id: str) -> tuple[int, str]:
    """Ids grow with time: lines come in the order in which they were made."""
    return len(record_id), record_id


def _with(change: Change, rows: Sequence[Json], skus: dict[str, str]) -> Change:
    return replace(change, fields={**change.fields, FIELD: [_line(row, skus) for row in rows]})


def _line(row: Json, skus: dict[str, str]) -> Json:
    sku = as_text(row.get("hs_sku")) or skus.get(as_text(row.get("hs_product_id")), "")
    return line(sku, row.get("name"), row.get("quantity"), row.get("price"))


def _skus(wire: Wire, rows: Sequence[Json]) -> dict[str, str]:
    """{product: its SKU} of lines that do not tell theirs, a hundred a call; without access to products none."""
    lacking = sorted({as_text(row.get("hs_product_id")) for row in rows if not row.get("hs_sku")} - {""})
    try:
        found = read_batch(wire, "product", lacking, ["hs_sku"])
    except (Misconfigured, Rejected, Gone):
        return {}
    return {as_text(row.get("id")): as_text(as_object(row.get("properties")).get("hs_sku")) for row in found}
