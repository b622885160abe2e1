"""Records of theirs taken over here: compared field by field with what was agreed, in one transaction for a page.

One lock a record: the row of its write. What is being written at this moment is read again afterwards, and a page that was fetched
before we last wrote a record says nothing of it. A record that cannot be taken over is told with its reason and holds up no other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from connectors.contracts import Change
from scrm.contacts.privacy.returning import ErasedPerson
from scrm.contacts.records import ms
from scrm.core import clock
from scrm.core.logs import trail
from scrm.core.rows import update_many
from scrm.sync import apart, awaiting, linking, persons_there, sales_copy, sides
from scrm.sync.inlet import Inlet, Unit, held
from scrm.sync.kinds import SALES, Kind
from scrm.sync.linking import Met
from scrm.sync.mapping import Unmappable
from scrm.sync.models import ExternalRecord, Push, SyncConflict
from scrm.sync.ours import Ours, Saying
from scrm.sync.person_ids import CONTACT
from scrm.sync.resolution import Resolution, Side, Values, Verdict, alike, blank, resolve
from scrm.sync.services import Wanted, want_many

logger = logging.getLogger(__name__)

# A write in progress is over by then, mostly.
SOON = timedelta(seconds=2)
# Times of this grain name one state of a record; coarser ones may name two.
EXACT = timedelta(milliseconds=1)
_COLUMNS = ["version", "base", "seen", "held", "synced_at", "removed_at", "merged_into"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one record: `reason` empty: taken over (or nothing to do). `wait`: to be read again after that time.

    `awaits`: the people over there of whom one must be linked here, or who must become one person, for it to be somebody's.
    """

    external_id: str
    reason: str = ""
    wait: timedelta | None = None
    left: bool = False
    awaits: tuple[str, ...] = ()


def apply_changes(inlet: Inlet, changes: Sequence[Change], *, fetched_at: datetime, holding: Collection[str] = ()) -> list[Applied]:
    """Take over these records, each once, the last word of each. Safe to repeat.

    `fetched_at`: when the request began, by our clock. `holding`: keys whose writes the caller itself has claimed.
    """
    last = {change.id: change for change in changes if change.id}
    try:
        with transaction.atomic():
            return _Work(inlet, list(last.values()), fetched_at, frozenset(holding)).done()
    except DatabaseError:
        raise
    except Exception as error:
        if len(last) <= 1:
            return [_refused(inlet, each, error) for each in last]
    return [done for half in _halves(list(last.values())) for done in apply_changes(inlet, half, fetched_at=fetched_at, holding=holding)]


def _halves(changes: list[Change]) -> Iterable[list[Change]]:
    middle = (len(changes) + 1) // 2
    return filter(None, (changes[:middle], changes[middle:]))


def _refused(inlet: Inlet, external_id: str, error: Exception) -> Applied:
    if isinstance(error, ErasedPerson):
        return Applied(external_id, linking.ERASED, left=True)
    logger.error("%s %s of %s cannot be taken over: %s", inlet.kind, external_id, inlet.connection.slug, trail(error))
    return Applied(external_id, f"This record cannot be taken over: {type(error).__name__}: {error}"[:500])


