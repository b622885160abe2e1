"""Whose a record is, of a CRM that keeps that apart from it (contact roles, associations): read as if a field of the record held it.

So it is compared with what was agreed like any field: a deal that is given to somebody else over there goes to them here, and what was
changed on both sides is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.contracts import Change
from scrm.contacts.models import Contact
from scrm.sync import persons_there
from scrm.sync.inlet import Inlet, Unit, units_of
from scrm.sync.mapping import Spec
from scrm.sync.models import ExternalRecord
from scrm.sync.person_ids import CONTACT
from scrm.sync.resolution import Direction, Values

# No vendor's field is called that.
FIELD = "@people"
_SPEC = Spec(CONTACT, FIELD, "in")


def as_field(inlet: Inlet, changes: Sequence[Change]) -> tuple[Inlet, list[Change], frozenset[str]]:
    """The changes with that field, where it can be said whose they are; as they came where a field of theirs is mapped to it. And the
    ids of those that belong to several people whom we know.

    Two statements where one of them belongs to several people.
    """
    if not any(change.people for change in changes) or any(spec.source == CONTACT for spec in inlet.specs):
        return inlet, list(changes), frozenset()
    several = [change for change in changes if len(persons_there.deciding(change)) > 1]
    known = persons_there.named(inlet, several) if several else {}
    specs = [*inlet.specs, _SPEC]
    said = {change.id: person for change in changes if (person := _main(change, known))}
    found = [replace(each, fields={**each.fields, FIELD: said[each.id]}) if each.id in said else each for each in changes]
    doubtful = frozenset(change.id for change in several if len(_owners(change, known)) > 1)
    return replace(inlet, specs=specs, units=[*inlet.units, *units_of([_SPEC], inlet.kind)]), found, doubtful


def _main(change: Change, known: Mapping[str, Contact]) -> str:
    """The id there of the one whose it is. Of several the only one who is known here; '' leaves it where it is."""
    ids = persons_there.deciding(change)
    if len(ids) <= 1:
        return ids[0] if ids else ""
    owners = _owners(change, known)
    return next(iter(owners.values())) if len(owners) == 1 else ""


def _owners(change: Change, known: Mapping[str, Contact]) -> dict[int, str]:
    """{contact: the id there of one of its records}."""
    return {known[each].pk: each for each in reversed(persons_there.deciding(change)) if each in known}


def is_unsaid(unit: Unit, change: Change) -> bool:
    """Whether the record says nothing of whose it is: then nothing changes."""
    return unit.targets == (FIELD,) and FIELD not in change.fields


def direction(unit: Unit, ours: Values | None, theirs: Values | None) -> Direction:
    """Ours is never written there, yet that it changed as well since both were agreed on is worth knowing."""
    return "both" if unit.targets == (FIELD,) and ours is not None and theirs is not None else unit.direction


def forget(record: ExternalRecord, target: str) -> None:
    """Whose it is was agreed on when two people were one, who are two again: what the CRM says of it (`target`) is heard anew."""
    record.base = {name: value for name, value in record.base.items() if name != target}
    seen = {name: value for name, value in (record.seen or {}).items() if name != target}
    record.seen = seen | ({FIELD: None} if target == FIELD else {}) or None
    record.version = ""


def was_forgotten(record: ExternalRecord) -> bool:
    return (record.seen or {}).get(FIELD, "") is None


def keep_ours(record: ExternalRecord) -> None:
    """A person decided that it stays with whoever has it here: that of theirs which waited is known from now on, and asks nobody again."""
    waiting = dict(record.held or {})
    if FIELD in waiting:
        record.base = {name: value for name, value in record.base.items() if name != FIELD}
        record.seen = (record.seen or {}) | {FIELD: waiting.pop(FIELD)}
        record.held = waiting or None


def take_theirs(record: ExternalRecord) -> None:
    """A person decided that it belongs to whomever they say: read again, that counts as their change alone."""
    waiting = dict(record.held or {})
    if waiting.pop(FIELD, None) is not None:
        record.base = {name: value for name, value in record.base.items() if name != FIELD}
        record.seen = {name: value for name, value in (record.seen or {}).items() if name != FIELD} or None
        record.held = waiting or None
