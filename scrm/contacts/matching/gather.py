"""The facts of contacts as the database has them: a fixed number of statements for any number of contacts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any

from scrm.contacts.matching.profile import Facts
from scrm.contacts.matching.rules import Settings
from scrm.contacts.models import Contact, Identity

# (contact id, SKU, day) of what these contacts bought; told by the app that has the orders.
Purchases = Callable[[Collection[int]], Iterable[tuple[int, str, date]]]
_purchases: list[Purchases] = []
_FIELDS = ("id", "name", "company", "country", "birthday", "address", "city", "postal_code", "external_id", "custom")
_NUMBERS = frozenset({Identity.Kind.WHATSAPP, Identity.Kind.PHONE})
_USER_IDS = frozenset({Identity.Kind.WHATSAPP_USER, Identity.Kind.LINE_USER})


def purchases_from(source: Purchases) -> Purchases:
    """Register who knows what contacts bought."""
    if source not in _purchases:
        _purchases.append(source)
    return source


def facts_of(contact_ids: Collection[int], settings: Settings) -> list[Facts]:
    """Facts of those of the contacts that stand for a person: merged ones are part of their survivor."""
    contacts = list(Contact.objects.filter(pk__in=contact_ids, merged_into=None).values(*_FIELDS))
    rows = Identity.objects.filter(contact_id__in=[row["id"] for row in contacts], valid_to=None)
    columns = ("contact_id", "kind", "scope", "value", "e164", "shared_since", "candidates")
    return from_rows(contacts, rows.values(*columns), bought(contact_ids), settings)


def bought(contact_ids: Collection[int]) -> Iterable[tuple[int, str, date]]:
    return [row for source in _purchases for row in source(contact_ids)]


def from_rows(
    contacts: Iterable[Mapping[str, Any]],
    identities: Iterable[Mapping[str, Any]],
    purchases: Iterable[tuple[int, str, date]],
    settings: Settings,
) -> list[Facts]:
    addresses: dict[int, _Addresses] = {}
    for row in identities:
        addresses.setdefault(row["contact_id"], _Addresses()).add(row)
    shopping: dict[int, dict[tuple[str, date], None]] = {}
    for contact_id, sku, day in purchases:
        shopping.setdefault(contact_id, {})[(sku, day)] = None
    return [_facts(row, addresses.get(row["id"], _NO_ADDRESSES), tuple(shopping.get(row["id"], ())), settings) for row in contacts]


class _Addresses:
    __slots__ = ("emails", "maybe", "phones", "shared", "user_ids", "usernames")

    def __init__(self) -> None:
        self.phones: list[str] = []
        self.shared: set[str] = set()
        self.maybe: list[str] = []
        self.emails: list[str] = []
        self.usernames: list[str] = []
        self.user_ids: list[tuple[str, str]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        kind = row["kind"]
        if kind in _NUMBERS:
            if row["e164"]:
                self.phones.append(row["e164"])
                if row["shared_since"]:
                    self.shared.add(row["e164"])
            self.maybe += (row["candidates"] or {}).get("numbers", [])
        elif kind == Identity.Kind.EMAIL:
            self.emails.append(row["value"])
        elif kind == Identity.Kind.USERNAME:
            self.usernames.append(row["value"])
        elif kind in _USER_IDS:
            self.user_ids.append((f"{kind}:{row['scope']}", row["value"]))


_NO_ADDRESSES = _Addresses()


def _facts(row: Mapping[str, Any], addresses: _Addresses, purchases: tuple[tuple[str, date], ...], settings: Settings) -> Facts:
    custom = row["custom"] or {}
    phonetic = next((str(custom[name]) for name in settings.phonetic_fields if custom.get(name)), "")
    ids = [f"{name}:{custom[name]}" for name in settings.id_fields if custom.get(name)]
    return Facts(
        row["id"],
        row["name"],
        phonetic,
        tuple(dict.fromkeys(addresses.phones)),
        frozenset(addresses.shared),
        tuple(addresses.maybe),
        tuple(addresses.emails),
        tuple(addresses.usernames),
        tuple(addresses.user_ids),
        tuple(ids),
        row["birthday"],
        row["company"],
        row["address"],
        row["city"],
        row["postal_code"],
        row["country"],
        purchases[:20],
    )
