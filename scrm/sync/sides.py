"""Which of our modules knows the records of a kind: how they are read here, and whom or what a stranger is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from connectors.contracts import Change
from scrm.sync import goods_meeting, linking, sales_meeting
from scrm.sync.goods_in import Orders, Products
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.linking import Met
from scrm.sync.ours import Ours
from scrm.sync.people_in import People
from scrm.sync.sales_in import Sales

_READ: Mapping[str, Callable[[Inlet, Iterable[str], Sequence[Change]], Ours]] = {
    Kind.CONTACT: lambda inlet, keys, _: People.read(inlet, keys),
    Kind.ORDER: Orders.read,
    Kind.PRODUCT: lambda inlet, keys, _: Products.read(inlet, keys),
    Kind.DEAL: Sales.read,
    Kind.CASE: Sales.read,
}
_MEET: Mapping[str, Callable[[Inlet, Sequence[Change]], dict[str, Met]]] = {
    Kind.CONTACT: linking.meet,
    Kind.ORDER: goods_meeting.meet_orders,
    Kind.PRODUCT: goods_meeting.meet_products,
    Kind.DEAL: sales_meeting.meet,
    Kind.CASE: sales_meeting.meet,
}


def read(inlet: Inlet, keys: Iterable[str], changes: Sequence[Change] = ()) -> Ours:
    """Ours by these keys; the people whom `changes` name are looked up with them, in a few statements for all."""
    return _READ[inlet.kind](inlet, keys, changes)


def meet(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    """For each record that is not linked, by its id there."""
    return _MEET[inlet.kind](inlet, changes)
