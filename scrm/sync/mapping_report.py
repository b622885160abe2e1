"""The weekly mapping report: for each field of each CRM how many records fill it, leave it empty, were refused over it, or differ.

Differing: the CRM holds another value than we wrote, or the value is none of the choices of its field. Refused: a dead letter that names
the field, or a value of theirs that does not fit here. The newest `MOST` records of an object are looked at, fewer when that takes longer
than `SECONDS`; nothing is called but the CRM's schema, and without that the choices are not judged. Each object of a CRM is reported by
itself, so that whatever ends a run leaves the rest to the next one. What was reported for a week is kept and is not reported again.
"""

from __future__ import annotations

import logging
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.sync import onboarding, payloads
from scrm.sync.inlet import unit_name
from scrm.sync.mapping import Spec, Value
from scrm.sync.models import ExternalRecord, MappedField, Push, SyncConflict
from scrm.sync.resolution import alike, plain

logger = logging.getLogger(__name__)

MOST = 20_000
# Of one object, and of a run before it leaves the rest to the next one. Together well below the time at which the queue kills a job.
SECONDS = 20.0
CHUNK = 500
SHOWN = 50
KEPT = timedelta(days=800)
# The first load is over when fewer writes wait than this share of the records that are there.
MOST_DUE = 0.05
# Above this share of a field's records a person should look.
MOST_ERRORS = 0.02


@dataclass
class Tally:
    """Of one field. `rows` as `MappedField.rows`."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rows: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, key: str) -> None:
        self.counts[what] += 1
        if what != "filled" and len(self.rows[what]) < SHOWN:
            self.rows[what].append(key)


def monday_of(connection: Connection, now: datetime) -> date:
    today = now.astimezone(ZoneInfo(connection.time_zone or "UTC")).date()
    return today - timedelta(days=today.weekday())


def report_due() -> int:
    """Report the objects of each live CRM that have no report of this week yet, for a while. Returns how many; safe to repeat."""
    now, begun, done = clock.now(), time.monotonic(), 0
    MappedField.objects.filter(week__lt=(now - KEPT).date()).delete()
    for connection in Connection.objects.filter(kind=Connection.Kind.CRM, state=Connection.State.ACTIVE):
        week = monday_of(connection, now)
        told = set(MappedField.objects.filter(connection=connection, week=week).values_list("kind", flat=True))
        for kind in _kinds(connection):
            if kind in told or not _has_begun(connection, kind):
                continue
            if done and time.monotonic() - begun > SECONDS:
                return done
            done += bool(report(connection, kind, week=week))
    return done


def _has_begun(connection: Connection, kind: str) -> bool:
    """The first report waits for the first load, half of which would stand for a week as if it were all; not for what trickles in."""
    if MappedField.objects.filter(connection=connection, kind=kind).exists():
        return True
    pushes = Push.objects.filter(connection=connection, kind=kind)
    due, records = pushes.filter(state=Push.State.DUE).count(), ExternalRecord.objects.filter(connection=connection, kind=kind).count()
    if due > records * MOST_DUE:
        return False
    return bool(records) or pushes.exists()


def report(connection: Connection, kind: str, *, week: date | None = None) -> int:
    """Count one object now and keep it as the report of that week, in place of an earlier one. Returns the number of fields."""
    now = clock.now()
    week = week or monday_of(connection, now)
    rows = list(_of_kind(connection, kind, week, now))
    with transaction.atomic():
        # One at a time: two workers that count the same week leave one report.
        Connection.objects.select_for_update(of=("self",)).only("pk").get(pk=connection.pk)
        MappedField.objects.filter(connection=connection, week=week, kind=kind).delete()
        MappedField.objects.bulk_create(rows)
    return len(rows)


def _kinds(connection: Connection) -> list[str]:
    mapped = {row.kind for row in payloads.mappings_of(connection)}
    return [kind for kind in payloads.SOURCES if kind in mapped]


def _of_kind(connection: Connection, kind: str, week: date, now: datetime) -> Iterator[MappedField]:
    specs = payloads.specs_of(payloads.mappings_of(connection), kind)
    tallies = {spec.target: Tally() for spec in specs}
    choices = _choices(connection, kind)
    records = 0
    for chunk in _chunks(connection, kind):
        records += len(chunk)
        ours = payloads.rendered(connection, kind, [row.key for row in chunk], specs)
        for row in chunk:
            if row.key in ours:
                _count(tallies, specs, row, ours[row.key], choices)
    _count_refused(connection, kind, specs, tallies)
    for spec in specs:
        found = tallies[spec.target]
        sums = {what: found.counts[what] for what in ("filled", "empty", "refused", "differing")}
        yield MappedField(
            connection=connection, kind=kind, week=week, source=spec.source, target=spec.target, at=now,
            records=records, rows=dict(found.rows), **sums,
        )  # fmt: skip


def _chunks(connection: Connection, kind: str) -> Iterator[list[ExternalRecord]]:
    rows = ExternalRecord.objects.filter(connection=connection, kind=kind, removed_at=None).order_by("-pk")
    last, left, begun = None, MOST, time.monotonic()
    while (
        left
        and (last is None or time.monotonic() - begun < SECONDS)
        and (found := list((rows.filter(pk__lt=last) if last else rows)[: min(CHUNK, left)]))
    ):
        last, left = found[-1].pk, left - len(found)
        yield found


def _choices(connection: Connection, kind: str) -> Mapping[str, Collection[str]]:
    """{field: its choices, as they are compared} of fields that have some."""
    try:
        described = onboarding.schema(connection).get(kind)
    except ConnectorError as error:
        logger.warning("connection %s: its choices cannot be read for the mapping report: %s", connection.slug, error.code)
        return {}
    return {info.name: {plain(each) for each in info.choices} for info in described.fields if info.choices} if described else {}


def _count(
    tallies: Mapping[str, Tally],
    specs: Sequence[Spec],
    row: ExternalRecord,
    ours: Mapping[str, Value],
    choices: Mapping[str, Collection[str]],
) -> None:
    seen = row.seen or {}
    for spec in specs:
        mine, tally = ours.get(spec.target, ""), tallies[spec.target]
        tally.add("filled" if mine else "empty", row.key)
        wrote, holds = row.base.get(spec.target), seen.get(spec.target)
        strange = spec.target in seen and wrote not in (None, "") and not alike(wrote, holds)
        if strange or (spec.goes_out and not _is_choice(mine, choices.get(spec.target))):
            tally.add("differing", row.key)


def _is_choice(value: Any, choices: Collection[str] | None) -> bool:
    if not choices or not value:
        return True
    parts = value if isinstance(value, list) else [value]
    return all(plain(each) in choices for each in parts)


def _count_refused(connection: Connection, kind: str, specs: Sequence[Spec], tallies: Mapping[str, Tally]) -> None:
    names = {spec.target: re.compile(rf"(?<!\w){re.escape(spec.target.strip('/'))}(?!\w)") for spec in specs}
    dead = Push.objects.filter(connection=connection, kind=kind, state=Push.State.DEAD)
    for key, reason in dead.values_list("key", "last_error").order_by("-pk")[:MOST]:
        for spec in specs:
            if names[spec.target].search(reason):
                tallies[spec.target].add("refused", key)
    unfit = SyncConflict.objects.filter(
        record__connection=connection, record__kind=kind, reason=SyncConflict.Reason.UNFIT, state=SyncConflict.State.OPEN
    )
    for key, name in unfit.values_list("record__key", "field")[:MOST]:
        for spec in specs:
            if unit_name(spec.source) == name:
                tallies[spec.target].add("refused", key)
