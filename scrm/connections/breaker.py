"""When a connection may be called, and what its failures and successes change. The row is the breaker, so all workers share it.

* `resume_at` empty: everybody may call. Five transport failures in a row open the breaker for 30 s, and a platform's request
  for patience for as long as it asked.
* `resume_at` ahead: nobody calls. What answers meanwhile began earlier and changes nothing.
* `resume_at` passed: one caller, who gets `probe_until`, tries. Success clears all; failure doubles the wait, up to 10 minutes.

Every change is a conditional update on the values that were read, so two workers never apply the same step twice.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from scrm.connections.models import Connection
from scrm.core import clock

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_ASKED = timedelta(hours=1)
# Longer than the longest call (15 s): a prober that died is replaced after this.
PROBE_LEASE = timedelta(seconds=20)
OPEN_STATES = (Connection.State.ACTIVE, Connection.State.WAITING)


def callable_q(now: datetime, prefix: str = "") -> Q:
    """Connections that might be called at `now`, for queries; `is_callable_now` has the last word."""
    resumed = Q(**{f"{prefix}resume_at": None}) | Q(**{f"{prefix}resume_at__lte": now})
    unprobed = Q(**{f"{prefix}probe_until": None}) | Q(**{f"{prefix}probe_until__lte": now})
    return Q(**{f"{prefix}state__in": OPEN_STATES}) & resumed & unprobed


def is_callable_now(connection: Connection, now: datetime | None = None) -> bool:
    """May the caller call right now? After a pause exactly one caller hears yes and must report how it went.

    Asks the database, not the given row. Ask only when a call follows: a yes may be the one probe.
    """
    now = now or clock.now()
    row = _row(connection)
    if row is None or row.state not in OPEN_STATES:
        return False
    if row.resume_at is None:
        return True
    if row.resume_at > now or (row.probe_until is not None and row.probe_until > now):
        return False
    return bool(_unchanged(row).update(probe_until=now + PROBE_LEASE))


def report_success(connection: Connection) -> None:
    """The platform answered as it should. Costs a read; writes only when something was wrong before."""
    row = _row(connection)
    if row is None or (not row.failures and row.resume_at is None and row.state != Connection.State.WAITING):
        return
    if row.resume_at is None or row.resume_at <= clock.now():
        _change(row, Connection.State.ACTIVE, "", failures=0, resume_at=None, probe_until=None)


def report_failure(connection: Connection, error: ConnectorError) -> None:
    """Note what went wrong. What concerns one message or record only shows that the platform answers."""
    row = _row(connection)
    if row is None:
        return
    if isinstance(error, NeedsLogin):
        _change(row, Connection.State.NEEDS_LOGIN, str(error), failures=0, resume_at=None, probe_until=None)
    elif isinstance(error, Misconfigured):
        _change(row, Connection.State.MISCONFIGURED, str(error), failures=0, resume_at=None, probe_until=None)
    elif isinstance(error, TryLater) and error.scope == "connection":
        _wait(row, error)
    elif isinstance(error, Unreachable | OutcomeUnknown):
        _count(row, error)
    else:
        report_success(connection)


def pause_after(failures: int) -> timedelta:
    """How long the breaker stays open after so many failures in a row."""
    doublings = min(max(failures - FAILURES_TO_OPEN, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def _wait(row: Connection, error: TryLater) -> None:
    resume_at = clock.now() + min(max(error.after, timedelta(seconds=1)), LONGEST_ASKED)
    if row.resume_at is None or row.resume_at < resume_at:
        _change(row, Connection.State.WAITING, str(error), failures=0, resume_at=resume_at, probe_until=None)


def _count(row: Connection, error: ConnectorError) -> None:
    """One more failure in a row, tried again when another worker changed the row first."""
    for _attempt in range(20):
        now = clock.now()
        if row.state not in OPEN_STATES or (row.resume_at is not None and row.resume_at > now):
            return
        failures = row.failures + 1
        if failures >= FAILURES_TO_OPEN:
            reason = f"{failures} failures in a row, the last: {error}"
            done = _change(
                row, Connection.State.WAITING, reason, failures=failures, resume_at=now + pause_after(failures), probe_until=None
            )
        else:
            done = _change(row, Connection.State.ACTIVE, "", failures=failures, resume_at=None, probe_until=None)
        fresh = _row(row)
        if done or fresh is None:
            return
        row = fresh


def _row(connection: Connection) -> Connection | None:
    """The breaker's columns as they are now."""
    columns = ("slug", "state", "state_reason", "failures", "resume_at", "probe_until")
    return Connection.objects.only(*columns).filter(pk=connection.pk).first()


def _unchanged(row: Connection) -> QuerySet[Connection]:
    return Connection.objects.filter(
        pk=row.pk, state=row.state, failures=row.failures, resume_at=row.resume_at, probe_until=row.probe_until
    )


def _change(row: Connection, state: str, reason: str, **columns: Any) -> bool:
    """Apply one step unless the row moved on meanwhile. A person's pause is never lifted, nor a need for a person by a late answer."""
    if row.state not in OPEN_STATES:
        return False
    values: dict[str, Any] = dict(columns, state_reason=reason[:500])
    if state != row.state:
        values.update(state=state, state_changed_at=clock.now())
    if not _unchanged(row).update(**values):
        return False
    if state != row.state:
        logger.warning("connection %s: %s -> %s %s", row.slug, row.state, state, reason[:500])
    return True


def restore(connection: Connection) -> bool:
    """Back to work after new credentials or a good test call; not from a person's pause. True when it changed something."""
    waiting = ~Q(state=Connection.State.ACTIVE) | ~Q(failures=0) | ~Q(resume_at=None)
    rows = Connection.objects.filter(waiting, pk=connection.pk).exclude(state=Connection.State.PAUSED)
    changed = rows.update(
        state=Connection.State.ACTIVE, state_reason="", state_changed_at=clock.now(), failures=0, resume_at=None, probe_until=None
    )
    if changed:
        logger.warning("connection %s: back to work", connection.slug)
    return bool(changed)


def pause(connection: Connection, *, by: str, reason: str = "") -> bool:
    """A person stops all calls. False when the connection is paused already."""
    now, why = clock.now(), f"{by}: {reason}" if reason else by
    rows = Connection.objects.filter(pk=connection.pk).exclude(state=Connection.State.PAUSED)
    changed = rows.update(state=Connection.State.PAUSED, state_reason=why[:500], state_changed_at=now, resume_at=None, probe_until=None)
    if changed:
        logger.warning("connection %s: paused by a person", connection.slug)
    return bool(changed)


def resume(connection: Connection) -> bool:
    """End a person's pause; False when there is none."""
    rows = Connection.objects.filter(pk=connection.pk, state=Connection.State.PAUSED)
    changed = rows.update(state=Connection.State.ACTIVE, state_reason="", state_changed_at=clock.now(), failures=0)
    if changed:
        logger.warning("connection %s: resumed by a person", connection.slug)
    return bool(changed)
