"""What we wrote of deals and cases to a CRM is what it holds from then on, and is told like what people do over there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from connectors.contracts import Outcome, Write
from scrm.core import clock
from scrm.sync import deals
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import SALES, Kind
from scrm.sync.mapping import Unmappable
from scrm.sync.models import ExternalRecord, SaleState
from scrm.sync.sales_book import TOLD, US, News, keep
from scrm.sync.sales_in import sale_value

NAME = ("name",)


def note_written(inlet: Inlet, done: Sequence[tuple[Write, Outcome, ExternalRecord | None]]) -> None:
    """Of writes with their answers and what was agreed before; only those that changed what is there are news: an order or a conversation
    that becomes a deal was told as such. One that is known here is renamed, too. Call inside the transaction that stores the answers."""
    if inlet.kind not in SALES:
        return
    changed = [(write, outcome, before) for write, outcome, before in done if before is not None and outcome.status == "updated"]
    told = {write.key for write, _, _ in changed if _names(inlet, write)}
    renamed = {write.key for write, _, _ in changed if write.key not in told and _names(inlet, write, NAME)}
    if renamed:
        told |= set(SaleState.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=renamed).values_list("key", flat=True))
    written = {write.key: (write, outcome, before) for write, outcome, before in changed if write.key in told}
    if not written:
        return
    load = deals.load if inlet.kind == Kind.DEAL else deals.load_cases
    sources = load(inlet.connection, sorted(written), inlet.wanted)
    news = []
    for key, (write, outcome, before) in written.items():
        if key in sources and before is not None:
            ours = sources[key].values
            values, first = _values(ours, {*_names(inlet, write), *NAME}), _values(ours, _names_agreed(inlet, before))
            news.append(News(key, outcome.id, values, clock.now(), _moved(inlet, write, before), first=first))
    keep(inlet.connection, inlet.kind, news, by=US)


def _names(inlet: Inlet, write: Write, wanted: Collection[str] = TOLD) -> frozenset[str]:
    return frozenset(spec.source for spec in inlet.specs if spec.goes_out and spec.source in wanted and spec.target in write.fields)


def _names_agreed(inlet: Inlet, before: ExternalRecord) -> set[str]:
    """Our fields that were written before."""
    return {spec.source for spec in inlet.specs if spec.goes_out and spec.source in TOLD and before.base.get(spec.target)}


def _moved(inlet: Inlet, write: Write, before: ExternalRecord) -> frozenset[str]:
    """Our fields that both sides had agreed on otherwise."""
    targets = {target for target, value in write.fields.items() if target in before.base and before.base[target] != value}
    return frozenset(spec.source for spec in inlet.specs if spec.goes_out and spec.source in TOLD and spec.target in targets)


def _values(ours: Any, names: set[str]) -> dict[str, Any]:
    found = {}
    for name in names & ours.keys():
        try:
            found[name] = sale_value(name, ours[name])
        except Unmappable:
            continue
    return found
