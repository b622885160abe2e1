"""What a CRM says of deals and cases: kept as it is said there, and told on the person's timeline when it moves on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scrm.contacts.models import Contact
from scrm.contacts.records import ms
from scrm.sync import deals
from scrm.sync.goods_in import amount, currency, instant
from scrm.sync.inlet import Inlet, Unit
from scrm.sync.kinds import Kind
from scrm.sync.mapping import Unmappable
from scrm.sync.ours import Saying, said, settle_contest, waiting_since
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import NOBODY, people_of
from scrm.sync.sales_book import BEGUN_THERE, THERE, News, keep
from scrm.sync.sources import Source

_LENGTHS = {"name": 200, "stage": 100, "priority": 40}


@dataclass
class Sales:
    """By our keys. One that was begun over there has no values of ours: what the CRM says is all there is."""

    inlet: Inlet
    sources: Mapping[str, Source] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, inlet: Inlet, keys: Iterable[str]) -> Sales:
        wanted = sorted(keys)
        load = deals.load if inlet.kind == Kind.DEAL else deals.load_cases
        return cls(inlet, load(inlet.connection, wanted, inlet.wanted), waiting_since(inlet, wanted))

    def has(self, key: str) -> bool:
        return key.startswith(BEGUN_THERE) or key in self.sources

    def values(self, key: str) -> Mapping[str, Any]:
        found = self.sources.get(key)
        return found.values if found is not None else {}

    def changed_at(self, key: str, unit: Unit) -> int | None:
        at = self.since.get(key)
        return None if at is None else ms(at)

    def value_of(self, saying: Saying) -> Any:
        name, value = saying.unit.name, said(saying)
        return _person(self.inlet, text_of(value)) if name == CONTACT else sale_value(name, value)

    def write(self, sayings: Sequence[Saying]) -> None:
        by_key: dict[str, list[Saying]] = {}
        for each in sayings:
            if settle_contest(each):
                by_key.setdefault(each.key, []).append(each)
        news = [
            News(key, mine[0].record, {each.unit.name: self.value_of(each) for each in mine}, max(each.at for each in mine))
            for key, mine in by_key.items()
        ]
        if news:
            keep(self.inlet.connection, self.inlet.kind, news, by=THERE)


def text_of(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def sale_value(name: str, value: Any) -> Any:
    """A value as `SaleState` keeps it. Raises `Unmappable`."""
    text = text_of(value)
    if name == "amount":
        return amount(text) if text else None
    if name == "closed_at":
        return instant(text) if text else None
    if name == "currency":
        return currency(text) if text else ""
    return text[: _LENGTHS[name]]


def _person(inlet: Inlet, text: str) -> Contact:
    contact = people_of(inlet.connection, [text]).get(text) if text else None
    if contact is None:
        raise Unmappable(NOBODY)
    return contact
