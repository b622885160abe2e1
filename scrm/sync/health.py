"""The figures of the sync's health, each with what it means and what it should be. A fixed number of queries, however many rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.sync.models import ExternalRecord, Pull, Push, SyncConflict, SyncCursor, SyncHour, Verification

DAY = timedelta(hours=24)
TREND = timedelta(days=30)
REASONS = 8
LEAST_SUCCESS, LEAST_QUICK, LEAST_ACCURACY, LONGEST_CALL_MS = 0.99, 0.95, 0.99, 1500
_OPEN = Q(state="due")
_DEAD = Q(state="dead")
_LEFT = Q(state="left")


@dataclass(slots=True)
class Health:
    """One CRM. Shares are 0 to 1, None where there was nothing to count."""

    connection: Connection
    written: int = 0
    read: int = 0
    retried: int = 0
    success: float | None = None
    quick: float | None = None
    mean_latency: float | None = None
    call_ms: float | None = None
    calls: int = 0
    failed_calls: int = 0
    busiest_hour: int = 0
    waiting: int = 0
    reads_waiting: int = 0
    oldest: Any = None
    dead: int = 0
    reads_dead: int = 0
    left_alone: int = 0
    held: int = 0
    conflicts: int = 0
    quota: list[tuple[str, str]] = field(default_factory=list)
    feeds: list[SyncCursor] = field(default_factory=list)
    trend: list[Verification] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all figures that have a target reach it and nothing waits for a person."""
        enough = (
            _reaches(self.success, LEAST_SUCCESS)
            and _reaches(self.quick, LEAST_QUICK)
            and (self.call_ms is None or self.call_ms < LONGEST_CALL_MS)
        )
        return enough and not self.dead and not self.reads_dead and self.connection.state in ("active", "waiting") and self.in_step

    @property
    def in_step(self) -> bool:
        """A small sample may be unlucky: its upper bound decides."""
        newest: dict[str, Verification] = {}
        for run in self.trend:
            if run.scope == Verification.Scope.SAMPLE:
                newest.setdefault(run.kind, run)
        return all(run.upper >= LEAST_ACCURACY for run in newest.values())


def _reaches(share: float | None, least: float) -> bool:
    return share is None or share >= least


def read_all() -> list[Health]:
    """Every CRM, in the order of their labels."""
    found = {row.pk: Health(row) for row in Connection.objects.filter(kind=Connection.Kind.CRM).order_by("label")}
    if found:
        _hours(found)
        _queues(found)
        _left_alone(found)
        _differences(found)
        _feeds(found)
        for health in found.values():
            health.quota = _quota(health.connection)
    return list(found.values())


def _hours(found: dict[int, Health]) -> None:
    names = ("written", "quick", "latency_ms", "read", "retried", "dead", "calls", "failed_calls", "call_ms")
    hours = SyncHour.objects.filter(connection__in=found, hour__gt=clock.now() - DAY)
    rows: Any = hours.values("connection").annotate(**{f"all_{name}": Sum(name) for name in names})
    for row in rows:
        health, sums = found[row["connection"]], {name: row[f"all_{name}"] or 0 for name in names}
        health.written, health.read, health.retried = sums["written"], sums["read"], sums["retried"]
        health.calls, health.failed_calls = sums["calls"], sums["failed_calls"]
        tried = sums["written"] + sums["dead"]
        health.success = sums["written"] / tried if tried else None
        health.quick = sums["quick"] / sums["written"] if sums["written"] else None
        health.mean_latency = sums["latency_ms"] / sums["written"] / 1000 if sums["written"] else None
        health.call_ms = sums["call_ms"] / sums["calls"] if sums["calls"] else None
    for pk, written, read in hours.values_list("connection", "written", "read"):
        found[pk].busiest_hour = max(found[pk].busiest_hour, written + read)


def _queues(found: dict[int, Health]) -> None:
    for model, waiting, dead in ((Push, "waiting", "dead"), (Pull, "reads_waiting", "reads_dead")):
        rows = model._default_manager.filter(_OPEN | _DEAD, connection__in=found).order_by().values("connection")
        for row in rows.annotate(due=Count("pk", filter=_OPEN), gone=Count("pk", filter=_DEAD), oldest=Min("asked_at", filter=_OPEN)):
            health = found[row["connection"]]
            setattr(health, waiting, row["due"])
            setattr(health, dead, row["gone"])
            health.oldest = min(filter(None, [health.oldest, row["oldest"]]), default=None)


def _left_alone(found: dict[int, Health]) -> None:
    rows = Pull.objects.filter(_LEFT, connection__in=found).order_by().values_list("connection")
    for pk, number in rows.annotate(number=Count("pk")):
        found[pk].left_alone = number


def _differences(found: dict[int, Health]) -> None:
    held = ExternalRecord.objects.filter(connection__in=found, held__isnull=False).order_by().values_list("connection")
    for pk, number in held.annotate(number=Count("pk")):
        found[pk].held = number
    open_ = SyncConflict.objects.filter(state=SyncConflict.State.OPEN, record__connection__in=found).order_by()
    for pk, number in open_.values_list("record__connection").annotate(number=Count("pk")):
        found[pk].conflicts = number


def _feeds(found: dict[int, Health]) -> None:
    for row in SyncCursor.objects.filter(connection__in=found).order_by("kind", "feed"):
        found[row.connection_id].feeds.append(row)
    recent = Verification.objects.filter(connection__in=found, at__gt=clock.now() - TREND)
    for run in recent.order_by("-at")[:500]:
        found[run.connection_id].trend.append(run)


def _quota(connection: Connection) -> list[tuple[str, str]]:
    """What the CRM says is left of its limits."""
    facts = connection.facts or {}
    told = [name for name in sorted(facts) if name == "api_left" or any(word in name for word in ("remaining", "usage", "credits"))]
    # What Zoho's connector has read out of the header already.
    return [(name, str(facts[name])) for name in told if not ("credits-" in name and "credits_left" in facts)]


def causes() -> list[dict[str, Any]]:
    """Why records are dead letters, the most frequent reasons first, in both directions."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for model, way in ((Push, "out"), (Pull, "in")):
        rows = model._default_manager.filter(_DEAD).order_by().values_list("last_error").annotate(number=Count("pk"))
        for reason, number in rows.order_by("-number")[:REASONS]:
            counted[way, reason] += number
    ranked = sorted(counted.items(), key=lambda each: -each[1])[:REASONS]
    return [{"way": way, "reason": reason, "count": number} for (way, reason), number in ranked]
