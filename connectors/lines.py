"""Lines of orders in the words of all connectors. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.untrusted import Json, as_text, clean_text


def line(sku: Any, name: Any, quantity: Any, unit_price: Any) -> Json:
    """All texts, '' for nothing; numbers without an exponent or zeros behind the point, so that equal ones are equal."""
    return {"sku": _text(sku), "name": _text(name), "quantity": number(quantity), "unit_price": number(unit_price)}


def _text(value: Any) -> str:
    return clean_text(as_text(value)).strip()[:300]


def number(value: Any) -> str:
    """As it stands where it is none."""
    if value is None or isinstance(value, bool):
        return ""
    text = str(value).strip()[:60]
    try:
        found = Decimal(text.replace(",", ""))
    except ArithmeticError:
        return text
    if not found.is_finite() or abs(found.adjusted()) > 30:
        return text
    shown = format(found, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
