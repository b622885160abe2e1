"""What a CRM says of deals and cases: kept as it is said there, and told on the person's timeline when it moves on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scrm.commerce.models import Order
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.contacts.records import ms
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.sync import deals
from scrm.sync.goods_in import amount, currency, instant
from scrm.sync.inlet import Inlet, Unit
from scrm.sync.kinds import Kind
from scrm.sync.mapping import Unmappable
from scrm.sync.models import SaleState
from scrm.sync.ours import Saying, said, settle_contest, waiting_since
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import NOBODY, people_of
from scrm.sync.sources import Source

BEGUN_THERE = "crm:"
_LENGTHS = {"name": 200, "stage": 100, "priority": 40}
_TOLD = ("stage", "amount", "currency", "closed_at", "priority")


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
        text = "; ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
        if name == "amount":
            return amount(text) if text else None
        if name == "closed_at":
            return instant(text) if text else None
        if name == "currency":
            return currency(text) if text else ""
        if name == CONTACT:
            return _person(self.inlet, text)
        return text[: _LENGTHS[name]]

    def write(self, sayings: Sequence[Saying]) -> None:
        by_key: dict[str, list[Saying]] = {}
        for each in sayings:
            if settle_contest(each):
                by_key.setdefault(each.key, []).append(each)
        owners = _owners(by_key)
        for key, mine in by_key.items():
            self._keep(key, {each.unit.name: self.value_of(each) for each in mine}, max(each.at for each in mine), owners.get(key))

    def _keep(self, key: str, values: dict[str, Any], at: datetime, owner: Contact | None) -> None:
        at = min(at, clock.now())
        row = (
            SaleState.objects.filter(connection=self.inlet.connection, kind=self.inlet.kind, key=key)
            .select_for_update(of=("self",))
            .first()
        )
        before = {name: getattr(row, name) for name in _TOLD} if row is not None else {}
        if row is None:
            row = SaleState(connection=self.inlet.connection, kind=self.inlet.kind, key=key, contact=owner)
        for name, value in values.items():
            setattr(row, name, value)
        row.changed_at = at
        row.save()
        changed = [name for name in _TOLD if before and before[name] != getattr(row, name)]
        if row.contact is not None and (changed or (not before and key.startswith(BEGUN_THERE))):
            events.record([self._event(row, changed, str(before.get("stage", "")), at)])

    def _event(self, row: SaleState, changed: Sequence[str], stage_before: str, at: datetime) -> Event:
        details: dict[str, Any] = {"connection": self.inlet.connection.slug, "key": row.key, "name": row.name, "stage": row.stage}
        if changed:
            details |= {"changed": list(changed), "stage_before": stage_before}
        return Event(contact=row.contact, kind=f"{row.kind}.changed", occurred_at=at, data=details, cause=self.inlet.source)


def _person(inlet: Inlet, text: str) -> Contact:
    contact = people_of(inlet.connection, [text]).get(text) if text else None
    if contact is None:
        raise Unmappable(NOBODY)
    return contact


def _owners(keys: Iterable[str]) -> dict[str, Contact]:
    """Whose our own ones are."""
    ids: dict[str, list[int]] = {"conversation": [], "order": []}
    for key in keys:
        kind, _, number = key.partition(":")
        if kind in ids and number.isdecimal():
            ids[kind].append(int(number))
    found: dict[str, Contact] = {}
    if ids["conversation"]:
        rows = Conversation.objects.filter(pk__in=ids["conversation"]).select_related("identity__contact")
        found |= {f"conversation:{row.pk}": row.identity.contact for row in rows}
    if ids["order"]:
        orders = Order.objects.filter(pk__in=ids["order"]).select_related("contact")
        found |= {f"order:{row.pk}": row.contact for row in orders if row.contact is not None}
    return found
