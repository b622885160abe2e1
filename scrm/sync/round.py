"""One round of writing to one CRM: what is sent for the claimed rows, and what is stored of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from connectors.contracts import Crm, Link, Outcome, Write
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.sync import awaiting, meter, payloads, pulls, queue, removing, sales_out
from scrm.sync.applying import apply_changes
from scrm.sync.inlet import Inlet
from scrm.sync.models import ExternalRecord, FieldMapping, Kind, Push, SyncCursor
from scrm.sync.payloads import Payload
from scrm.sync.queue import Settled
from scrm.sync.services import Wanted, want_many
from scrm.sync.sources import Ref

# How long a record waits for another one that is on its way.
SOON = timedelta(seconds=1)
FIRST_WAIT = timedelta(seconds=5)
FIRST_LARGE = 2_000
# What hangs on a contact.
LINKED = (Kind.COMMUNICATION, Kind.DEAL, Kind.CASE, Kind.ORDER)
# Ours are known there by our key alone: nothing that is there already can be one of them.
OUR_KEYS_ONLY = (Kind.DEAL, Kind.CASE)
# A list that was read to its end longer ago says nothing of new keys: the database may have been brought back from a backup since.
READ_LATELY = timedelta(hours=3)
READ_AGAIN = "It may have been made in the CRM already: waits until the CRM's records have been read once more."
FIRST_READ = "Waits until the CRM's own records have been read for the first time."
REMOVED = "It was deleted in the CRM, so it is left alone there. To write it again, use “Make again in the CRM” on its link."
_WRITTEN = frozenset({"created", "updated", "unchanged"})


@dataclass
class Draft:
    """`writes` and `sent` go together, one to one; `settled` is what needs no call."""

    writes: list[Write] = field(default_factory=list)
    sent: list[Push] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)

    def without_writes(self) -> Draft:
        return replace(self, writes=[], sent=[])

    def split(self, place: int) -> tuple[Draft, Draft]:
        """The writes before a place, and the rest with what needs no call."""
        return Draft(self.writes[:place], self.sent[:place]), replace(self, writes=self.writes[place:], sent=self.sent[place:])


@dataclass
class Round:
    """`open` holds the ids of claimed rows that are not settled yet."""

    connection: Connection
    conditional: bool
    pushes: list[Push]
    mappings: list[FieldMapping]
    open: set[int]
    crm: Crm
    broken: dict[str, str] = field(default_factory=dict)
    called: list[Push] = field(default_factory=list)
    _inlets: dict[str, Inlet] = field(default_factory=dict)
    _lists: dict[str, SyncCursor | None] = field(default_factory=dict)

    @classmethod
    def begin(cls, connection: Connection, crm: Crm, pushes: Sequence[Push]) -> Round:
        """Claimed rows, and with them the contacts that they hang on and that the CRM does not have yet."""
        work = cls(
            connection, crm.capabilities.conditional, list(pushes), payloads.mappings_of(connection), {push.pk for push in pushes}, crm
        )
        more = work._missing_contacts()
        work.pushes += more
        work.open |= {push.pk for push in more}
        return work

    def _missing_contacts(self) -> list[Push]:
        needed = {ref.key for kind in LINKED for ref in self._needs(kind)}
        needed -= {push.key for push in self.pushes if push.kind == Kind.CONTACT}
        missing = needed - set(self._records(Kind.CONTACT, needed))
        if not missing:
            return []
        rows = Push.objects.filter(connection=self.connection, kind=Kind.CONTACT, key__in=missing)
        on_record = dict(rows.values_list("key", "state"))
        idle = [key for key in missing if on_record.get(key) not in (Push.State.DUE, Push.State.DEAD)]
        want_many([Wanted(self.connection.pk, Kind.CONTACT, key) for key in idle], at_once=True)
        return queue.claim_keys(self.connection, Kind.CONTACT, missing)

    def _needs(self, kind: str) -> set[Ref]:
        keys = [push.key for push in self.pushes if push.kind == kind]
        bare, _ = payloads.build_each(self.connection, kind, keys, [])
        return {ref for payload in bare.values() for ref in payload.needs}

    def _records(self, kind: str, keys: Iterable[str]) -> dict[str, ExternalRecord]:
        keys = list(keys)
        rows = ExternalRecord.objects.filter(connection=self.connection, kind=kind, key__in=keys) if keys else []
        return {row.key: row for row in rows}

    def inlet(self, kind: str) -> Inlet:
        if kind not in self._inlets:
            self._inlets[kind] = Inlet.of(self.connection, self.crm, kind, self.mappings)
        return self._inlets[kind]

    # --- before the call ----------------------------------------------------------------------------------------------

    def read_first(self, draft: Draft, chunk: Sequence[Push]) -> Draft:
        """What is to be written after what changed over there has been taken over: pull before push, record by record.

        Raises the connector's errors. A record that cannot be taken over is not written either.
        """
        known = {write.id: write.key for write in draft.writes if write.id}
        if not known or not self.inlet(chunk[0].kind).listens:
            return draft
        inlet, began = self.inlet(chunk[0].kind), clock.now()
        found = self.crm.read(inlet.kind, list(known))
        done = apply_changes(inlet, [change for change in found if change.id in known], fetched_at=began, holding=set(known.values()))
        self.broken |= {known[each.external_id]: each.reason for each in done if each.reason}
        if not any(change.id not in known for change in found):
            # Under another id come merged ones: writing them tells where they went.
            removing.missing(inlet, sorted(known.keys() - {change.id for change in found}))
        return self.draft(chunk)

    def draft(self, chunk: Sequence[Push]) -> Draft:
        """What must be sent for these rows, all of one kind. Equal to what both sides agreed on: nothing."""
        kind, keys = chunk[0].kind, [push.key for push in chunk]
        found, broken = payloads.build_each(self.connection, kind, keys, self.mappings)
        broken |= {key: reason for key, reason in self.broken.items() if key in keys}
        records = self._records(kind, keys)
        theirs = self._ids(ref for payload in found.values() for ref in (*payload.needs, *payload.links))
        draft = Draft()
        for push in chunk:
            payload = found.get(push.key)
            lacking = next((ref for ref in payload.needs if ref not in theirs), None) if payload else None
            if push.key in broken:
                draft.settled.append(Settled(push, reason=broken[push.key]))
            elif payload is None:
                draft.settled.append(Settled(push, wrote=True, reason="There is nothing to write any more."))
            elif push.key in records and records[push.key].removed_at is not None:
                draft.settled.append(Settled(push, wrote=True, reason=REMOVED))
            elif lacking and self._was_removed(lacking):
                draft.settled.append(Settled(push, wrote=True, reason=f"Its {lacking.kind} was deleted in the CRM."))
            elif push.key not in records and self._still_reads(kind):
                draft.settled.append(Settled(push, reason=FIRST_READ, refund=True, wait=FIRST_WAIT))
            elif push.key not in records and self._may_be_there(push):
                draft.settled.append(Settled(push, reason=READ_AGAIN, refund=True, wait=FIRST_WAIT))
            elif lacking:
                draft.settled.append(self._waits(push, lacking))
            else:
                self._add(draft, push, payload, records.get(push.key), theirs)
        return draft

    def _add(self, draft: Draft, push: Push, payload: Payload, record: ExternalRecord | None, theirs: dict[Ref, str]) -> None:
        changed = changed_fields(payload, record)
        if record is not None and record.held:
            changed = {name: value for name, value in changed.items() if name not in record.held}
        links = [Link(ref.kind, theirs[ref]) for ref in (*payload.needs, *payload.links) if ref in theirs]
        new = tuple(link for link in links if record is None or [link.kind, link.id] not in record.links)
        if record is not None and not changed and not new:
            draft.settled.append(Settled(push, wrote=True, alone=False))
            return
        version = record.version if record is not None and self.conditional else ""
        id_ = record.external_id if record else ""
        sought = record is None and self._is_sought(push)
        draft.writes.append(Write(push.kind, push.key, changed, id=id_, if_version=version, links=new, sought=sought))
        draft.sent.append(push)

    def _ids(self, refs: Iterable[Ref]) -> dict[Ref, str]:
        """Their ids of those of our objects that stand in the CRM."""
        by_kind: dict[str, set[str]] = {}
        for ref in refs:
            by_kind.setdefault(ref.kind, set()).add(ref.key)
        rows = [(kind, key, row) for kind, keys in by_kind.items() for key, row in self._records(kind, keys).items()]
        return {Ref(kind, key): row.external_id for kind, key, row in rows if row.removed_at is None}

    def _was_removed(self, ref: Ref) -> bool:
        wanted = ExternalRecord.objects.filter(connection=self.connection, kind=ref.kind, key=ref.key)
        return wanted.exclude(removed_at=None).exists()

    def _still_reads(self, kind: str) -> bool:
        """Whether the first reading of their records is under way: whoever is there already is linked by it, not made once more.

        One so large that it waits for the night is not waited for.
        """
        if kind in OUR_KEYS_ONLY or not self.inlet(kind).listens:
            return False
        row = SyncCursor.objects.filter(connection=self.connection, kind=kind, feed=SyncCursor.Feed.CHANGES).first()
        if row is not None and row.last_error and kind != Kind.CONTACT:
            return False  # the account cannot read them, or not now
        return row is None or (row.finished_at is None and row.in_run < FIRST_LARGE)

    def _list(self, kind: str) -> SyncCursor | None:
        """How far their list was read, where that shows which of our keys are there."""
        if kind not in self._lists:
            rows = SyncCursor.objects.filter(connection=self.connection, kind=kind, feed=SyncCursor.Feed.CHANGES)
            self._lists[kind] = rows.first() if not self.crm.capabilities.finds and self.inlet(kind).listens else None
        return self._lists[kind]

    def _is_sought(self, push: Push) -> bool:
        """The list was read to its end since this was last sent: a record with its key would be linked."""
        row = self._list(push.kind)
        read_at = row.finished_at if row is not None else None
        return read_at is not None and read_at > clock.now() - READ_LATELY and (push.sent_at is None or push.sent_at < read_at)

    def _may_be_there(self, push: Push) -> bool:
        """Sent, and the list was not read to its end since. One that is so large that it waits for the night, or that the account cannot
        read, is not waited for."""
        row = self._list(push.kind)
        if row is None or push.sent_at is None or row.in_run >= FIRST_LARGE or (row.last_error and push.kind != Kind.CONTACT):
            return False
        return row.finished_at is None or row.finished_at <= push.sent_at

    def note_sent(self, draft: Draft) -> None:
        """Before the call: which of these may be there from now on without our knowing. Where the CRM can be asked that is no matter."""
        new = [] if self.crm.capabilities.finds else [push.pk for push, write in zip(draft.sent, draft.writes, strict=True) if not write.id]
        if new:
            Push.objects.filter(pk__in=new).update(sent_at=clock.now())

    def note_unsent(self, pushes: Iterable[Push]) -> None:
        """After a call that broke off before it came to these."""
        unsent = [] if self.crm.capabilities.finds else [push.pk for push in pushes]
        if unsent:
            Push.objects.filter(pk__in=unsent).update(sent_at=None)

    def _waits(self, push: Push, lacking: Ref) -> Settled:
        """What it hangs on is not there. On its way or to be tried again: this comes right behind it. Given up: this fails as well."""
        row = Push.objects.filter(connection=self.connection, kind=lacking.kind, key=lacking.key).first()
        if row is not None and row.state == Push.State.DUE:
            wait = max(row.due_at - clock.now(), timedelta(0)) + SOON
            return Settled(push, reason=row.last_error and f"Waits for its {lacking.kind}: {row.last_error}", refund=True, wait=wait)
        why = row.last_error if row is not None else "no longer here"
        return Settled(push, reason=f"Its {lacking.kind} is not in the CRM: {why}")

    # --- after the call -----------------------------------------------------------------------------------------------

    def store(self, draft: Draft, outcomes: Sequence[Outcome]) -> None:
        """Records and rows in one transaction. Rows that another worker took over meanwhile are left to it."""
        self.called = list(draft.sent)
        with transaction.atomic():
            current = queue.lock([*draft.sent, *(each.push for each in draft.settled)])
            done = [
                (push, write, _outcome(write, outcomes, place))
                for place, (push, write) in enumerate(zip(draft.sent, draft.writes, strict=True))
            ]
            mine = [each for each in done if each[0].pk in current]
            results = [*draft.settled, *self._stored(mine)]
            queue.settle(current, results)
        self._count(results, current)
        self.open.difference_update(push.pk for push in [*draft.sent, *(each.push for each in draft.settled)])

    def _count(self, results: Sequence[Settled], current: dict[int, Push]) -> None:
        """For the page of the sync's health. What needed no call is not counted."""
        sent = [each for each in results if each.push.pk in current and each.wrote and not each.reason and each.push in self.called]
        waits = [clock.now() - each.push.asked_at for each in sent]
        dead = [row for row in current.values() if row.state == Push.State.DEAD]
        again = [each for each in results if each.push.pk in current and not each.wrote and not each.refund]
        if sent or dead or again:
            meter.count(
                self.connection.pk,
                written=len(sent),
                quick=sum(wait <= meter.QUICK for wait in waits),
                latency_ms=sum(max(wait // timedelta(milliseconds=1), 0) for wait in waits),
                dead=len(dead),
                retried=len(again) - len(dead) if len(again) > len(dead) else 0,
            )

    def _stored(self, done: Sequence[tuple[Push, Write, Outcome]]) -> list[Settled]:
        if not done:
            return []
        records = self._records(done[0][0].kind, [push.key for push, _, _ in done])
        taken = self._taken(done)
        saved: list[ExternalRecord] = []
        results = []
        for push, write, outcome in done:
            owner = taken.get(outcome.id, push.key) if outcome.id else push.key
            if owner != push.key:
                results.append(Settled(push, reason=f"The CRM keeps this in the same record ({outcome.id}) as {push.kind} {owner}."))
                continue
            if outcome.id and outcome.status in _WRITTEN | {"moved"}:
                saved.append(agreed(self.connection, push, write, outcome, records.get(push.key)))
            results.append(self._judged(push, write, outcome))
        self._save(saved)
        if done[0][0].kind == Kind.CONTACT:
            before = {record.external_id for record in records.values()}
            awaiting.linked(self.connection.pk, [record.external_id for record in saved if record.external_id not in before])
        sales_out.note_written(self.inlet(done[0][0].kind), [(write, outcome, records.get(push.key)) for push, write, outcome in done])
        return results

    def _taken(self, done: Sequence[tuple[Push, Write, Outcome]]) -> dict[str, str]:
        """Which key holds each id of theirs: the one on record, else the first in this batch."""
        ids = [outcome.id for _, _, outcome in done if outcome.id]
        rows = ExternalRecord.objects.filter(connection=self.connection, kind=done[0][0].kind, external_id__in=ids)
        first = {outcome.id: push.key for push, _, outcome in reversed(done) if outcome.id}
        return first | dict(rows.values_list("external_id", "key"))

    def _judged(self, push: Push, write: Write, outcome: Outcome) -> Settled:
        """What the answer for one record means for its row."""
        if outcome.status in _WRITTEN and outcome.reason and write.links:
            self._distrust(write.links)
            return Settled(push, reason=f"Written, but {outcome.reason}")
        if outcome.status in _WRITTEN:
            return Settled(push, wrote=True, alone=False)
        if outcome.status == "uncertain":
            return Settled(push, reason=in_words(outcome), final=True)
        if outcome.status == "gone" and write.id:
            ExternalRecord.objects.filter(connection=self.connection, kind=push.kind, key=push.key, external_id=write.id).delete()
            return Settled(push, reason="The record was deleted in the CRM; it is made again.", at_once=True)
        if outcome.status == "moved" and outcome.id:
            return Settled(push, reason=f"The record was merged in the CRM into {outcome.id}; it is written there.", at_once=True)
        if self.inlet(push.kind).listens:
            return self._judged_both_ways(push, outcome)
        if outcome.status == "conflict":
            ExternalRecord.objects.filter(connection=self.connection, kind=push.kind, key=push.key).update(version=outcome.version)
        return Settled(push, reason=in_words(outcome))

    def _judged_both_ways(self, push: Push, outcome: Outcome) -> Settled:
        """A stale write is compared again at once. A record in the way may be the same person: it is read, and linked if it is."""
        if outcome.status == "duplicate" and outcome.candidates:
            pulls.ask(self.connection.pk, [(push.kind, each) for each in outcome.candidates])
        return Settled(push, reason=in_words(outcome), at_once=outcome.status == "conflict")

    def _distrust(self, links: Sequence[Link]) -> None:
        """An association was refused: the other record may be gone or merged, so it is written again and its answer tells."""
        for kind in {link.kind for link in links}:
            ids = [link.id for link in links if link.kind == kind]
            rows = ExternalRecord.objects.filter(connection=self.connection, kind=kind, external_id__in=ids)
            keys = list(rows.values_list("key", flat=True))
            rows.update(base={})
            want_many(Wanted(self.connection.pk, kind, key) for key in keys)

    @staticmethod
    def _save(records: Sequence[ExternalRecord]) -> None:
        ExternalRecord.objects.bulk_create(
            records,
            update_conflicts=True,
            unique_fields=["connection", "kind", "key"],
            update_fields=["external_id", "version", "base", "seen", "links", "synced_at"],
        )


def changed_fields(payload: Payload, record: ExternalRecord | None) -> dict[str, Any]:
    """The fields that differ from what both sides agreed on. Empty clears only what we wrote, never what somebody entered there."""
    if record is None:
        return dict(payload.fields)
    changed: dict[str, Any] = {name: value for name, value in payload.fields.items() if record.base.get(name) != value}
    changed |= {name: "" for name in payload.empty if record.base.get(name)}
    return changed


def agreed(connection: Connection, push: Push, write: Write, outcome: Outcome, before: ExternalRecord | None) -> ExternalRecord:
    """The record after a write: what was sent is now what both sides hold. A merged one must be written anew."""
    same = before is not None and before.external_id == outcome.id
    base = {**(before.base if before and same else {}), **write.fields}
    links = [*(before.links if before and same else []), *([] if outcome.reason else [[link.kind, link.id] for link in write.links])]
    seen = {name: value for name, value in ((before.seen if before and same else None) or {}).items() if name not in write.fields}
    if outcome.status == "moved":
        base, seen, links = {}, {}, []
    return ExternalRecord(
        connection=connection,
        kind=push.kind,
        key=push.key,
        external_id=outcome.id,
        version=outcome.version,
        base=base,
        seen=seen or None,
        links=links,
        synced_at=clock.now(),
    )


def in_words(outcome: Outcome) -> str:
    """Why a record was not written, for the person who has to put it right."""
    if outcome.status == "duplicate":
        others = f" ({', '.join(outcome.candidates)})" if outcome.candidates else ""
        return f"The CRM has another record that must be the only one with a value of this{others}. {outcome.reason}".strip()
    if outcome.status == "gone":
        return f"The CRM says that the record does not exist. {outcome.reason}".strip()
    if outcome.status == "conflict":
        return f"The record was changed in the CRM meanwhile. {outcome.reason}".strip()
    return outcome.reason or "The CRM refused this record without a reason."


def _outcome(write: Write, outcomes: Sequence[Outcome], place: int) -> Outcome:
    """The answer for a write; one that is missing or for another record is no answer."""
    if place < len(outcomes) and outcomes[place].key == write.key:
        return outcomes[place]
    return Outcome(write.key, "rejected", reason="The connector gave no answer for this record.")
