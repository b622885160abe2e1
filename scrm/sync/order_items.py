"""Lines of an order as a CRM says them. Those of products that we sell become lines; all else is kept beside them as it was said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.lines import line
from scrm.commerce.models import Product
from scrm.commerce.services import LineInput
from scrm.sync.mapping import Spec, Unmappable
from scrm.sync.resolution import blank

ITEMS = "items"
_MOST = 2_000
_LARGEST_QUANTITY = 2_147_483_647
_LARGEST_PRICE = Decimal("999999999999.99")
# How a CRM of no vendor's that we speak to may call them.
_NAMES = {
    "sku": ("sku", "code", "product_code"),
    "name": ("name", "title", "product_name", "description"),
    "quantity": ("quantity", "qty"),
    "unit_price": ("unit_price", "price", "list_price"),
}


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    name: str
    quantity: str
    unit_price: str


def read_items(value: Any) -> list[Item]:
    """Raises `Unmappable` for what is no list of lines."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise Unmappable("this is no list of order lines")
    if len(value) > _MOST:
        raise Unmappable(f"an order of more than {_MOST} lines is not taken over")
    return [_item({str(name).lower(): said for name, said in each.items()}) for each in value]


def _item(row: Mapping[str, Any]) -> Item:
    said = {name: next((row[each] for each in others if row.get(each) not in (None, "")), "") for name, others in _NAMES.items()}
    return Item(**line(said["sku"], said["name"], said["quantity"], said["unit_price"]))


def items_said(value: Any, before: Sequence[Any] | None) -> list[Item] | None:
    """None where nothing is said of the lines. An order that never had any over there says nothing of ours. Raises `Unmappable`."""
    if value in ("", None):
        return None
    found = read_items(value)
    return found if found or not blank(before or ()) else None


def items_of(fields: Mapping[str, Any], specs: Sequence[Spec]) -> list[Item] | None:
    """What a record that is new here says of its lines. Raises `Unmappable`."""
    target = next((spec.target for spec in specs if spec.source == ITEMS and spec.comes_in), "")
    return items_said(fields.get(target), None) if target else None


def known_skus(items: Sequence[Item]) -> frozenset[str]:
    """Those that are in the catalogue."""
    wanted = {each.sku for each in items if each.sku}
    return frozenset(Product.objects.filter(sku__in=wanted).values_list("sku", flat=True)) if wanted else frozenset()


def split(items: Sequence[Item], skus: Collection[str]) -> tuple[list[LineInput], list[dict[str, str]]]:
    """(lines, other lines)"""
    lines, others = [], []
    for each in items:
        found = _line(each) if each.sku in skus else None
        if found is None:
            others.append(asdict(each))
        else:
            lines.append(found)
    return lines, others


def _line(item: Item) -> LineInput | None:
    """None for what a line cannot hold: part of a piece, no price, less than nothing."""
    try:
        quantity, price = Decimal(item.quantity), Decimal(item.unit_price)
    except InvalidOperation:
        return None
    if quantity != quantity.to_integral_value() or not 0 < quantity <= _LARGEST_QUANTITY or not 0 <= price <= _LARGEST_PRICE:
        return None
    return LineInput(item.sku, int(quantity), price.quantize(Decimal("0.01"))) if price == price.quantize(Decimal("0.01")) else None


def shown(sku: str, name: str, quantity: Any, unit_price: Any) -> str:
    return f"{quantity} × {' '.join(filter(None, [sku, name]))} @ {unit_price}"
