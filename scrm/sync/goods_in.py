"""What a CRM says of orders and products, written here. A product is never taken off the list, an order never deleted for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model

from connectors.contracts import Change
from connectors.timestamps import moment
from scrm.commerce.models import Order, Product
from scrm.commerce.services import ShipmentInput, change_order
from scrm.contacts.models import Contact
from scrm.contacts.records import ms
from scrm.sync import goods
from scrm.sync.inlet import Inlet, Unit
from scrm.sync.mapping import Unmappable
from scrm.sync.order_items import ITEMS, items_said, known_skus, split
from scrm.sync.ours import Saying, said, settle_contest, waiting_since
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import named, person_of
from scrm.sync.sources import Source

_LARGEST = Decimal("999999999999.99")
_YES, _NO = frozenset({"true", "yes", "1", "on"}), frozenset({"false", "no", "0", "off"})
_LENGTHS = {"number": 60, "sku": 60, "name": 200, "carrier": 60, "tracking_number": 80}
_PARCEL = ("carrier", "tracking_number")


@dataclass
class _Loaded(ABC):
    """Rows of ours by key, as they are written to the CRM. Two kinds are made of it, each with its model and what is unique there."""

    model: ClassVar[type[Model]]
    unique: ClassVar[str]
    inlet: Inlet
    sources: Mapping[str, Source] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    people: Mapping[str, Contact] | None = None

    def has(self, key: str) -> bool:
        return key in self.sources

    def values(self, key: str) -> Mapping[str, Any]:
        return self.sources[key].values

    def changed_at(self, key: str, unit: Unit) -> int | None:
        at = self.since.get(key)
        return None if at is None else ms(at)

    @abstractmethod
    def value_of(self, saying: Saying) -> Any: ...

    @abstractmethod
    def change(self, key: str, values: Mapping[str, Any]) -> None: ...

    def write(self, sayings: Sequence[Saying]) -> None:
        by_key = _by_key(sayings)
        taken = _Taken(self.model, self.unique, by_key)
        for key, mine in by_key.items():
            taken.refuse_twice(key, mine)
            if values := {name: self.value_of(each) for name, each in mine.items() if each.result == "in"}:
                self.change(key, values)


@dataclass
class Orders(_Loaded):
    model, unique = Order, "number"
    skus: frozenset[str] = frozenset()

    @classmethod
    def read(cls, inlet: Inlet, keys: Iterable[str], changes: Sequence[Change] = ()) -> Orders:
        wanted = sorted(keys)
        people = named(inlet, changes) if changes else None
        return cls(inlet, goods.load_orders(inlet.connection, wanted, inlet.wanted), waiting_since(inlet, wanted), people)

    def value_of(self, saying: Saying) -> Any:
        if saying.unit.name == ITEMS:
            return items_said(saying.theirs[0], saying.before)
        return order_value(self.inlet, saying.unit.name, said(saying), self.people)

    def change(self, key: str, values: Mapping[str, Any]) -> None:
        parcel = self._parcel(key, values) if values.keys() & set(_PARCEL) else None
        columns = {name: value for name, value in values.items() if name not in (*_PARCEL, ITEMS)}
        lines = None
        if (items := values.get(ITEMS)) is not None:
            lines, columns["other_lines"] = split(items, self.skus)
        change_order(int(key), columns, lines=lines, shipment=parcel, cause=self.inlet.source)

    def write(self, sayings: Sequence[Saying]) -> None:
        said_ = [self.value_of(each) for each in sayings if each.unit.name == ITEMS]
        self.skus = known_skus([item for items in said_ for item in items or ()])
        super().write(sayings)

    def _parcel(self, key: str, values: Mapping[str, Any]) -> ShipmentInput | None:
        known = self.values(key)
        carrier, number = (str(values.get(name, known.get(name) or "")) for name in _PARCEL)
        return ShipmentInput(carrier, number) if number else None


class Products(_Loaded):
    model, unique = Product, "sku"

    @classmethod
    def read(cls, inlet: Inlet, keys: Iterable[str]) -> Products:
        wanted = sorted(keys)
        return cls(inlet, goods.load_products(inlet.connection, wanted, inlet.wanted), waiting_since(inlet, wanted))

    def value_of(self, saying: Saying) -> Any:
        return product_value(saying.unit.name, said(saying))

    def change(self, key: str, values: Mapping[str, Any]) -> None:
        change_product(int(key), values)


def _by_key(sayings: Sequence[Saying]) -> dict[str, dict[str, Saying]]:
    """What is to be taken over, {key: {our field: what is said of it}}."""
    found: dict[str, dict[str, Saying]] = {}
    for each in sayings:
        if settle_contest(each):
            found.setdefault(each.key, {})[each.unit.name] = each
    return found


class _Taken:
    """Who has the numbers or SKUs that are to be given: one that another row has stays there. One statement for all."""

    def __init__(self, model: Any, name: str, by_key: Mapping[str, Mapping[str, Saying]]) -> None:
        self._name = name
        wanted = {str(said(mine[name])) for mine in by_key.values() if name in mine}
        rows = model.objects.filter(**{f"{name}__in": wanted}).values_list(name, "pk") if wanted else ()
        self._holder: dict[str, int] = dict(rows)

    def refuse_twice(self, key: str, mine: Mapping[str, Saying]) -> None:
        each, own = mine.get(self._name), int(key)
        if each is None:
            return
        text = str(said(each))
        if self._holder.get(text, own) != own:
            each.result, each.words = "unfit", f"“{text}” is the {self._name} of another {each.unit.kind} here"
            return
        # What it had until now is free for another of the same page.
        self._holder = {held: pk for held, pk in self._holder.items() if pk != own} | {text: own}


@transaction.atomic
def change_product(pk: int, values: Mapping[str, Any]) -> None:
    row = Product.objects.select_for_update(of=("self",)).get(pk=pk)
    fill_product(row, values)
    row.save()


def fill_product(row: Product, values: Mapping[str, Any]) -> None:
    """Give it these values, by our field names: `name.ja` and `price.HKD` are parts of a column."""
    for name, value in values.items():
        column, _, part = name.partition(".")
        if part:
            held = row.names if column == "name" else row.prices
            part = part.replace("_", "-") if column == "name" and part not in held else part
            if value in (None, ""):
                held.pop(part, None)
            else:
                held[part] = value
        else:
            setattr(row, column, value)


# --- their values in our words --------------------------------------------------------------------------------------


def order_value(inlet: Inlet, name: str, value: Any, people: Mapping[str, Contact] | None = None) -> Any:
    """`people`: those who may be named, where they are known. Raises `Unmappable`."""
    text = _text(name, value)
    if name in _PARCEL:
        return text
    if not text:
        raise Unmappable(f"an order here cannot be without its {name}")
    if name == "status":
        return _status(text)
    if name == "total":
        return amount(text)
    if name == "currency":
        return currency(text)
    if name == "placed_at":
        return instant(text)
    return person_of(inlet, text, people) if name == CONTACT else text


def _status(text: str) -> str:
    if text not in Order.Status.values:
        raise Unmappable(f"“{text[:60]}” is no status of an order here ({', '.join(Order.Status.values)}); map it by a table of choices")
    return text


def product_value(name: str, value: Any) -> Any:
    """Raises `Unmappable`."""
    if name == "aliases":
        parts = value if isinstance(value, list) else str(value or "").split(";")
        return [str(part).strip() for part in parts if str(part).strip()]
    text = _text(name.partition(".")[0], value)
    if name == "active":
        if text.lower() not in _YES | _NO:
            raise Unmappable(f"“{text[:60]}” is neither true nor false")
        return text.lower() in _YES
    if name.startswith("price."):
        return format(amount(text), "f") if text else ""
    if not text and name in ("sku", "name"):
        raise Unmappable(f"a product here cannot be without its {name}")
    return text


def _text(name: str, value: Any) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "").strip()
    most = _LENGTHS.get(name, 200)
    if len(text) > most:
        raise Unmappable(f"the {name} is longer than {most} characters")
    return text


def amount(text: str) -> Decimal:
    try:
        found = Decimal(text.replace(",", "")).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Unmappable(f"“{text[:60]}” is no amount") from None
    if not found.is_finite() or abs(found) > _LARGEST:
        raise Unmappable(f"“{text[:60]}” is no amount")
    return found


def currency(text: str) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise Unmappable(f"“{text[:60]}” is no currency of three letters")
    return text.upper()


def instant(text: str) -> datetime:
    found = moment(text)
    if found is None:
        raise Unmappable(f"“{text[:60]}” is no time")
    return found
