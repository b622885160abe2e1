"""What is known of the deals and cases in the CRMs, kept in a few statements for any number, and told as `deal.changed` and `case.changed`.

`data` of such an event: `connection`, `key` and `record` (ours and the id there), `name`, `stage`, `amount` (text), `currency`, `closed_at`
(ISO 8601, UTC), `priority`, all as they are now, '' for nothing; `changed` (which of them, and "contact" of one that was somebody else's
until now), `stage_before`; `by`: "crm" when people over there did it, "us" when it came from here; and `conversation` or `order`, the
number of what of ours it is about, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.core.rows import update_many
from scrm.sync.models import SaleState

BEGUN_THERE = "crm:"
THERE, US = "crm", "us"
TOLD = ("stage", "amount", "currency", "closed_at", "priority")
_KEPT = ("name", *TOLD, "contact")
_WHOSE = "contact_id"
_OURS = ("conversation", "order")


@dataclass(frozen=True, slots=True)
class News:
    """What became of one deal or case: values by the columns of `SaleState`; `record`: its id there. `moved`: what changed of one that
    was not known here, where whoever says it knows. `owner`: whose a new one is that was begun there. `quiet`: values that were wrong here
    alone, and are no news. `first`: what else one holds that was not known here."""

    key: str
    record: str
    values: Mapping[str, Any]
    at: datetime
    moved: frozenset[str] = frozenset()
    owner: Contact | None = None
    quiet: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)


def keep(connection: Connection, kind: str, news: Sequence[News], *, by: str) -> None:
    """Take these down and tell whoever listens what moved on. Call inside a transaction.

    The first word of a CRM on one of ours is where it begins and no change.
    """
    there = SaleState.objects.filter(connection=connection, kind=kind, key__in=[each.key for each in news])
    rows = {row.key: row for row in there.select_for_update(of=("self",)).order_by("pk")}
    owners = owners_of(each.key for each in news if each.key not in rows)
    told: list[tuple[SaleState, News, dict[str, Any] | None]] = []
    for each in news:
        row, before = rows.get(each.key), None
        if row is None:
            row = rows[each.key] = SaleState(connection=connection, kind=kind, key=each.key, contact=each.owner or owners.get(each.key))
            _put(row, each.first)
        _put(row, each.quiet)
        if row.pk:
            before = {name: getattr(row, name) for name in (*TOLD, _WHOSE)}
        if each.values or not row.pk:
            row.changed_at = min(each.at, clock.now())
        if each.values:
            _put(row, each.values)
            told.append((row, each, before))
    update_many(SaleState, [row for row in rows.values() if row.pk], [*_KEPT, "changed_at"])
    SaleState.objects.bulk_create([row for row in rows.values() if not row.pk])
    events.record([event for row, each, before in told if (event := _event(connection, row, each, before, by)) is not None])


def _put(row: SaleState, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _event(connection: Connection, row: SaleState, news: News, before: Mapping[str, Any] | None, by: str) -> Event | None:
    if before is not None:
        changed = [name for name in TOLD if before[name] != getattr(row, name)]
        changed += ["contact"] if before[_WHOSE] not in (None, row.contact_id) else []
    else:
        changed = [name for name in TOLD if name in news.moved]
    begun = before is None and row.key.startswith(BEGUN_THERE)
    if row.contact_id is None or not (changed or begun):
        return None
    details: dict[str, Any] = {"connection": connection.slug, "key": row.key, "record": news.record, "by": by, "name": row.name}
    details |= {name: _said(getattr(row, name)) for name in TOLD}
    details |= {"changed": changed, "stage_before": before["stage"] if before is not None else ""}
    what, _, number = row.key.partition(":")
    if what in _OURS and number.isdecimal():
        details[what] = int(number)
    cause = f"crm:{connection.slug}" if by == THERE else ""
    return Event(contact_id=row.contact_id, kind=f"{row.kind}.changed", occurred_at=row.changed_at, data=details, cause=cause)


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, str) else format(value, "f")


def owners_of(keys: Iterable[str]) -> dict[str, Contact]:
    """Whose those of ours are."""
    ids: dict[str, list[int]] = {each: [] for each in _OURS}
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
