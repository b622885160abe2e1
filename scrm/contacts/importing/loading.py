"""One chunk of rows into the database, in the caller's transaction: everything with its before-image, in a number of statements that
does not depend on the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from scrm.contacts.addresses import add_address
from scrm.contacts.claims import Claim, Kind, raise_claims
from scrm.contacts.fields import Offer, Outcome, offer
from scrm.contacts.fields_rules import same
from scrm.contacts.importing import extras
from scrm.contacts.importing.making import Making, email_of, number_of
from scrm.contacts.importing.parsing import PhoneCell, Said
from scrm.contacts.importing.persons import Chunk, Person, refuse_erased, spellings
from scrm.contacts.importing.problems import note
from scrm.contacts.matching.publishing import in_force
from scrm.contacts.models import Consent, Contact, Event, Identity, Import, ImportRow
from scrm.contacts.overlay import own_entry
from scrm.contacts.records import value_of
from scrm.contacts.repairs import settle_as
from scrm.contacts.search import reindex
from scrm.core import clock
from scrm.core.beside import beside
from scrm.core.loading import fresh
from scrm.core.rows import among, update_many

CREATED, UPDATED, UNCHANGED, BAD = (
    ImportRow.Outcome.CREATED,
    ImportRow.Outcome.UPDATED,
    ImportRow.Outcome.UNCHANGED,
    ImportRow.Outcome.BAD,
)


@dataclass(slots=True)
class Change:
    """What one row changes of somebody who is there. `read`: numbers that could not be read before; `before`: as `ImportRow.before`."""

    person: Person
    said: Said
    values: dict[str, Any] = field(default_factory=dict)
    new: list[Identity] = field(default_factory=list)
    elsewhere: list[PhoneCell] = field(default_factory=list)
    read: list[tuple[Identity, str]] = field(default_factory=list)
    external_id: bool = False
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _SoFar:
    """What the rows of a new person have said."""

    values: dict[str, Any] = field(default_factory=dict)
    others: set[Any] = field(default_factory=set)

    def hear(self, said: Said) -> bool:
        """Whether the row adds anything."""
        told = {*said.tags, *((each.purpose, each.allowed) for each in said.wishes), ("id", bool(said.external_id))}
        told |= {cell.value for cell in said.phones} | {value for value, _ in said.emails}
        told.discard(("id", False))
        news = bool(told - self.others) or any(not same(self.values.get(name), value) for name, value in said.values.items())
        self.values |= said.values
        self.others |= told
        return news


class Loader:
    """Plans a chunk, and writes it when asked. A plan alone changes nothing: that is the dry run."""

    def __init__(self, run: Import, rows: Sequence[Said], *, by: str) -> None:
        self._run = run
        self._rows = rows
        self._by = by
        self._now = clock.now()
        self._making = Making(run.source, by, self._now)
        refuse_erased(rows)
        self.chunk = Chunk([said for said in rows if not said.bad])
        self.results = {said.line: fresh(ImportRow, run_id=run.pk, line=said.line, digest=said.digest) for said in rows}
        self.changes: list[Change] = []
        self._identities: dict[int, list[Identity]] = {}
        self._plan()

    # --- what would happen ------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        for said in self._rows:
            if said.bad:
                continue
            if (pk := self.chunk.repeated.get(said.digest)) is not None:
                self._set(said, UNCHANGED, pk)
            else:
                self.chunk.place(said)
        for said in self._rows:
            if said.bad:
                result = self.results[said.line]
                result.outcome, result.digest, result.notes, result.cells = BAD, 0, said.notes, said.cells
        self._plan_changes([person for person in self.chunk.people if person.contact is not None and person.rows])
        for person in self.chunk.people:
            if person.contact is None:
                self._set(person.rows[0], CREATED)
                if len(person.rows) > 1:
                    self._plan_further(person.rows)

    def _plan_further(self, rows: Sequence[Said]) -> None:
        """What those after the first row of a new person add."""
        so_far = _SoFar()
        so_far.hear(rows[0])
        for said in rows[1:]:
            self._set(said, UPDATED if so_far.hear(said) else UNCHANGED)

    def _set(self, said: Said, outcome: str, contact: int | None = None) -> None:
        result = self.results[said.line]
        result.outcome, result.contact_id, result.notes = outcome, contact, said.notes or None

    def _plan_changes(self, people: Sequence[Person]) -> None:
        pks = {person.root_id for person in people}
        for identity in Identity.objects.filter(among(Identity, "contact", pks), valid_to=None) if pks else ():
            self._identities.setdefault(identity.contact_id, []).append(identity)
        wanted = {person.contact.pk: [tag for said in person.rows for tag in said.tags] for person in people if person.contact}
        untagged = extras.tags().missing({pk: words for pk, words in wanted.items() if words})
        for person in people:
            for said in person.rows:
                change = self._change(person, said)
                added = change.new or change.read or change.elsewhere or change.external_id
                is_news = change.values or added or self._wished(person, said)
                if is_news or (said.tags and person.contact and person.contact.pk in untagged):
                    self.changes.append(change)
                    self._set(said, UPDATED, person.contact.pk if person.contact else None)
                else:
                    self._set(said, UNCHANGED, person.contact.pk if person.contact else None)

    def _change(self, person: Person, said: Said) -> Change:
        contact = person.contact
        assert contact is not None
        change = Change(person, said)
        pending = {name: value for each in self.changes if each.person is person for name, value in each.values.items()}
        for name, value in said.values.items():
            if not same(pending.get(name, value_of(contact, name)), value):
                change.values[name] = value
        change.external_id = bool(said.external_id and not contact.external_id)
        own = self._identities.setdefault(person.root_id or 0, [])
        there = {each.e164 or each.value for each in own} | {each.value for each in own}
        waiting = {each.value: each for each in own if each.needs_repair and not each.e164 and each.pk}
        for cell in said.phones:
            if any(each in there for each in spellings(cell.value)):
                continue
            if not cell.repair and self._is_elsewhere("p" + cell.value, person):
                change.elsewhere.append(cell)
            elif not cell.repair and (unread := waiting.pop(cell.typed, None)) is not None:
                change.read.append((unread, cell.value))
                there.add(cell.value)
            else:
                change.new.append(number_of(cell, self._making, person.root_id, person.home_id))
        for value, typed in said.emails:
            if value not in there and not self._is_elsewhere("e" + value, person):
                change.new.append(email_of(value, typed, self._making, person.root_id, person.home_id))
        own += change.new
        return change

    def _is_elsewhere(self, key: str, person: Person) -> bool:
        holders = self.chunk.index.holders.get(key)
        if holders and any(row.contact_id != person.root_id for row in holders):
            return True
        return self.chunk.claimed_by_another(key, person)

    def _wished(self, person: Person, said: Said) -> list[tuple[Identity, Any]]:
        """The consents that would change something: a yes only where nothing was declined, a no where it was not known."""
        assert person.contact is not None
        own = self._identities.get(person.root_id or 0, [])
        mine = {*said.numbers, *(email for email, _ in said.emails)}
        declined = any(each.opted_out_at or each.marketing_opted_out_at for each in own)
        found = []
        for wish in said.wishes:
            if wish.allowed and declined:
                if not any(each["code"] == "opted_out" for each in said.notes):
                    said.notes.append(note("", "opted_out"))
                continue
            for identity in own:
                if mine and (identity.e164 or identity.value) not in mine:
                    continue
                known = (
                    identity.marketing_opt_in_at
                    if wish.allowed
                    else identity.opted_out_at or (wish.purpose == Consent.Purpose.MARKETING and identity.marketing_opted_out_at)
                )
                if not known:
                    found.append((identity, wish))
        return found

    # --- making it so -----------------------------------------------------------------------------------------------

    def write(self) -> list[ImportRow]:
        """Call inside a transaction. The rows come back with whom they made or changed."""
        self._lock()
        new = [person for person in self.chunk.people if person.contact is None]
        for person in new:
            self._making.person(person, self._taken(person))
        for change in self.changes:
            self._making.identities += change.new
        self._fill_external_ids()
        self._consent()
        self._making.told += [told for change in self.changes if (told := self._told(change))]
        rules = in_force().settings
        # While matching keys and search terms are made, the database takes in the people and what is told of them.
        with beside(DEFAULT_DB_ALIAS):
            self._making.make()
            self._tag(new)
            self._making.tell()
            self._making.write(rules)
        # By the names as they were: one that a later row changes says nothing of who had the number.
        self._share()
        self._settle()
        self._offer()
        self._finish(new)
        return [self.results[said.line] for said in self._rows]

    def _lock(self) -> None:
        """In one order, and read anew: what stands in a before-image is what stood when it was changed."""
        pks = {pk for change in self.changes if change.person.contact for pk in (change.person.contact.pk, change.person.root_id)}
        if not pks:
            return
        found = Contact.objects.filter(among(Contact, "id", pks)).order_by("pk").select_for_update(no_key=True, of=("self",))
        now = {row.pk: row for row in found}
        for change in self.changes:
            if change.person.contact and change.person.contact.pk in now:
                change.person.contact = now[change.person.contact.pk]

    def _taken(self, person: Person) -> set[str]:
        """Keys of this new person's addresses that somebody else has."""
        return {key for said in person.rows for key in said.keys if key[0] != "x" and self._is_elsewhere(key, person)}

    def _offer(self) -> None:
        asked = [change for change in self.changes if change.values]
        # What stood before all of them: a person whom several rows change is put back by the first of these.
        stood = {id(change): self._standing(change) for change in asked}
        offers = [Offer(change.person.contact, change.values, self._run.source, self._now, self._by) for change in asked]  # type: ignore[arg-type]
        for change, outcome in zip(asked, offer(offers), strict=True):
            self._note_outcome(change, outcome, stood[id(change)])

    def _standing(self, change: Change) -> dict[str, list[Any]]:
        contact = change.person.contact
        assert contact is not None
        return {name: list(own_entry(contact, name)) for name in change.values}

    def _note_outcome(self, change: Change, outcome: Outcome, stood: dict[str, list[Any]]) -> None:
        fields = {name: [before, stood[name][1], after] for name, (before, after) in outcome.taken.items()}
        if fields:
            change.before["fields"] = fields
        for name, reason in outcome.refused.items():
            change.said.notes.append(note(name, "refused", value=reason))
        for name, verdict in outcome.verdicts.items():
            if verdict in ("kept", "stale", "ruled"):
                change.said.notes.append(note(name, "newer", value=str(stood[name][0])))

    def _settle(self) -> None:
        """Numbers that can be read now, by the country that this file is said to be from. Few, and each on record by itself."""
        for change in self.changes:
            for identity, number in change.read:
                made = settle_as(identity, number, by=self._by or self._run.source)
                if made is not None:
                    change.before.setdefault("settled", []).append([made.pk, identity.pk])

    def _fill_external_ids(self) -> None:
        rows = []
        for change in self.changes:
            contact = change.person.contact
            if change.external_id and contact and not contact.external_id:
                contact.external_id = change.said.external_id
                contact.updated_at = self._now
                change.before["external_id"] = change.said.external_id
                rows.append(contact)
        update_many(Contact, rows, ["external_id", "updated_at"])

    def _consent(self) -> None:
        changed: dict[int, Identity] = {}
        for change in self.changes:
            for identity, wish in self._wished(change.person, change.said):
                stood = [identity.opted_out_at, identity.marketing_opt_in_at, identity.marketing_opted_out_at]
                self._making.consent(identity, wish)
                if identity.pk:
                    changed[identity.pk] = identity
                    change.before.setdefault("consents", []).append([identity.pk, [at.isoformat() if at else None for at in stood]])
        update_many(Identity, changed.values(), ["opted_out_at", "marketing_opt_in_at", "marketing_opted_out_at"])

    def _told(self, change: Change) -> Event | None:
        names = sorted({each.kind for each in change.new} | ({"external_id"} if change.external_id else set()))
        if not names:
            return None
        data = {"fields": names, "by": self._by, "source": self._run.source}
        cause = self._run.source
        root = change.person.root_id
        return fresh(Event, contact_id=root, kind="contact.changed", occurred_at=self._now, data=data, cause=cause)

    def _share(self) -> None:
        """Numbers of people whose names are clearly different, and numbers that are somebody else's."""
        for person, cell in self._making.shared:
            assert person.contact is not None
            held = self._add(person.contact, cell)
            if held.contact_id != person.root_id:
                self._leave(person, cell, held)
        for change in self.changes:
            for cell in change.elsewhere:
                contact = change.person.contact
                made = self._add(contact, cell) if contact else None
                if made is not None and made.contact_id != change.person.root_id:
                    self._leave(change.person, cell, made, change.said)
                elif made is not None:
                    change.new.append(made)

    def _add(self, contact: Contact, cell: PhoneCell) -> Identity:
        return add_address(
            contact,
            kind=Identity.Kind.PHONE,
            raw=cell.value,
            verified=Identity.Verified.IMPORTED,
            by=self._by,
            origin=self._run.source,
        )

    def _leave(self, person: Person, cell: PhoneCell, held: Identity, said: Said | None = None) -> None:
        """A number of somebody else stays there; a supervisor is asked."""
        assert person.contact is not None
        (said or person.rows[0]).notes.append(note("phone", "elsewhere", value=cell.value, contact=held.contact_id))
        raise_claims([Claim(Kind.CONFLICT, held, person.contact.pk, {"other_address": f"phone:{cell.value}"}, told=person.contact.pk)])

    def _tag(self, new: Sequence[Person]) -> None:
        wanted: dict[int, list[str]] = {}
        for person in [*new, *(change.person for change in self.changes)]:
            if person.contact is not None:
                words = [tag for said in person.rows for tag in said.tags]
                if words:
                    wanted[person.contact.pk] = words
        if not wanted:
            return
        made = {person.contact.pk for person in new if person.contact is not None}
        done, told = extras.tags().give(wanted, made=made, source=self._run.source, by=self._run.created_by)
        self._making.told += told
        for change in self.changes:
            pk = change.person.contact.pk if change.person.contact else 0
            if pk in done:
                change.before["tags"] = done.pop(pk)

    def _finish(self, new: Sequence[Person]) -> None:
        for person in new:
            for said in person.rows:
                self.results[said.line].contact_id = person.contact.pk if person.contact else None
                self.results[said.line].notes = said.notes or None
        told: set[int] = set()
        for change in self.changes:
            if change.new:
                change.before["identities"] = [each.pk for each in change.new]
                told.add(change.person.root_id or 0)
            result = self.results[change.said.line]
            result.before = change.before or None
            result.notes = change.said.notes or None
            if not change.before:
                result.outcome = UNCHANGED
        if told:
            Contact.objects.filter(among(Contact, "id", told)).update(updated_at=self._now)
            reindex(sorted(told))
