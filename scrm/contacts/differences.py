"""What sources say differently of one field: noted for review, and decided there.

One question a field and person stands open at a time; it follows what is said meanwhile, and settles by itself when the sources agree.
Decisions are safe to repeat, and when two people decide at once the first is obeyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from scrm.contacts import events, overlay
from scrm.contacts.fields_rules import PERSON, Entry, Ruling, Standing, Verdict, Word, kind_of
from scrm.contacts.models import Event, FieldConflict, FieldRule
from scrm.contacts.records import at_of, ms, put_standing, standing_of
from scrm.core import clock
from scrm.core.rows import update_many

OPEN, State, Kind = FieldConflict.State.OPEN, FieldConflict.State, FieldConflict.Kind
BATCH = 500
_WORDS = ("kind", "state", "shown", "shown_source", "shown_at", "other", "other_source", "other_at", "decided_at")


@dataclass(frozen=True, slots=True)
class Raised:
    """A ruling that may open, change or settle a question."""

    contact_id: int
    field: str
    before: Standing
    word: Word
    ruling: Ruling

    @property
    def after(self) -> Standing:
        return self.ruling.after or self.before


def note(raised: Sequence[Raised], *, at: datetime) -> None:
    """Bring the questions up to date with these rulings, in their order; the people are locked."""
    if not raised:
        return
    people = {each.contact_id for each in raised}
    rows = FieldConflict.objects.filter(contact__in=people, state=OPEN)
    there = {(row.contact_id, row.field): row for row in rows}
    new: list[FieldConflict] = []
    changed: dict[int, FieldConflict] = {}
    for each in raised:
        key = (each.contact_id, each.field)
        row = there.get(key)
        if each.ruling.question:
            row = row or _opened(each, new, there, at)
            _put(row, each)
        elif row is not None:
            _follow(row, each, at)
        if row is not None and row.state != OPEN:
            there.pop(key)
        if row is not None and row.pk:
            changed[row.pk] = row
    # What was asked and answered within one batch needs nobody.
    FieldConflict.objects.bulk_create([row for row in new if row.state == OPEN])
    update_many(FieldConflict, changed.values(), _WORDS)


def _opened(each: Raised, new: list[FieldConflict], there: dict[tuple[int, str], FieldConflict], at: datetime) -> FieldConflict:
    row = FieldConflict(contact_id=each.contact_id, field=each.field, found_at=at)
    there[each.contact_id, each.field] = row
    new.append(row)
    return row


def _put(row: FieldConflict, each: Raised) -> None:
    """Which two values stand against each other now."""
    after = each.after
    row.kind = str(each.ruling.question)
    row.shown, row.shown_source, row.shown_at = after.value, after.source, at_of(after.at)
    if each.ruling.verdict is Verdict.TAKEN:
        row.other, row.other_source, row.other_at = each.before.value, each.before.source, at_of(each.before.at)
    else:
        row.other, row.other_source, row.other_at = each.word.value, each.word.source, at_of(each.word.at)


def _follow(row: FieldConflict, each: Raised, at: datetime) -> None:
    """A word that asks nothing may still change what an open question is about."""
    after = each.after
    agreed = each.ruling.verdict is Verdict.AGREED and row.other_source == each.word.source
    if each.ruling.settles or agreed or row.other == after.value:
        row.state, row.decided_at = State.SETTLED, at
    elif each.ruling.verdict is Verdict.TAKEN:
        row.shown, row.shown_source, row.shown_at = after.value, after.source, at_of(after.at)


def confirm(conflict: FieldConflict, *, by: Any) -> FieldConflict:
    """What is shown is right."""
    with transaction.atomic():
        overlay.load({conflict.contact_id})
        _decide([conflict.pk], State.CONFIRMED, by)
    conflict.refresh_from_db()
    return conflict


def revert(conflict: FieldConflict, *, by: Any) -> FieldConflict:
    """The other value is right: it is shown, as a decision of `by`."""
    with transaction.atomic():
        family = overlay.load({conflict.contact_id})
        row = FieldConflict.objects.get(pk=conflict.pk)
        if _decide([row.pk], State.REVERTED, by):
            _show_other(family, [row], by=by, as_said=False)
    conflict.refresh_from_db()
    return conflict


def reopen(conflict: FieldConflict, *, by: Any) -> FieldConflict:
    """Take a decision back: the question stands open and what was shown before is shown. Does nothing when a newer question stands open."""
    with transaction.atomic():
        family = overlay.load({conflict.contact_id})
        row = FieldConflict.objects.get(pk=conflict.pk)
        newer = FieldConflict.objects.filter(contact_id=row.contact_id, field=row.field, state=OPEN).exists()
        if row.state in (State.CONFIRMED, State.REVERTED) and not newer:
            if row.state == State.REVERTED:
                _show(family, [(row, row.shown, row.shown_source, row.shown_at)], by=by)
            FieldConflict.objects.filter(pk=row.pk).update(state=OPEN, decided_by=None, decided_at=None)
    conflict.refresh_from_db()
    return conflict


def make_rule(conflict: FieldConflict, prefer: str, *, by: Any) -> FieldRule:
    """From now on `prefer` decides this field for everybody; all its open questions are answered by that."""
    if prefer not in FieldRule.Prefer.values:
        raise ValueError(f"{prefer!r} is not one of {', '.join(FieldRule.Prefer.values)}")
    made = {"prefer": prefer, "created_by": by.get_username(), "created_at": clock.now()}
    rule, _ = FieldRule.objects.update_or_create(field=conflict.field, defaults=made)
    last = 0
    while rows := list(FieldConflict.objects.filter(field=conflict.field, state=OPEN, pk__gt=last).order_by("pk")[:BATCH]):
        last = rows[-1].pk
        _settle_by_rule(rows, prefer, by)
    conflict.refresh_from_db()
    return rule


def _settle_by_rule(rows: Sequence[FieldConflict], prefer: str, by: Any) -> None:
    with transaction.atomic():
        family = overlay.load({row.contact_id for row in rows})
        mine = _decide([row.pk for row in rows], State.RULED, by)
        fresh = list(FieldConflict.objects.filter(pk__in=mine).order_by("contact_id"))
        _show_other(family, [row for row in fresh if _is_overruled(row, prefer)], by=by, as_said=True)


def _is_overruled(row: FieldConflict, prefer: str) -> bool:
    return prefer != FieldRule.Prefer.LATER and kind_of(row.other_source) == prefer != kind_of(row.shown_source)


def _decide(pks: Iterable[int], state: str, by: Any) -> list[int]:
    """Close those that are still open; which these are. The people are locked, so nobody else closes them meanwhile."""
    rows = FieldConflict.objects.filter(pk__in=list(pks), state=OPEN)
    mine = list(rows.values_list("pk", flat=True))
    FieldConflict.objects.filter(pk__in=mine).update(state=state, decided_by=by, decided_at=clock.now())
    return mine


def _show_other(family: overlay.Family, rows: Sequence[FieldConflict], *, by: Any, as_said: bool) -> None:
    """Show the other values: `as_said` by their sources at their times, else as what `by` says now."""
    said = [(row, row.other, *((row.other_source, row.other_at) if as_said else (PERSON, None))) for row in rows]
    _show(family, said, by=by)


def _show(family: overlay.Family, said: Sequence[tuple[FieldConflict, Any, str, datetime | None]], *, by: Any) -> None:
    """Show these values: each with who said it and when; staff say it now."""
    now = clock.now()
    happened: list[Event] = []
    for row, value, source, at in said:
        record = family.records[row.contact_id]
        before = standing_of(record, row.field)
        seen = before.entry.seen if before.entry else {}
        entry = Entry(source, ms(at or now), by.get_username(), seen)
        put_standing(record, row.field, replace(before, value=value, entry=entry))
        family.changed.setdefault(record.pk, set()).add(row.field)
        data = {"fields": [row.field], "by": by.get_username()} | ({} if source == PERSON else {"source": source})
        happened.append(Event(contact_id=record.pk, kind="contact.changed", occurred_at=now, data=data))
    if happened:
        overlay.write(family, touched={row.contact_id for row, *_ in said}, at=now)
        events.record(happened)
