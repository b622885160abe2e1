"""What a merge of people here, and its undo, mean for what the CRMs say of them.

After a merge, deals and cases that were several people's come by themselves where they are one person's now (`awaiting`). After an undo,
whatever was given to the survivor although the CRM names the other is read again and goes to the other; what belongs to both, of whom the
CRM names none as the main one, stays, and people are asked (`apart`). In the sync's consumer of events; a fixed number of statements for
any number of merges, and for each connection that holds something of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Coalesce

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Event
from scrm.core.rows import update_many
from scrm.sync import apart, awaiting, payloads, pulls
from scrm.sync.inlet import units_of
from scrm.sync.kinds import SALES, Kind
from scrm.sync.models import ExternalRecord, SaleState
from scrm.sync.person_ids import CONTACT
from scrm.sync.sales_book import BEGUN_THERE, owners_of

MERGED, PARTED = "contact.merged", "contact.unmerged"


def note(events: Sequence[Event]) -> None:
    merged = {event.contact_id for event in events if event.kind == MERGED}
    parted = {event.contact_id for event in events if event.kind == PARTED}
    if merged | parted:
        roots = _families(merged | parted)
        for connection, people in _people(roots).items():
            if merged:
                awaiting.joined(connection, people.keys())
            if parted:
                _part(connection, roots, people)


def _families(contacts: Collection[int]) -> dict[int, int]:
    """{record: survivor} of everybody who is one person with one of these."""
    tops = set(Contact.objects.filter(pk__in=contacts).values_list(Coalesce("merged_into", "pk"), flat=True))
    return dict(Contact.objects.filter(Q(pk__in=tops) | Q(merged_into__in=tops)).values_list("pk", Coalesce("merged_into", "pk")))


def _people(roots: Mapping[int, int]) -> dict[Connection, dict[str, int]]:
    """By CRM {the id of a record there: whose it is}."""
    found: dict[Connection, dict[str, int]] = defaultdict(dict)
    links = ExternalRecord.objects.filter(kind=Kind.CONTACT, key__in=[str(pk) for pk in roots]).select_related("connection")
    for row in links:
        found[row.connection][row.external_id] = roots[int(row.key)]
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    """What stands here of a record of theirs: `owner`, whose it is here, as its survivor."""

    record: ExternalRecord
    owner: int
    state: SaleState | None = None


def _part(connection: Connection, roots: Mapping[int, int], people: Mapping[str, int]) -> None:
    mappings = payloads.mappings_of(connection)
    forgotten, moved = [], []
    for kind in (*sorted(SALES), Kind.ORDER.value):
        fields = [unit for unit in units_of(payloads.specs_of(mappings, kind), kind) if unit.name == CONTACT]
        if any(unit.direction != "in" for unit in fields):
            continue  # ours goes there as well, and both are compared as ever
        target = fields[0].targets[0] if fields else apart.FIELD
        rows = _orders(connection, roots) if kind == Kind.ORDER else _sales(connection, kind, roots)
        for held in rows:
            if any(people[each] != held.owner for each in _named(held.record, target) if each in people):
                forgotten.append(held.record)
                apart.forget(held.record, target)
            elif held.state is not None and not held.record.key.startswith(BEGUN_THERE) and target == apart.FIELD:
                moved.append(held)
    update_many(ExternalRecord, forgotten, ["base", "seen", "version"])
    pulls.ask(connection.pk, [(record.kind, record.external_id) for record in forgotten])
    _follow(moved)


def _named(record: ExternalRecord, target: str) -> set[str]:
    """Their people, by the record itself and as it hangs together with them."""
    said = str((record.seen or {}).get(target) or "")
    return {said} if said and target != apart.FIELD else {said, *(each for kind, each in record.links if kind == Kind.CONTACT)} - {""}


def _sales(connection: Connection, kind: str, roots: Mapping[int, int]) -> list[_Held]:
    states = {row.key: row for row in SaleState.objects.filter(connection=connection, kind=kind, contact__in=roots)}
    return [_Held(record, roots[states[record.key].contact_id or 0], states[record.key]) for record in _records(connection, kind, states)]


def _orders(connection: Connection, roots: Mapping[int, int]) -> list[_Held]:
    owners = {str(pk): contact for pk, contact in Order.objects.filter(contact__in=roots).values_list("pk", "contact") if contact}
    return [_Held(record, roots[owners[record.key]]) for record in _records(connection, Kind.ORDER.value, owners)]


def _records(connection: Connection, kind: str, keys: Iterable[str]) -> Iterable[ExternalRecord]:
    wanted = list(keys)
    rows = ExternalRecord.objects.filter(connection=connection, kind=kind, key__in=wanted, removed_at=None)
    return rows.select_for_update(of=("self",)).order_by("pk") if wanted else ()


def _follow(held: Sequence[_Held]) -> None:
    """Of deals and cases that came from here, and of which the CRM does not say whose they are: they follow their order or chat."""
    owners = owners_of(each.record.key for each in held)
    strayed = []
    for each in held:
        owner = owners.get(each.record.key)
        if each.state is not None and owner is not None and (owner.merged_into_id or owner.pk) != each.owner:
            each.state.contact = owner
            strayed.append(each.state)
    update_many(SaleState, strayed, ["contact"])
