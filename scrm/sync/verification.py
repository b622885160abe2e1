"""Proof that both sides agree: a random sample of each day, and a comparison of everything on request.

The sample's share carries Wilson's bounds, because a hundred records say only so much. What differs is listed with both values; with
`repair` it is compared once more against what was agreed and put right by the usual rules, conflicts included.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Max, Min

from connectors.contracts import Change, Crm
from connectors.errors import ConnectorError
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.connections.sentences import SAMPLE_DIFFERS, SAMPLE_DIFFERS_ADVICE
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.sync import pulls
from scrm.sync.comparing import Compared, State, compare
from scrm.sync.inlet import Inlet
from scrm.sync.kinds import Kind
from scrm.sync.models import ExternalRecord, Verification, VerifiedRecord
from scrm.sync.preparing import ready
from scrm.sync.services import Wanted, want_many
from scrm.sync.statistics import wilson

SAMPLE = 100
CHUNK = 100
PAGE = 200
EVERY = timedelta(days=1)
KEPT = timedelta(days=400)
# Of a full comparison so many records that differ are kept for people to look at.
MOST_KEPT = 1_000

Scope = Verification.Scope


def verify(
    connection: Connection,
    kind: str,
    *,
    sample: int | None = SAMPLE,
    repair: bool = False,
    seed: int | None = None,
    told: Callable[[int], object] = int,
) -> Verification | None:
    """Compare `sample` random records, or with None all. None when the CRM cannot be called; raises the connector's errors.

    `told` hears how many records were compared so far.
    """
    crm = ready(connection)
    if crm is None:
        return None
    began = time.monotonic()
    inlet = Inlet.of(connection, crm, kind)
    tally = _Tally(inlet, repair)
    if sample is None:
        _all(inlet, crm, tally, told)
    else:
        for records in _chunks(_drawn(inlet, sample, random.Random(seed))):
            tally.add(compare(inlet, records, crm.read(kind, [record.external_id for record in records])))
            crash_here("verify.chunk")
            told(tally.total)
    return tally.store(Scope.FULL if sample is None else Scope.SAMPLE, time.monotonic() - began)


class _Tally:
    def __init__(self, inlet: Inlet, repair: bool) -> None:
        self._inlet, self._repair = inlet, repair
        self._counts: Counter[str] = Counter()
        self._kept: list[Compared] = []
        self._sampled: list[Compared] = []
        self.unknown = 0
        self.repaired = 0

    @property
    def total(self) -> int:
        return sum(self._counts.values())

    def add(self, found: Sequence[Compared]) -> None:
        self._counts.update(each.state.value for each in found)
        wrong = [each for each in found if each.state in (State.DRIFTED, State.MISSING)]
        self._kept += wrong[: MOST_KEPT - len(self._kept)]
        if self.total <= CHUNK:
            self._sampled += found
        if self._repair and wrong:
            self.repaired += _repair(self._inlet, wrong)

    def store(self, scope: str, seconds: float) -> Verification:
        agreed, wrong = self._counts[State.AGREED], self._counts[State.DRIFTED] + self._counts[State.MISSING]
        lower, upper = wilson(agreed, agreed + wrong)
        with transaction.atomic():
            row = Verification.objects.create(
                connection=self._inlet.connection,
                kind=self._inlet.kind,
                scope=scope,
                at=clock.now(),
                checked=agreed + wrong,
                agreed=agreed,
                drifted=self._counts[State.DRIFTED],
                missing=self._counts[State.MISSING],
                pending=self._counts[State.PENDING],
                unknown=self.unknown,
                repaired=self.repaired,
                lower=lower,
                upper=upper,
                seconds=seconds,
            )
            kept = self._sampled if scope == Scope.SAMPLE else self._kept
            VerifiedRecord.objects.bulk_create([_row(row, each) for each in kept])
        return row


def _row(run: Verification, each: Compared) -> VerifiedRecord:
    return VerifiedRecord(
        verification=run,
        key=each.record.key,
        external_id=each.record.external_id,
        state=each.state,
        differences=each.differences,
        key_fields=each.key_fields,
    )


# --- which records --------------------------------------------------------------------------------------------------


def _drawn(inlet: Inlet, count: int, dice: random.Random) -> list[ExternalRecord]:
    """So many different records at random, without reading the table: random positions between its first and last number.

    A record behind a gap is drawn a little more often than others.
    """
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, removed_at=None)
    if rows.count() <= count:
        return list(rows.order_by("pk"))
    bounds = rows.aggregate(first=Min("pk"), last=Max("pk"))
    found: dict[int, ExternalRecord] = {}
    for _attempt in range(count * 20):
        if len(found) >= count:
            break
        row = rows.filter(pk__gte=dice.randint(bounds["first"], bounds["last"])).order_by("pk").first()
        if row is not None:
            found[row.pk] = row
    return list(found.values())


def _chunks(records: Sequence[ExternalRecord]) -> Iterator[list[ExternalRecord]]:
    for start in range(0, len(records), CHUNK):
        yield list(records[start : start + CHUNK])


def _all(inlet: Inlet, crm: Crm, tally: _Tally, told: Callable[[int], object]) -> None:
    """Every linked record, read by its id; then, of kinds that come in, their own list for records that nobody knows here."""
    last = 0
    while True:
        rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, removed_at=None, pk__gt=last)
        records = list(rows.order_by("pk")[:CHUNK])
        if not records:
            break
        last = records[-1].pk
        tally.add(compare(inlet, records, crm.read(inlet.kind, [record.external_id for record in records])))
        crash_here("verify.chunk")
        told(tally.total)
    if inlet.listens:
        for changes in _their_list(inlet, crm):
            tally.unknown += _note_unknown(inlet, changes)


def _their_list(inlet: Inlet, crm: Crm) -> Iterator[list[Change]]:
    cursor: dict[str, object] = {}
    while True:
        page = crm.changes(inlet.kind, cursor, PAGE)
        yield [item for item in page.items if isinstance(item, Change)]
        if not page.more:
            return
        cursor = page.cursor


def _note_unknown(inlet: Inlet, changes: Sequence[Change]) -> int:
    """Records that are not linked are read by the usual way."""
    ids = {change.id for change in changes}
    rows = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, external_id__in=ids)
    unknown = ids - set(rows.values_list("external_id", flat=True))
    pulls.ask(inlet.connection.pk, [(inlet.kind, each) for each in unknown])
    return len(unknown)


def _repair(inlet: Inlet, wrong: Sequence[Compared]) -> int:
    """Let the usual rules put it right: read again without trusting the version, written again where only ours changed."""
    ids = [each.record.pk for each in wrong]
    ExternalRecord.objects.filter(pk__in=ids).update(version="")
    if inlet.listens:
        _forget_agreed(inlet, wrong)
        return pulls.ask(inlet.connection.pk, [(inlet.kind, each.record.external_id) for each in wrong])
    for record in ExternalRecord.objects.filter(pk__in=ids):
        record.base = {}
        record.save(update_fields=["base"])
    return want_many((Wanted(inlet.connection.pk, inlet.kind, each.record.key) for each in wrong), at_once=True)


def _forget_agreed(inlet: Inlet, wrong: Sequence[Compared]) -> None:
    """Of what is no person: what only comes in is as the CRM says, also where ours alone changed. It is met as if for the first time."""
    only_in = {target for unit in inlet.units if unit.direction == "in" and unit.kind != Kind.CONTACT for target in unit.targets}
    for each in wrong:
        record, strayed = each.record, {difference["field"] for difference in each.differences if not difference.get("copy")}
        targets = only_in & strayed
        if targets:
            record.base = {name: value for name, value in record.base.items() if name not in targets}
            record.seen = {name: value for name, value in (record.seen or {}).items() if name not in targets} or None
            record.save(update_fields=["base", "seen"])


# --- every day ------------------------------------------------------------------------------------------------------


def verify_daily() -> int:
    """The day's sample of each kind at each CRM that may be called. Returns how many were drawn."""
    now = clock.now()
    drawn = 0
    for connection in Connection.objects.filter(connections.callable_q(now), kind=Connection.Kind.CRM):
        drawn += sum(_verify_one(connection, kind) for kind in kinds_of(connection) if _is_due(connection, kind))
    Verification.objects.filter(at__lt=now - KEPT).delete()
    return drawn