@dataclass
class _Work:
    inlet: Inlet
    changes: list[Change]
    fetched_at: datetime
    holding: frozenset[str]
    results: list[Applied] = field(default_factory=list)
    pairs: list[tuple[ExternalRecord, Change]] = field(default_factory=list)
    echoes: list[ExternalRecord] = field(default_factory=list)
    outgoing: set[str] = field(default_factory=set)
    conflicts: list[SyncConflict] = field(default_factory=list)
    doubtful: frozenset[str] = frozenset()
    told_whose: list[int] = field(default_factory=list)

    def done(self) -> list[Applied]:
        self.inlet, self.changes, self.doubtful = apart.as_field(self.inlet, self.changes)
        self._pair()
        self._await_people()
        update_many(ExternalRecord, self.echoes, ["seen"])
        if self.pairs:
            self._compare()
            self._store()
        return self.results

    # --- which record belongs to whom ---------------------------------------------------------------------------------

    def _pair(self) -> None:
        records, busy = self._locked()
        strangers = []
        for change in self.changes:
            record = records.get(change.id)
            if record is None:
                strangers.append(change)
            elif record.key in busy:
                self.results.append(Applied(change.id, "Being written at this moment.", wait=SOON))
            elif record.synced_at > self.fetched_at and not self._is_same(record, change):
                self.results.append(Applied(change.id, "Written since it was read.", wait=timedelta(0)))
            elif change.version and self._is_same(record, change) and record.removed_at is None:
                self._note_echo(record, change)
            else:
                self._settle_known(record, change)
        self._meet(strangers)

    def _is_same(self, record: ExternalRecord, change: Change) -> bool:
        """Whether this is the state that we know.

        A version in whole seconds may be that of our own write and of somebody's edit right after it: then the values decide. Of what is
        no person the CRM itself fills in some, such as the first stage of a deal: those are worth knowing too.
        """
        if record.version != change.version:
            return False
        if self.inlet.grain <= EXACT and self.inlet.kind == Kind.CONTACT:
            return True
        return holds_what_we_know(self.inlet.units, record, change)

    def _note_echo(self, record: ExternalRecord, change: Change) -> None:
        """What we wrote ourselves, or have taken over before: nothing changed, but how they keep what we wrote is worth knowing."""
        self.results.append(Applied(change.id))
        waiting = record.held or {}
        units = [unit for unit in self.inlet.units if not apart.is_unsaid(unit, change)]
        wanted = {target for unit in units for target in unit.targets} & record.base.keys() - waiting.keys()
        news = {target: held(change.fields.get(target)) for target in wanted if target not in (record.seen or {})}
        if news:
            record.seen = (record.seen or {}) | news
            self.echoes.append(record)

    def _settle_known(self, record: ExternalRecord, change: Change) -> None:
        self.pairs.append((record, change))
        self.results.append(Applied(change.id))

    def _locked(self) -> tuple[dict[str, ExternalRecord], set[str]]:
        """The linked records and which of them are being written. First the writes, then the records: as the push does."""
        wanted = ExternalRecord.objects.filter(
            connection=self.inlet.connection, kind=self.inlet.kind, external_id__in=[change.id for change in self.changes]
        )
        keys = list(wanted.values_list("key", flat=True))
        if not keys:
            return {}, set()
        pushes = Push.objects.filter(connection=self.inlet.connection, kind=self.inlet.kind, key__in=keys)
        now = clock.now()
        busy = {push.key for push in pushes.select_for_update(of=("self",)).order_by("pk") if push.lease_until and push.lease_until > now}
        rows = wanted.select_for_update(of=("self",)).order_by("pk")
        return {row.external_id: row for row in rows}, busy - self.holding

    def _meet(self, strangers: Sequence[Change]) -> None:
        if not strangers:
            return
        met = sides.meet(self.inlet, strangers)
        for change in strangers:
            who = met[change.id]
            if who.rival:
                self.results.append(Applied(change.id, who.reason, wait=timedelta(0)))
            elif not who.ours:
                left = not who.failed and who.wait is None
                awaits = persons_there.awaited(self.inlet, change) if left and who.reason in persons_there.WHOSE else ()
                self.results.append(Applied(change.id, who.reason, wait=who.wait, left=left, awaits=awaits))
            else:
                self._settle_known(self._new_record(change, who), change)

    def _new_record(self, change: Change, who: Met) -> ExternalRecord:
        return ExternalRecord(
            connection=self.inlet.connection,
            kind=self.inlet.kind,
            key=who.ours,
            external_id=change.id,
            links=self._links(change),
            synced_at=clock.now(),
        )

    def _links(self, change: Change) -> list[list[str]]:
        """What the record hangs on over there already, so that nothing is written to say it again."""
        person = "" if self.inlet.kind == Kind.CONTACT else persons_there.named_by(self.inlet, change)
        people = [each.id for each in change.people] or [person]
        return [[Kind.CONTACT.value, each] for each in people if each]

    def _await_people(self) -> None:
        """A record that was given to somebody who is not linked here waits until that person was read, unless that was tried."""
        news = {change.id: person for record, change in self.pairs if record.pk and (person := self._new_person(record, change))}
        waits = persons_there.waits(self.inlet, news) if news else {}
        if waits:
            self.pairs = [pair for pair in self.pairs if pair[1].id not in waits]
            others = [each for each in self.results if each.external_id not in waits]
            self.results = others + [Applied(each, met.reason, wait=met.wait) for each, met in waits.items()]

    def _new_person(self, record: ExternalRecord, change: Change) -> str:
        """'' where the record names nobody else than when it was last read."""
        target = next((unit.targets[0] for unit in self.inlet.units if unit.name == CONTACT and unit.direction != "out"), "")
        person = str(change.fields.get(target) or "")[:100] if target else ""
        return person if person != (record.seen or {}).get(target) else ""

    # --- field by field -----------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        ours = sides.read(self.inlet, {record.key for record, _ in self.pairs}, [change for _, change in self.pairs])
        self.pairs = [pair for pair in self.pairs if ours.has(pair[0].key)]
        sayings: dict[tuple[str, str], Saying] = {}
        settled: list[tuple[ExternalRecord, Change, Unit, Resolution]] = []
        for record, change in self.pairs:
            for unit in self.inlet.units:
                if apart.is_unsaid(unit, change):
                    self._ask_whose(record, change)
                    continue
                resolution = self._resolve(ours, record, change, unit)
                settled.append((record, change, unit, resolution))
                saying = _saying(record, change, unit, resolution, self.fetched_at)
                if saying is not None:
                    _check_readable(ours, saying)
                    sayings[record.external_id, unit.name] = saying
        ours.write([each for each in sayings.values() if each.result != "unfit"])
        self._put_copies_right(ours, settled, sayings)
        told = {each.key for each in sayings.values()}
        after = sides.read(self.inlet, told) if told else ours
        for record, change, unit, resolution in settled:
            values = (after if record.key in told else ours).values(record.key)
            self._agree(record, change, unit, resolution, sayings.get((record.external_id, unit.name)), unit.ours(values))

    def _ask_whose(self, record: ExternalRecord, change: Change) -> None:
        """Of one that was somebody's while two people were one, and is of several now that they are two again: it stays, and people are
        asked once."""
        if not apart.was_forgotten(record):
            return
        record.seen = (record.seen or {}) | {apart.FIELD: ""}
        if change.id in self.doubtful:
            theirs = "; ".join(each.id for each in change.people)
            unfit = SyncConflict.Reason.UNFIT
            self.conflicts.append(
                SyncConflict(record=record, field=CONTACT, reason=unfit, words=persons_there.STAYS, theirs=theirs, found_at=clock.now())
            )

    def _put_copies_right(
        self,
        ours: Ours,
        settled: Sequence[tuple[ExternalRecord, Change, Unit, Resolution]],
        sayings: Mapping[tuple[str, str], Saying],
    ) -> None:
        """Of deals and cases also what needs no word from anybody: the copy here may have strayed from it."""
        if self.inlet.kind not in SALES:
            return
        standing = [
            (record, change, unit, resolution.verdict, unit.ours(ours.values(record.key))[0])
            for record, change, unit, resolution in settled
            if (record.external_id, unit.name) not in sayings and resolution.verdict is not Verdict.OUT
        ]
        sales_copy.put_right(self.inlet, standing)

    def _resolve(self, ours_: Ours, record: ExternalRecord, change: Change, unit: Unit) -> Resolution:
        theirs, (our_base, their_base) = unit.theirs(change.fields), unit.base(record)
        waiting = {target: value for target, value in (record.held or {}).items() if target in unit.targets}
        if waiting and all(held(change.fields.get(target)) == value for target, value in waiting.items()):
            return Resolution(Verdict.SAME)  # still waits for a person
        values = ours_.values(record.key)
        ours = unit.ours(values)
        if our_base is None and unit.is_empty(values):
            ours = tuple("" for _ in ours)
        found = resolve(
            Side(ours, ours_.changed_at(record.key, unit), our_base),
            Side(theirs, None if change.modified_at is None else ms(change.modified_at), their_base),
            direction=apart.direction(unit, our_base, their_base),
            grain_ms=self.inlet.grain_ms,
            clock_ms=ms(clock.now()),
        )
        return Resolution(Verdict.SAME) if found.verdict is Verdict.OUT and unit.direction == "in" else found

    def _agree(
        self, record: ExternalRecord, change: Change, unit: Unit, resolution: Resolution, saying: Saying | None, ours: Values
    ) -> None:
        """Write down what both sides hold now."""
        theirs = unit.theirs(change.fields)
        outcome = saying.result if saying is not None else resolution.verdict.value
        waiting = dict(record.held or {})
        if outcome == "same" and any(target in waiting for target in unit.targets):
            return
        if outcome == "held":
            record.held = waiting | dict(zip(unit.targets, theirs, strict=True))
            if saying is not None and unit.kind != Kind.CONTACT:
                self._note_conflict(record, saying, ours)
            return
        record.held = {name: value for name, value in waiting.items() if name not in unit.targets} or None
        if unit.name == CONTACT and outcome in ("in", "agreed") and record.pk:
            self.told_whose.append(record.pk)
        if outcome in ("in", "agreed", "unfit") or (outcome == "same" and _first(record, unit)):
            record.base = record.base | dict(zip(unit.targets, ours, strict=True))
        elif outcome == "out" and unit.direction != "in":
            self.outgoing.add(record.key)
        record.seen = (record.seen or {}) | dict(zip(unit.targets, theirs, strict=True))
        if saying is not None:
            self._note_conflict(record, saying, ours)

    def _note_conflict(self, record: ExternalRecord, saying: Saying, ours: Values) -> None:
        """What the review of people's fields does not list: addresses that both sides changed, values that do not fit, and all of what is
        no person. What the later change has settled is listed and asks nobody, and so is what is longer than we keep it."""
        is_person = saying.unit.kind == Kind.CONTACT
        both = saying.contest and not saying.met and (not is_person or saying.unit.name in ("phone", "email"))
        cut = saying.result == "in" and bool(saying.words)
        if saying.result != "unfit" and not both and not cut:
            return
        reason = SyncConflict.Reason.UNFIT if saying.result == "unfit" else SyncConflict.Reason.CUT if cut else SyncConflict.Reason.BOTH
        settled = cut or (both and not is_person and saying.result in ("in", "out"))
        self.conflicts.append(
            SyncConflict(
                record=record,
                field=saying.unit.name,
                reason=reason,
                words=saying.words[:300],
                base=_shown(saying.before),
                ours=_shown(ours),
                theirs=_shown(saying.theirs),
                winner=saying.winner if settled else "",
                state=SyncConflict.State.SETTLED if settled else SyncConflict.State.OPEN,
                found_at=clock.now(),
            )
        )

    # --- what is written down -----------------------------------------------------------------------------------------

    def _store(self) -> None:
        now = clock.now()
        for record, change in self.pairs:
            record.version, record.synced_at = change.version, now
            record.removed_at, record.merged_into = None, ""
        known = [record for record, _ in self.pairs if record.pk]
        update_many(ExternalRecord, known, _COLUMNS)
        new = [record for record, _ in self.pairs if not record.pk]
        ExternalRecord.objects.bulk_create(new)
        if self.inlet.kind == Kind.CONTACT:
            awaiting.linked(self.inlet.connection.pk, [record.external_id for record in new])
        self._open_conflicts()
        if self.told_whose:
            asked = SyncConflict.objects.filter(record__in=self.told_whose, field=CONTACT, reason=SyncConflict.Reason.UNFIT)
            asked.filter(state=SyncConflict.State.OPEN).update(state=SyncConflict.State.SETTLED, winner="theirs")
        outgoing = self.outgoing - self.holding
        if outgoing:
            want_many(Wanted(self.inlet.connection.pk, self.inlet.kind, key) for key in outgoing)

    def _open_conflicts(self) -> None:
        if not self.conflicts:
            return
        there = SyncConflict.objects.filter(record__in={row.record.pk for row in self.conflicts}, state=SyncConflict.State.OPEN)
        known = {(row.record_id, row.field): row for row in there}
        for row in self.conflicts:
            row.record_id = row.record.pk
            before = known.get((row.record_id, row.field))
            if before is not None and row.state == SyncConflict.State.OPEN:
                row.pk, row.found_at = before.pk, before.found_at
            row.save()


