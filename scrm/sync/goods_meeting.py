"""Which order or product of ours a record of theirs is that is not linked yet.

Our own key in the record first, then the order's number or the product's SKU, which are unique here. What is then still unknown is made
here where the sync settings say so. A second record with the same number or SKU is a dead letter: people must say which one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.contracts import Change
from scrm.commerce.models import Order, Product
from scrm.commerce.price_bands import CURRENCIES
from scrm.commerce.services import upsert_order
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync.goods_in import fill_product, order_value, product_value
from scrm.sync.inlet import Inlet, is_writable
from scrm.sync.linking import Met
from scrm.sync.mapping import Unmappable, own_key, to_ours
from scrm.sync.models import ExternalRecord
from scrm.sync.order_items import ITEMS, Item, items_of, known_skus, split
from scrm.sync.person_ids import CONTACT
from scrm.sync.persons_there import Unknown, erased_here, ids_in, named, named_by, whose

NOT_WANTED = "New records of this kind are not taken over here (sync settings)."
TWICE = "Another record of this CRM is linked to {kind} {name} here; say which of the two counts and delete the other there."


def meet_orders(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    people = named(inlet, changes)
    unknown = Unknown(inlet, ids_in(inlet, changes) - people.keys())
    skus = known_skus([item for change in changes for item in _items(inlet, change)])
    met = _Meeting(inlet, changes, Order, "number", lambda change: _make_order(inlet, change, people, unknown, skus)).met()
    unknown.ask()
    return met


def meet_products(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    return _Meeting(inlet, changes, Product, "sku", lambda change: _make_product(inlet, change)).met()


class _Meeting:
    def __init__(self, inlet: Inlet, changes: Sequence[Change], model: Any, name: str, make: Any) -> None:
        self._inlet, self._changes, self._make, self._name = inlet, changes, make, name
        keys = {int(key) for change in changes if (key := own_key(change.fields)).isascii() and key.isdigit() and len(key) < 18}
        self._keyed = set(model.objects.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
        names = {text for change in changes if (text := self._name_of(change))}
        rows = model.objects.filter(**{f"{name}__in": names}).values_list(name, "pk") if names else ()
        self._named: dict[str, int] = dict(rows)
        self._taken = _linked(inlet, {*self._keyed, *self._named.values()})

    def met(self) -> dict[str, Met]:
        found = erased_here(self._inlet, self._changes)
        for change in self._changes:
            if change.id not in found:
                found[change.id] = self._one(change)
        return found

    def _one(self, change: Change) -> Met:
        name, key = self._name_of(change), own_key(change.fields)
        pk = int(key) if key.isascii() and key.isdigit() and len(key) < 18 and int(key) in self._keyed else self._named.get(name)
        if pk is not None and str(pk) in self._taken:
            return Met(reason=TWICE.format(kind=self._inlet.kind, name=name or pk), failed=True)
        if pk is None and not self._inlet.plan.makes_new:
            return Met(reason=NOT_WANTED)
        met = self._make(change) if pk is None else Met(key=str(pk))
        if met.key:
            self._taken.add(met.key)
            self._named.setdefault(name, int(met.key))
        return met

    def _name_of(self, change: Change) -> str:
        """The number or SKU, whichever way it is mapped."""
        said = next((change.fields.get(spec.target) for spec in self._inlet.specs if spec.source == self._name), None)
        return str(said).strip()[:60] if said not in (None, "") else ""


def _linked(inlet: Inlet, pks: Iterable[int]) -> set[str]:
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=[str(pk) for pk in pks])
    return set(rows.values_list("key", flat=True))


# --- new ones -------------------------------------------------------------------------------------------------------


def _items(inlet: Inlet, change: Change) -> list[Item]:
    """Those that can be read; what cannot is told where the order is made."""
    try:
        return items_of(change.fields, inlet.specs) or []
    except Unmappable:
        return []


def _make_order(inlet: Inlet, change: Change, people: Mapping[str, Contact], unknown: Unknown, skus: frozenset[str]) -> Met:
    person_id = named_by(inlet, change)
    first = [] if person_id else whose(change, people)[1]
    if (person_id and person_id not in people) or first:
        return unknown.met(first or [person_id])
    try:
        said = {name: value for name, value in _said(inlet, change).items() if name not in (CONTACT, ITEMS)}
        given = {name: order_value(inlet, name, value, people) for name, value in said.items()}
        items = items_of(change.fields, inlet.specs)
    except Unmappable as error:
        return Met(reason=f"This order cannot be taken over: {error}", failed=True)
    lacking = [name for name in ("number", "status", "total") if name not in given]
    if lacking:
        return Met(reason=f"This order cannot be taken over without its {', '.join(lacking)}; map the field and try again.", failed=True)
    lines, others = split(items, skus) if items is not None else (None, None)
    made = upsert_order(
        given["number"],
        contact=people.get(person_id),
        status=given["status"],
        currency=given.get("currency") or CURRENCIES.get(inlet.connection.country, "USD"),
        total=given["total"],
        placed_at=given.get("placed_at") or change.modified_at or clock.now(),
        lines=lines,
        other_lines=others,
        cause=inlet.source,
    )
    return Met(key=str(made.order.pk))


def _make_product(inlet: Inlet, change: Change) -> Met:
    try:
        given = {name: product_value(name, value) for name, value in _said(inlet, change).items()}
    except Unmappable as error:
        return Met(reason=f"This product cannot be taken over: {error}", failed=True)
    if "sku" not in given:
        return Met(reason="This product cannot be taken over without its sku; map the field and try again.", failed=True)
    made = Product(sku=given["sku"], name=given["sku"])
    fill_product(made, given)
    made.save()
    return Met(key=str(made.pk))


def _said(inlet: Inlet, change: Change) -> dict[str, Any]:
    """What comes in of a record, in our words and without what is empty. Raises `Unmappable`."""
    found = {}
    for spec in inlet.specs:
        if is_writable(spec.source, inlet.kind) and (spec.comes_in or spec.source in ("number", "sku")):
            value = to_ours(change.fields.get(spec.target), spec)
            if value not in ("", []):
                found[spec.source] = value
    return found
