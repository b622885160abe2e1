"""Sums as people write them: yen, won and New Taiwan dollars are spoken of in whole units."""

from __future__ import annotations

from decimal import Decimal

# ISO 4217 gives JPY, KRW and VND no decimals; TWD has two that no shop uses.
WHOLE = frozenset({"JPY", "KRW", "VND", "TWD", "IDR"})


def written(currency: str, amount: Decimal) -> str:
    """`JPY 159,800`, `HKD 313.00`; a part of a whole unit is never hidden."""
    whole = currency in WHOLE and amount == amount.to_integral_value()
    return f"{currency} {amount:,.0f}" if whole else f"{currency} {amount:,.2f}"
