"""The people that an order, a deal or a case names by their records' ids in the CRM."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from connectors.contracts import Change
from scrm.contacts.models import Contact
from scrm.contacts.privacy.digests import erased
from scrm.core import clock
from scrm.sync.asking import ask
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.linking import ERASED, Met
from scrm.sync.mapping import Unmappable
from scrm.sync.models import Pull
from scrm.sync.person_ids import CONTACT, CRM, NOBODY, SEVERAL, erased_name, people_of

# Why a record is left alone for want of a person.
WHOSE = frozenset({NOBODY, SEVERAL})
STAYS = f"{SEVERAL} It stays with whom it was given to while they were one."
# So many people of one record are read to find whose it is.
MOST_PEOPLE = 10
LATER = timedelta(seconds=5)


def person_of(inlet: Inlet, text: str, known: Mapping[str, Contact] | None = None) -> Contact:
    """Who has this id there. `known`: everybody who may be named, where they were looked up together. Raises `Unmappable`."""
    people = people_of(inlet.connection, [text]) if known is None and text else known or {}
    if text not in people:
        raise Unmappable(NOBODY)
    return people[text]


def named_by(inlet: Inlet, change: Change) -> str:
    """The id of the person's record, '' when the record names nobody or the field is not mapped."""
    return next((str(change.fields.get(spec.target) or "")[:100] for spec in inlet.specs if spec.source == CONTACT), "")


def ids_in(inlet: Inlet, changes: Sequence[Change]) -> set[str]:
    """The ids of everybody whom these records name, by a field or apart from it."""
    apart = {each.id[:100] for change in changes for each in change.people}
    return apart | {each for change in changes if (each := named_by(inlet, change))}


def named(inlet: Inlet, changes: Sequence[Change]) -> Mapping[str, Contact]:
    return people_of(inlet.connection, ids_in(inlet, changes))


class Unknown:
    """People of records who are not linked here: they are read first, unless that was tried and led to nobody. Two statements a page."""

    def __init__(self, inlet: Inlet, ids: Collection[str]) -> None:
        self._inlet = inlet
        rows = Pull.objects.filter(connection=inlet.connection, kind=Kind.CONTACT, external_id__in=ids) if ids else []
        self._rows = {row.external_id: row for row in rows}
        self._wanted: set[str] = set()

    def met(self, ids: Sequence[str]) -> Met:
        """Of a record that belongs to these, of whom nobody is known."""
        untried = [each for each in ids if each not in self._rows]
        due = [row.due_at for each in ids if (row := self._rows.get(each)) is not None and row.state == Pull.State.DUE]
        self._wanted.update(untried)
        if not untried and not due:
            return Met(reason=NOBODY)
        wait = max(max(due) - clock.now(), LATER) if due else LATER
        return Met(reason="Waits for its person, who is read first.", wait=wait)

    def ask(self) -> None:
        if self._wanted:
            ask(self._inlet.connection.pk, [(Kind.CONTACT.value, each) for each in sorted(self._wanted)])


def waits(inlet: Inlet, named_: Mapping[str, str]) -> dict[str, Met]:
    """{record: that it waits} of records that name (`named_`: {record: person}) somebody who is not linked and was never read."""
    people = people_of(inlet.connection, set(named_.values()))
    unknown = Unknown(inlet, set(named_.values()) - people.keys())
    found = {record: unknown.met([person]) for record, person in named_.items() if person not in people}
    unknown.ask()
    return {record: met for record, met in found.items() if met.wait is not None}


def deciding(change: Change) -> list[str]:
    """Of people whom the CRM keeps apart from the record: the one whom it names as the main one, else all of them."""
    first = [each.id[:100] for each in change.people if each.primary]
    return first if len(first) == 1 else [each.id[:100] for each in change.people]


def awaited(inlet: Inlet, change: Change) -> tuple[str, ...]:
    """Of a record that belongs to nobody here, or to several: the people of whom one must be linked, or who must become one person, for it
    to be somebody's."""
    person = named_by(inlet, change)
    return (person,) if person else tuple(dict.fromkeys(filter(None, deciding(change))))


def whose(change: Change, people: Mapping[str, Contact]) -> tuple[Contact | None, list[str], str]:
    """Of a record whose people the CRM keeps apart from it: (whose it is, else whom to read first, else why nobody's).

    The primary one of several; without one the only one who is known here.
    """
    ids = deciding(change)
    known = {people[each].pk: people[each] for each in ids if each in people}
    if len(known) == 1:
        return next(iter(known.values())), [], ""
    return None, [] if known else ids[:MOST_PEOPLE], SEVERAL if known else NOBODY


def owners(inlet: Inlet, changes: Sequence[Change], people: Mapping[str, Contact]) -> dict[str, Contact]:
    """{record: whose it is} of those whose people the CRM keeps apart from them."""
    found = {change.id: whose(change, people)[0] for change in changes if change.people and not named_by(inlet, change)}
    return {each: contact for each, contact in found.items() if contact is not None}


def erased_here(inlet: Inlet, changes: Sequence[Change]) -> dict[str, Met]:
    """Those that belonged to somebody who was erased here: a copy brings nothing back."""
    gone = erased((CRM, erased_name(inlet.connection, inlet.kind, change.id)) for change in changes)
    return {change.id: Met(reason=ERASED) for change in changes if (CRM, erased_name(inlet.connection, inlet.kind, change.id)) in gone}
