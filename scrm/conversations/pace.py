"""How fast a number may send: a bucket of tokens in a row, so that all workers on all hosts share it.

The bucket fills with `per_second` and holds half a second's worth, at least one; the governor sets the speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of
from scrm.conversations.models import Pace
from scrm.core.rows import insert_new, update_many

BURST_SECONDS = 0.5
# What a platform gives a number with high throughput, and one that its owner also uses in the phone app (contracts of November 2026).
HIGH_THROUGHPUT = 1000.0
WITH_PHONE_APP = 20.0


def full_speed(connection: Connection) -> float:
    """Messages a second that the platform lets this number send when nothing speaks against it."""
    facts = connection.facts or {}
    if facts.get("coexistence"):
        return min(WITH_PHONE_APP, capabilities_of(connection).per_second)
    if str(facts.get("throughput", "")).upper() == "HIGH":
        return HIGH_THROUGHPUT
    return capabilities_of(connection).per_second


def locked_pace(connection: Connection, now: datetime) -> Pace:
    """The number's bucket, filled up to now and locked until the transaction ends; made at full speed when there is none."""
    return locked_paces([connection], now)[connection.pk]


def locked_paces(connections: Sequence[Connection], now: datetime) -> dict[int, Pace]:
    """As `locked_pace`, by the connection's key; locked in the order of their keys."""
    wanted = {connection.pk for connection in connections}
    rows = Pace.objects.select_for_update().filter(connection__in=wanted).order_by("connection_id")
    found = {row.connection_id: row for row in rows}
    if missing := [connection for connection in connections if connection.pk not in found]:
        insert_new(Pace, [_full_bucket(connection, now) for connection in missing], key="connection")
        found = {row.connection_id: row for row in rows.all()}
    for row in found.values():
        passed = max((now - row.refilled_at).total_seconds(), 0.0)
        row.tokens, row.refilled_at = min(_most(row.per_second), row.tokens + passed * row.per_second), now
    return found


def _full_bucket(connection: Connection, now: datetime) -> Pace:
    speed = full_speed(connection)
    return Pace(connection=connection, per_second=speed, tokens=_most(speed), refilled_at=now, changed_at=now, looked_at=now)


def _most(per_second: float) -> float:
    return max(1.0, per_second * BURST_SECONDS)


def spend(spent: Iterable[tuple[Pace, int]]) -> None:
    """Count messages that were taken to be sent, of each number."""
    rows = []
    for row, count in spent:
        row.tokens -= count
        rows.append(row)
    update_many(Pace, rows, ["tokens", "refilled_at"])


def stop_promotions(connection: Connection, until: datetime, reason: str, now: datetime) -> None:
    """The platform asked to stop what is sent in bulk."""
    row = locked_pace(connection, now)
    if row.promotions_wait_until is None or row.promotions_wait_until < until:
        Pace.objects.filter(pk=row.pk).update(promotions_wait_until=until, reason=reason[:500], changed_at=now)


def slow_down(connection: Connection, now: datetime, reason: str) -> None:
    """The platform said that the number sends too fast: half the speed at once; the governor brings it back step by step."""
    row = locked_pace(connection, now)
    if now - row.changed_at > timedelta(seconds=1) or row.per_second >= full_speed(connection):
        speed = max(1.0, row.per_second / 2)
        Pace.objects.filter(pk=row.pk).update(per_second=speed, tokens=min(row.tokens, 0), changed_at=now, reason=reason[:500])
