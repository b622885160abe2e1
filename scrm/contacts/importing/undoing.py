"""Take a whole import back: who it made goes, what it changed is put back, row by row and the last row first.

A row whose person has been edited or used since is left as it is, with the reason. Nothing else that happened to a person is touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q

from scrm.contacts import events, overlay, repairs
from scrm.contacts.fields_rules import Standing, entry_of
from scrm.contacts.importing import extras, limits
from scrm.contacts.importing.problems import Note, note
from scrm.contacts.models import Consent, Contact, Event, Identity, Import, ImportRow, Merge, NumberSettlement
from scrm.contacts.records import ms, put_standing, value_of
from scrm.contacts.search import contact_index, reindex
from scrm.core import audit, clock, jobs
from scrm.core.crashpoints import crash_here
from scrm.core.removing import remove_many
from scrm.core.rows import among, update_many

State, Outcome = Import.State, ImportRow.Outcome
# What was undone in part may be tried once more: what stood against the rest may be gone.
UNDOABLE = (State.DONE, State.STOPPED, State.FAILED, State.UNDONE)
_DONE_BY_ROWS = (Outcome.CREATED, Outcome.UPDATED)
# What hangs on a person or an address without anybody having used it.
_INCIDENTAL = ("contacts.", "tags.")
_FINDINGS = ("identity.", "duplicate", "match", "contact.merged", "contact.unmerged")
# No index leads from an address to the events that name it; they are those of its own person, and go or are put right before.
_NO_EVENTS = (("contacts.Event", "identity"),)


def start(run: Import, *, by: Any) -> bool:
    """Begin to undo, or try again what was kept. Safe to ask twice."""
    with transaction.atomic():
        rows = Import.objects.filter(pk=run.pk, state__in=UNDOABLE, started_at__isnull=False)
        rows = rows.exclude(~Exists(_kept(OuterRef("pk"))), state=State.UNDONE)
        moved = bool(rows.update(state=State.UNDOING, undone_by=by.get_username() if by else "", attempts=0, error="", lease_until=None))
        if moved:
            _kept(run.pk).filter(before__isnull=True).update(outcome=Outcome.CREATED)
            _kept(run.pk).update(outcome=Outcome.UPDATED)
            audit.record("contacts.import_undone", by=by, subject=run)
    run.refresh_from_db()
    if moved:
        jobs.wake_on_commit("contacts.imports")
    return moved


def _kept(run: Any) -> models.QuerySet[ImportRow]:
    return ImportRow.objects.filter(run=run, outcome=Outcome.KEPT)


def preview(run: Import) -> dict[str, Any]:
    """{"created", "updated": rows that would be undone, "kept": rows that would not, "reasons": {code: rows}}; nothing is changed."""
    found: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for part in _parts(run):
        refused = refusals(run, part)
        for row in part:
            said = refused.get(row.pk)
            found["kept" if said else _was(row)] += 1
            if said:
                reasons[str(said["code"])] += 1
    return {"created": found[Outcome.CREATED], "updated": found[Outcome.UPDATED], "kept": found["kept"], "reasons": dict(reasons)}


def _was(row: ImportRow) -> str:
    """What the row had done, of one that an earlier undoing kept as well."""
    if row.outcome != Outcome.KEPT:
        return row.outcome
    return Outcome.CREATED if row.before is None else Outcome.UPDATED


def _parts(run: Import) -> Iterable[list[ImportRow]]:
    last = None
    while True:
        rows = ImportRow.objects.filter(run=run, outcome__in=(*_DONE_BY_ROWS, Outcome.KEPT)).order_by("-line")
        part = list((rows if last is None else rows.filter(line__lt=last))[: limits.CHUNK["postgresql"]])
        if not part:
            return
        last = part[-1].line
        yield part


def step(run: Import) -> int:
    """The next rows, the last of the file first."""
    from django.db import connection

    with transaction.atomic():
        row = Import.objects.select_for_update().get(pk=run.pk)
        if row.state != State.UNDOING:
            return 1
        waiting = ImportRow.objects.filter(run=row, outcome__in=_DONE_BY_ROWS).order_by("-line")
        part = list(waiting.select_related("run")[: limits.CHUNK[connection.vendor]])
        if part:
            _undo(row, part)
        else:
            ImportRow.objects.filter(run=row, outcome=Outcome.UNCHANGED).update(outcome=Outcome.UNDONE)
            row.state, row.undone_at = State.UNDONE, clock.now()
            row.save(update_fields=["state", "undone_at"])
        crash_here("import.undo")
    return max(len(part), 1)


def _undo(run: Import, part: Sequence[ImportRow]) -> None:
    people = sorted({row.contact_id for row in part if row.contact_id})
    list(Contact.objects.filter(among(Contact, "id", people)).order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk"))
    refused = refusals(run, part)
    # A row that only added to one that was new in the same file has nothing to put back: the person goes with that one.
    made = {row.pk for row in part if row.outcome == Outcome.CREATED}
    for row in part:
        row.outcome = Outcome.KEPT if row.pk in refused else Outcome.UNDONE
        if row.pk in refused:
            row.notes = [*(row.notes or []), refused[row.pk]]
    going = [row for row in part if row.outcome == Outcome.UNDONE]
    _put_back(run, [row for row in going if row.before])
    _remove([row for row in going if row.pk in made and row.contact_id])
    update_many(ImportRow, part, ["outcome", "notes"])


# --- what stands against it ---------------------------------------------------------------------------------------------


def refusals(run: Import, part: Sequence[ImportRow]) -> dict[int, Note]:
    """{row: why it is not undone}; a handful of queries."""
    pks = {row.contact_id for row in part if row.contact_id}
    there = {row.pk: row for row in Contact.objects.filter(among(Contact, "id", pks))} if pks else {}
    made = {row.contact_id for row in part if _was(row) == Outcome.CREATED and row.contact_id}
    used = _used(run, made)
    merged = _merged(made)
    kept = set(_kept(run).exclude(pk__in=[row.pk for row in part]).filter(contact__in=made).values_list("contact_id", flat=True))
    addresses = _Addresses(part)
    pending: dict[tuple[int, str], Any] = {}
    found: dict[int, Note] = {}
    for row in part:
        reason = _refused(row, there, used, merged, kept, pending) or addresses.refused(row, there)
        if reason is not None:
            found[row.pk] = reason
            if row.contact_id:
                kept.add(row.contact_id)
    return found


def _refused(
    row: ImportRow,
    there: dict[int, Contact],
    used: dict[int, str],
    merged: set[int],
    kept: set[int],
    pending: dict[tuple[int, str], Any],
) -> Note | None:
    contact = there.get(row.contact_id or 0)
    if contact is None:
        return note("", "gone")
    if _was(row) == Outcome.CREATED:
        if contact.pk in merged:
            return note("", "merged_since")
        if contact.pk in used or contact.pk in kept:
            return note("", "used_since", what=used.get(contact.pk, ""))
        return None
    changed = []
    record = overlay.own_record(contact)
    for name, (before, _entry, after) in (row.before or {}).get("fields", {}).items():
        # The rows below it in the file have been put back by then.
        if pending.get((contact.pk, name), value_of(record, name)) != after:
            changed.append(name)
        pending[contact.pk, name] = before
    return note("", "changed_since", fields=", ".join(sorted(changed))) if changed else None


class _Addresses:
    """What became of the addresses that rows added, and of those whose consent they changed; three queries for all of them."""

    def __init__(self, part: Sequence[ImportRow]) -> None:
        added = {pk for row in part for pk in _addresses_of(row)}
        self._owners = {row.pk: row for row in Identity.objects.filter(among(Identity, "id", added))} if added else {}
        self._used = _in_use(Identity, added) if added else {}
        told = {pk for row in part for pk, _stood in (row.before or {}).get("consents", [])}
        self._consents: dict[int, list[tuple[datetime, str]]] = {}
        if told:
            later = Consent.objects.filter(among(Consent, "identity", told)).values_list("identity_id", "at", "source")
            for pk, at, source in later:
                self._consents.setdefault(pk, []).append((at, source))

    def refused(self, row: ImportRow, there: dict[int, Contact]) -> Note | None:
        before, contact = row.before or {}, there.get(row.contact_id or 0)
        if contact is None:
            return None
        added = before.get("identities", [])
        for identity in (self._owners[pk] for pk in added if pk in self._owners):
            # What a merged record gets is the survivor's from the start, and comes home when the merge is taken back.
            if contact.pk not in (identity.contact_id, identity.home_id):
                return note("", "merged_since")
        for pk in _addresses_of(row):
            if pk in self._used:
                return note("", "used_since", what=self._used[pk])
        for pk, _stood in before.get("consents", []):
            if any(at > contact.updated_at and source != row.run.source for at, source in self._consents.get(pk, ())):
                return note("", "used_since", what=str(Consent._meta.verbose_name))
        return None


def _addresses_of(row: ImportRow) -> list[int]:
    """Identities that the row added, and those whose number it read."""
    said = row.before or {}
    return [*said.get("identities", []), *(identity for _settlement, identity in said.get("settled", []))]


def _used(run: Import, pks: Collection[int]) -> dict[int, str]:
    """Who of these has done or got anything since: {contact: what}."""
    found = _in_use(Contact, pks)
    if not pks:
        return found
    others = Event.objects.filter(among(Event, "contact", pks)).exclude(cause=run.source).values_list("contact_id", "kind", "data")
    for pk, kind, data in others:
        if (data or {}).get("source") != run.source and not kind.startswith(_FINDINGS):
            found.setdefault(pk, kind)
    return found


def _in_use(model: type[models.Model], pks: Collection[int]) -> dict[int, str]:
    """Rows of other areas (conversations, orders, CRM records) that hang on these."""
    found: dict[int, str] = {}
    if not pks:
        return found
    for relation in model._meta.related_objects:
        related, field = relation.related_model, relation.field
        if isinstance(related, str) or related._meta.label_lower.startswith(_INCIDENTAL) or not field.concrete:
            continue
        rows = related._base_manager.filter(among(related, field.name, pks)).values_list(field.attname, flat=True)
        found.update(dict.fromkeys(rows, str(related._meta.verbose_name)))
    return found


def _merges(pks: Collection[int]) -> models.QuerySet[Merge]:
    return Merge.objects.filter(Q(survivor__in=pks) | Q(duplicate__in=pks))


def _merged(pks: Collection[int]) -> set[int]:
    edges = _merges(pks).filter(undone_at=None).values_list("survivor_id", "duplicate_id")
    return {pk for edge in edges for pk in edge}


# --- putting back -------------------------------------------------------------------------------------------------------


def _put_back(run: Import, rows: Sequence[ImportRow]) -> None:
    if not rows:
        return
    now = clock.now()
    family = overlay.load({row.contact_id for row in rows if row.contact_id})
    told: list[Event] = []
    touched: set[int] = set()
    for row in rows:
        record = family.records[row.contact_id]  # type: ignore[index]
        said = row.before or {}
        for name, (value, entry, _after) in said.get("fields", {}).items():
            put_standing(record, name, Standing(value, entry_of(entry), ms(record.created_at)))
            family.changed.setdefault(record.pk, set()).add(name)
        touched.add(record.pk)
        names = [*said.get("fields", {}), *(["external_id"] if "external_id" in said else [])]
        data = {"fields": names, "by": run.undone_by, "source": run.source, "undone": True}
        told.append(Event(contact_id=record.pk, kind="contact.changed", occurred_at=now, data=data, cause=run.source))
    overlay.write(family, touched=touched & set(family.changed), at=now)
    events.record(told)
    given = {row.contact_id: row.before["external_id"] for row in rows if row.before and row.contact_id and "external_id" in row.before}
    there = Contact.objects.filter(pk__in=given).values_list("pk", "external_id") if given else ()
    Contact.objects.filter(pk__in=[pk for pk, word in there if word == given[pk]]).update(external_id="")
    _put_back_addresses(run, rows)
    extras.tags().take_back({row.contact_id: row.before["tags"] for row in rows if row.before and row.contact_id and "tags" in row.before})


def _put_back_addresses(run: Import, rows: Sequence[ImportRow]) -> None:
    settled = [settlement for row in rows for settlement, _identity in (row.before or {}).get("settled", [])]
    for settlement in NumberSettlement.objects.filter(pk__in=settled, undone_at=None):
        repairs.undo(settlement, by=run.undone_by or run.source)
    added = [pk for row in rows for pk in (row.before or {}).get("identities", [])]
    if added:
        owners = set(Identity.objects.filter(among(Identity, "id", added)).values_list("contact_id", flat=True))
        Event.objects.filter(among(Event, "contact", owners), among(Event, "identity", added)).update(identity=None)
        remove_many(Identity, added, none=_NO_EVENTS)
        reindex(sorted(owners))
    # The rows come from the end of the file: of several that changed one address the first one's before-image stays.
    stood = {pk: said for row in rows for pk, said in (row.before or {}).get("consents", [])}
    if not stood:
        return
    Consent.objects.filter(among(Consent, "identity", stood), source=run.source).delete()
    identities = list(Identity.objects.filter(among(Identity, "id", stood)))
    for identity in identities:
        times = [datetime.fromisoformat(at) if at else None for at in stood[identity.pk]]
        identity.opted_out_at, identity.marketing_opt_in_at, identity.marketing_opted_out_at = times
    update_many(Identity, identities, ["opted_out_at", "marketing_opt_in_at", "marketing_opted_out_at"])


def _remove(rows: Sequence[ImportRow]) -> None:
    """The people that the import made. Whom the database holds on to stays, with the reason."""
    gone = [row.contact_id for row in rows if row.contact_id]
    try:
        with transaction.atomic():
            _merges(gone).exclude(undone_at=None).delete()
            remove_many(Contact, gone, none=_NO_EVENTS)
        contact_index.remove(gone)
    except ProtectedError:
        _remove_singly(rows, set(gone))


def _remove_singly(rows: Sequence[ImportRow], gone: set[int]) -> None:
    for row in rows:
        pk = row.contact_id
        if pk is None or pk not in gone:
            continue
        try:
            with transaction.atomic():
                _merges([pk]).exclude(undone_at=None).delete()
                remove_many(Contact, [pk], none=_NO_EVENTS)
                contact_index.remove([pk])
        except ProtectedError:
            row.outcome = Outcome.KEPT
            row.notes = [*(row.notes or []), note("", "used_since", what="")]
