"""Take a whole import back: who it made goes, what it changed is put back, row by row and the last row first.

A row whose person has been edited or used since is left as it is, with the reason. Nothing else that happened to a person is touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError, Q

from scrm.contacts import events, overlay
from scrm.contacts.fields_rules import Standing, entry_of
from scrm.contacts.importing import extras, limits
from scrm.contacts.importing.problems import Note, note
from scrm.contacts.models import Consent, Contact, Event, Identity, Import, ImportRow, Merge
from scrm.contacts.records import ms, put_standing, value_of
from scrm.contacts.search import contact_index, reindex
from scrm.core import audit, clock, jobs
from scrm.core.crashpoints import crash_here
from scrm.core.rows import update_many

State, Outcome = Import.State, ImportRow.Outcome
UNDOABLE = (State.DONE, State.STOPPED, State.FAILED)
_DONE_BY_ROWS = (Outcome.CREATED, Outcome.UPDATED)
# What hangs on a person or an address without anybody having used it.
_INCIDENTAL = ("contacts.", "tags.")
_FINDINGS = ("identity.", "duplicate", "match")


def start(run: Import, *, by: Any) -> bool:
    """Begin to undo. Safe to ask twice."""
    with transaction.atomic():
        rows = Import.objects.filter(pk=run.pk, state__in=UNDOABLE, started_at__isnull=False)
        moved = bool(rows.update(state=State.UNDOING, undone_by=by.get_username() if by else "", attempts=0, error="", lease_until=None))
        if moved:
            audit.record("contacts.import_undone", by=by, subject=run)
    run.refresh_from_db()
    if moved:
        jobs.wake_on_commit("contacts.imports")
    return moved


def preview(run: Import) -> dict[str, Any]:
    """{"created", "updated": rows that would be undone, "kept": rows that would not, "reasons": {code: rows}}; nothing is changed."""
    found: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for part in _parts(run):
        refused = refusals(run, part)
        for row in part:
            said = refused.get(row.pk)
            found["kept" if said else row.outcome] += 1
            if said:
                reasons[str(said["code"])] += 1
    return {"created": found[Outcome.CREATED], "updated": found[Outcome.UPDATED], "kept": found["kept"], "reasons": dict(reasons)}


def _parts(run: Import) -> Iterable[list[ImportRow]]:
    last = None
    while True:
        rows = ImportRow.objects.filter(run=run, outcome__in=_DONE_BY_ROWS).order_by("-line")
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
        part = list(waiting[: limits.CHUNK[connection.vendor] // 4])
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
    list(Contact.objects.filter(pk__in=people).order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk"))
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
    there = Contact.objects.in_bulk(pks)
    made = {row.contact_id for row in part if row.outcome == Outcome.CREATED and row.contact_id}
    used = _used(run, made)
    merged = _merged(made)
    kept = set(ImportRow.objects.filter(run=run, contact__in=made, outcome=Outcome.KEPT).values_list("contact_id", flat=True))
    pending: dict[tuple[int, str], Any] = {}
    found: dict[int, Note] = {}
    for row in part:
        reason = _refused(row, there, used, merged, kept, pending)
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
    if row.outcome == Outcome.CREATED:
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
    if changed:
        return note("", "changed_since", fields=", ".join(sorted(changed)))
    return _addresses_used(row, contact)


def _addresses_used(row: ImportRow, contact: Contact) -> Note | None:
    before = row.before or {}
    added = before.get("identities", [])
    if added:
        # Of a record that was merged already, the survivor had them from the start: its own they are as long as they come home to it.
        if Identity.objects.filter(pk__in=added).exclude(Q(contact=contact) | Q(home=contact)).exists():
            return note("", "merged_since")
        if used := _in_use(Identity, added):
            return note("", "used_since", what=next(iter(used.values())))
    for pk, _stood in before.get("consents", []):
        if Consent.objects.filter(identity=pk, at__gt=contact.updated_at).exclude(source=row.run.source).exists():
            return note("", "used_since", what=str(Consent._meta.verbose_name))
    return None


def _used(run: Import, pks: Collection[int]) -> dict[int, str]:
    """Who of these has done or got anything since: {contact: what}."""
    found = _in_use(Contact, pks)
    others = Event.objects.filter(contact__in=pks).exclude(cause=run.source).values_list("contact_id", "kind", "data")
    for pk, kind, data in others:
        if (data or {}).get("source") != run.source and not kind.startswith(_FINDINGS):
            found.setdefault(pk, kind)
    return found


def _in_use(model: type[models.Model], pks: Collection[int]) -> dict[int, str]:
    """Rows of other areas (conversations, orders, CRM records) that hang on these."""
    found: dict[int, str] = {}
    for relation in model._meta.related_objects:
        related, field = relation.related_model, relation.field
        if isinstance(related, str) or related._meta.label_lower.startswith(_INCIDENTAL) or not field.concrete:
            continue
        rows = related._base_manager.filter(**{f"{field.name}__in": pks}).values_list(field.attname, flat=True)
        found.update(dict.fromkeys(rows, str(related._meta.verbose_name)))
    return found


def _merged(pks: Collection[int]) -> set[int]:
    edges = Merge.objects.filter(Q(survivor__in=pks) | Q(duplicate__in=pks)).values_list("survivor_id", "duplicate_id")
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
    for row in rows:
        said = row.before or {}
        if said.get("external_id") and row.contact_id:
            Contact.objects.filter(pk=row.contact_id, external_id=said["external_id"]).update(external_id="")
    _put_back_addresses(rows)
    extras.tags().take_back({row.contact_id: row.before["tags"] for row in rows if row.before and row.contact_id and "tags" in row.before})


def _put_back_addresses(rows: Sequence[ImportRow]) -> None:
    added = [pk for row in rows for pk in (row.before or {}).get("identities", [])]
    if added:
        owners = set(Identity.objects.filter(pk__in=added).values_list("contact_id", flat=True))
        Identity.objects.filter(pk__in=added).delete()
        reindex(sorted(owners))
    for row in rows:
        for pk, stood in (row.before or {}).get("consents", []):
            out, opt_in, declined = (datetime.fromisoformat(at) if at else None for at in stood)
            Consent.objects.filter(identity=pk, source=row.run.source).delete()
            Identity.objects.filter(pk=pk).update(opted_out_at=out, marketing_opt_in_at=opt_in, marketing_opted_out_at=declined)


def _remove(rows: Sequence[ImportRow]) -> None:
    """The people that the import made. Whom the database holds on to stays, with the reason."""
    gone = [row.contact_id for row in rows if row.contact_id]
    try:
        with transaction.atomic():
            Contact.objects.filter(pk__in=gone).delete()
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
                Contact.objects.filter(pk=pk).delete()
                contact_index.remove([pk])
        except ProtectedError:
            row.outcome = Outcome.KEPT
            row.notes = [*(row.notes or []), note("", "used_since", what="")]
