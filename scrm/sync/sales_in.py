"""What a CRM says of deals and cases: kept as it is said there, and told on the person's timeline when it moves on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.contracts import Change
from scrm.contacts.models import Contact
from scrm.contacts.records import ms
from scrm.sync import deals
from scrm.sync.goods_in import amount, currency, instant
from scrm.sync.inlet import Inlet, Unit
from scrm.sync.kinds import Kind
from scrm.sync.ours import Saying, said, settle_contest, waiting_since
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import named, owners, person_of
from scrm.sync.sales_book import BEGUN_THERE, THERE, News, keep
from scrm.sync.sales_models import LENGTHS
from scrm.sync.sources import Source

CUT = "…"


@dataclass
class Sales:
    """By our keys. One that was begun over there has no values of ours: what the CRM says is all there is."""

    inlet: Inlet
    sources: Mapping[str, Source] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    people: Mapping[str, Contact] | None = None
    owners: Mapping[str, Contact] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, inlet: Inlet, keys: Iterable[str], changes: Sequence[Change] = ()) -> Sales:
        wanted = sorted(keys)
        load = deals.load if inlet.kind == Kind.DEAL else deals.load_cases
        found = cls(inlet, load(inlet.connection, wanted, inlet.wanted), waiting_since(inlet, wanted))
        if changes:
            found.people = named(inlet, changes)
            found.owners = owners(inlet, changes, found.people)
            found.titles = _titles(inlet, changes)
        return found

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
        return person_of(self.inlet, text_of(value), self.people) if name == CONTACT else sale_value(name, value)

    def write(self, sayings: Sequence[Saying]) -> None:
        by_key: dict[str, list[Saying]] = {}
        for each in sayings:
            if settle_contest(each):
                by_key.setdefault(each.key, []).append(each)
        if by_key:
            news = [self._news(key, mine) for key, mine in by_key.items()]
            keep(self.inlet.connection, self.inlet.kind, news, by=THERE)

    def _news(self, key: str, mine: Sequence[Saying]) -> News:
        """One that was begun over there is called as it is called there, also where names only go out."""
        record, values = mine[0].record, {each.unit.name: self.value_of(each) for each in mine}
        at = max(each.at for each in mine)
        for each in mine:
            _tell_cut(each)
        if not key.startswith(BEGUN_THERE):
            return News(key, record, values, at)
        title = {"name": self.titles[record]} if record in self.titles else {}
        return News(key, record, title | values, at, owner=self.owners.get(record))


def _titles(inlet: Inlet, changes: Sequence[Change]) -> dict[str, str]:
    target = next((spec.target for spec in inlet.specs if spec.source == "name"), "")
    said_ = {change.id: sale_value("name", change.fields.get(target) or "") for change in changes} if target else {}
    return {each: name for each, name in said_.items() if name}


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
    return text if len(text) <= LENGTHS[name] else text[: LENGTHS[name] - 1] + CUT


def _tell_cut(saying: Saying) -> None:
    """What is longer than we keep it: shown cut, and noted with the whole value."""
    most = LENGTHS.get(saying.unit.name)
    if most is not None and (length := len(text_of(said(saying)))) > most:
        saying.words = f"The {saying.unit.name} is {length} characters long; here the first {most - 1} are shown, the CRM has all."
