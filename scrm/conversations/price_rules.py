"""Which price a billed message has. Pure.

The row of the recipient's country comes before the one for everywhere, the row of the category before the one for any; among rows of
one kind the newest that was valid on the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """Empty `country` and `category` stand for all that have no row of their own."""

    platform: str
    country: str
    category: str
    currency: str
    amount: Decimal
    valid_from: date


class PriceTable:
    def __init__(self, prices: Iterable[Price]) -> None:
        self._rows: dict[tuple[str, str, str], list[Price]] = {}
        for price in sorted(prices, key=lambda price: price.valid_from, reverse=True):
            self._rows.setdefault((price.platform, price.country, price.category), []).append(price)

    def find(self, platform: str, country: str, category: str, day: date) -> Price | None:
        """None when the table does not say."""
        kind = plain_category(category)
        for key in ((platform, country, kind), (platform, "", kind), (platform, country, ""), (platform, "", "")):
            found = next((price for price in self._rows.get(key, ()) if price.valid_from <= day), None)
            if found is not None:
                return found
        return None

    def __bool__(self) -> bool:
        return bool(self._rows)


def plain_category(category: str) -> str:
    """Platforms write authentication-international and authentication_international."""
    return category.strip().lower().replace("-", "_")


def platform_of(adapter: str) -> str:
    """`whatsapp` for the Cloud API and for providers that mirror it."""
    return adapter.partition("_")[0]