def holds_what_we_know(units: Iterable[Unit], record: ExternalRecord, change: Change) -> bool:
    """Whether each field that comes in is as we last read it or, not read since, as we wrote it but for what a CRM may tidy."""
    waiting, seen = record.held or {}, record.seen or {}
    for target in (target for unit in units if unit.direction != "out" for target in unit.targets):
        if target not in change.fields:
            continue
        now = held(change.fields[target])
        if target in waiting:
            same = now == waiting[target]
        elif target in seen:
            same = now == seen[target]
        elif target in record.base:
            same = alike(now, record.base[target])
        else:
            same = blank([now])
        if not same:
            return False
    return True


def _first(record: ExternalRecord, unit: Unit) -> bool:
    return not any(target in record.base for target in unit.targets)


def _saying(record: ExternalRecord, change: Change, unit: Unit, resolution: Resolution, fetched_at: datetime) -> Saying | None:
    """What is to be heard here; None when ours stands."""
    contest = resolution.verdict is Verdict.CONFLICT
    if resolution.verdict is not Verdict.IN and not contest:
        return None
    our_base, their_base = unit.base(record)
    before = their_base if their_base is not None else our_base
    at = change.modified_at or fetched_at
    winner = resolution.winner if contest else "theirs"
    met = our_base is None and their_base is None
    return Saying(record.key, unit, unit.theirs(change.fields), at, contest, winner, met, before, record=change.id)


def _check_readable(ours: Ours, saying: Saying) -> None:
    """A value of theirs without counterpart here: ours stays and the value is listed."""
    try:
        ours.value_of(saying)
    except Unmappable as error:
        saying.result, saying.words = "unfit", str(error)


def _shown(values: Values | None) -> Any:
    if values is None:
        return None
    return values[0] if len(values) == 1 else list(values)
