"""Whether the audit is as it was written: every entry, its place in the chain, and its details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scrm.core import audit
from scrm.core.audit_models import AuditDay, AuditDetail, AuditEntry

# Only an entry of these acts can be the reason why another's details are gone.
ERASING = ("contacts.erased", "contacts.erasure_replayed")
SHOWN = 50


@dataclass(slots=True)
class Findings:
    entries: int = 0
    days: int = 0
    unsealed: int = 0
    erased: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.problems

    def add(self, problem: str) -> None:
        if len(self.problems) < SHOWN:
            self.problems.append(problem)


def check() -> Findings:
    """Walk the whole chain in order, one day at a time. Reads only."""
    found = Findings(unsealed=AuditEntry.objects.filter(number=None).count())
    head = ""
    days = list(AuditDay.objects.order_by("day"))
    for day in days:
        if day.previous != head:
            found.add(f"{day.day}: does not follow the end of the day before it; a day was changed or removed")
        head = _check_day(day, found) or day.previous
        found.days += 1
    known = {day.day for day in days}
    for lost in AuditEntry.objects.exclude(number=None).exclude(day__in=known).order_by("id").values_list("pk", flat=True)[:SHOWN]:
        found.add(f"entry {lost}: its day is missing from the table of days")
    for entry in AuditEntry.objects.filter(number=None).select_related("detail").order_by("id").iterator(chunk_size=500):
        _check_entry(entry, found)
    return found


def _check_day(day: AuditDay, found: Findings) -> str:
    """The stored end of the day, so that one break is told once and not for all days after it."""
    chain, expected = day.previous, 1
    for entry in _entries(day):
        number = entry.number or 0
        if number != expected:
            found.add(f"{day.day}: {_missing(expected, number)}")
        _check_entry(entry, found)
        if entry.chain not in {audit.link(chain, entry, number, key) for key in audit.seal_keys()} and number == expected:
            found.add(f"{day.day} no. {number} (entry {entry.pk}): its link does not fit; it or the one before it was changed")
        chain, expected = entry.chain, number + 1
        found.entries += 1
    if expected - 1 != day.entries:
        found.add(f"{day.day}: {day.entries} entries were written, the last is no. {expected - 1}; the end is missing")
    elif (day.head or day.previous) != chain:
        found.add(f"{day.day}: the end of its chain was changed")
    return day.head


def _missing(first: int, then: int) -> str:
    return f"no. {first} is missing" if then == first + 1 else f"no. {first} to {then - 1} are missing"


def _entries(day: AuditDay) -> Iterator[AuditEntry]:
    return AuditEntry.objects.filter(day=day.day).select_related("detail").order_by("number").iterator(chunk_size=500)


def _check_entry(entry: AuditEntry, found: Findings) -> None:
    if entry.digest not in {audit.entry_digest(entry, key) for key in audit.seal_keys()}:
        found.add(f"entry {entry.pk} ({entry.action}): changed since it was written")
    detail: AuditDetail | None = getattr(entry, "detail", None)
    if detail is None:
        found.add(f"entry {entry.pk} ({entry.action}): its details were removed")
    elif detail.erased_for_id is not None:
        found.erased += 1
        _check_erased(entry, detail, found)
    elif audit.detail_digest(detail.salt, detail.body) != entry.detail_digest:
        found.add(f"entry {entry.pk} ({entry.action}): its details were changed since they were written")


def _check_erased(entry: AuditEntry, detail: AuditDetail, found: Findings) -> None:
    """Details may be gone only because a person's erasure is on record, and only of what was written before its end."""
    reason = detail.erased_for
    if detail.body is not None or reason is None or reason.action not in ERASING:
        found.add(f"entry {entry.pk} ({entry.action}): its details were emptied without an erasure on record")
