"""Whose a deal or a case of theirs is that is not linked yet: ours by our key, else one that people began over there for somebody we know.

One about nobody here is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contracts import Change
from connectors.untrusted import fingerprint
from scrm.contacts.models import Contact
from scrm.sync.goods_meeting import NOT_WANTED
from scrm.sync.inlet import Inlet
from scrm.sync.linking import Met
from scrm.sync.mapping import own_key
from scrm.sync.models import ExternalRecord
from scrm.sync.person_ids import NOBODY
from scrm.sync.persons_there import Unknown, erased_here, ids_in, named, named_by, whose
from scrm.sync.sales_book import BEGUN_THERE
from scrm.sync.sales_in import Sales

_LONGEST = 80


def meet(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    people, found = named(inlet, changes), erased_here(inlet, changes)
    unknown = Unknown(inlet, ids_in(inlet, changes) - people.keys())
    keys = {key for change in changes if (key := own_key(change.fields))}
    ours = Sales.read(inlet, keys)
    mine = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, key__in=keys)
    taken = set(mine.values_list("key", flat=True)) if keys else set()
    for change in changes:
        if change.id in found:
            continue
        key = own_key(change.fields)
        if key in ours.sources and key not in taken:
            taken.add(key)
            found[change.id] = Met(key=key)
            continue
        found[change.id] = _begun_there(inlet, change, people, unknown)
    unknown.ask()
    return found


def _begun_there(inlet: Inlet, change: Change, people: Mapping[str, Contact], unknown: Unknown) -> Met:
    person_id = named_by(inlet, change)
    if person_id:
        contact, first, why = people.get(person_id), [person_id], NOBODY
    else:
        contact, first, why = whose(change, people)
    if contact is not None:
        return Met(key=key_of(change.id)) if inlet.plan.makes_new else Met(reason=NOT_WANTED)
    return unknown.met(first) if first else Met(reason=why)


def key_of(external_id: str) -> str:
    """Our key for one that was begun over there."""
    key = f"{BEGUN_THERE}{external_id}"
    return key if len(key) <= _LONGEST else f"{BEGUN_THERE}{fingerprint(external_id)[:40]}"
