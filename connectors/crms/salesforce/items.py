"""The lines of orders: order products, which are records of their own, shown as a field of the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.contracts import Change, FieldInfo
from connectors.crms.salesforce.hanging import rows_on
from connectors.crms.salesforce.wire import Wire
from connectors.errors import Gone, Misconfigured, Rejected
from connectors.lines import line
from connectors.untrusted import Json, as_object, as_text

ITEM = "OrderItem"
FIELD = "OrderItems"
DESCRIBED = FieldInfo(FIELD, "Order products", "items", writable=False)
_COLUMNS = ("Id", "Product2Id", "Product2.ProductCode", "Product2.Name", "Quantity", "UnitPrice")


def with_items(wire: Wire, kind: str, changes: Sequence[Change]) -> list[Change]:
    """An org that does not show them to us is read without the field."""
    if kind != "order":
        return list(changes)
    try:
        found = rows_on(wire, ITEM, "OrderId", _COLUMNS, [each.id for each in changes])
    except (Misconfigured, Rejected, Gone):
        return list(changes)
    return [_with(each, found[each.id[:15]]) if each.id[:15] in found else each for each in changes]


def _with(change: Change, rows: Sequence[Json]) -> Change:
    ordered = sorted(rows, key=lambda row: as_text(row.get("Id")))
    return replace(change, fields={**change.fields, FIELD: [_line(row) for row in ordered]})


def _line(row: Json) -> Json:
    product = as_object(row.get("Product2"))
    name = as_text(product.get("Name")) or as_text(row.get("Product2Id"))
    return line(product.get("ProductCode"), name, row.get("Quantity"), row.get("UnitPrice"))