def kinds_of(connection: Connection) -> list[str]:
    """The kinds of which this CRM holds records that can be read back."""
    rows = ExternalRecord.objects.filter(connection=connection, removed_at=None)
    return sorted(rows.order_by().values_list("kind", flat=True).distinct())


def _is_due(connection: Connection, kind: str) -> bool:
    newest = Verification.objects.filter(connection=connection, kind=kind, scope=Scope.SAMPLE).order_by("-at").first()
    return newest is None or newest.at <= clock.now() - EVERY + timedelta(minutes=30)


def _verify_one(connection: Connection, kind: str) -> bool:
    if not connections.is_callable_now(connection):
        return False
    try:
        done = verify(connection, kind)
    except ConnectorError as error:
        connections.report_failure(connection, error)
        return False
    if done is None:
        return False
    connections.report_success(connection)
    _tell(connection, kind, done)
    return True


def _tell(connection: Connection, kind: str, done: Verification) -> None:
    """Less than 99 in 100 in step is something to look at; a small sample may be unlucky, so its upper bound decides."""
    key = f"drift:{connection.slug}:{kind}"
    if done.upper < 0.99 or (done.accuracy is not None and done.accuracy < 0.95):
        said = {"label": connection.label, "count": done.checked - done.agreed, "checked": done.checked, "kind": kind}
        connections.raise_alert(key, text=SAMPLE_DIFFERS % said, advice=SAMPLE_DIFFERS_ADVICE, connection=connection)
    else:
        connections.close_alert(key)
