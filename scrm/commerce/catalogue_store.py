"""The catalogue that texts are read with: built from the products once in some minutes and kept in the process."""

from __future__ import annotations

import time

from scrm.commerce.catalogue import Catalogue, CatalogueEntry
from scrm.commerce.models import Product

KEPT_SECONDS = 300.0
_kept: list[tuple[float, Catalogue]] = []


def current() -> Catalogue:
    """At most `KEPT_SECONDS` old. Products that are no longer sold are asked about as well."""
    if not _kept or _kept[0][0] < time.monotonic():
        _kept[:] = [(time.monotonic() + KEPT_SECONDS, Catalogue(_entry(row) for row in Product.objects.iterator()))]
    return _kept[0][1]


def _entry(row: Product) -> CatalogueEntry:
    return CatalogueEntry(row.sku, row.name, (*map(str, row.names.values()), *map(str, row.aliases)))


def forget() -> None:
    _kept.clear()
