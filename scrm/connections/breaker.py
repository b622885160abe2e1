"""When a connection may be called, and what its failures and successes change. The row is the breaker, so all workers share it.

* `resume_at` empty: everybody may call. Five transport failures in a row open the breaker for 30 s, so do failures of more than half
  of a process's calls within a minute (outcomes.py), and a platform's request for patience for as long as it asked.
* `resume_at` ahead: nobody calls. What answers meanwhile began earlier and changes nothing.
* `resume_at` passed: one caller, who gets `probe_until`, tries. Success clears all; failure doubles the wait, up to 10 minutes.

Every change is a conditional update on the values that were read, so two workers never apply the same step twice. Changes of state
are on record (`ConnectionChange`), except waits of less than half a minute, which a busy platform asks for again and again.
What a call to the endpoint that is not in use (any more) met says nothing about the one that is, and is left out.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from scrm.connections import outcomes, sentences
from scrm.connections.changes import note_change
from scrm.connections.credentials import alert_needs_person
from scrm.connections.models import Connection, ConnectionChange
from scrm.core import clock

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_ASKED = timedelta(hours=1)
# Longer than the longest call (15 s): a prober that died is replaced after this.
PROBE_LEASE = timedelta(seconds=20)
SHORT_WAIT = timedelta(seconds=30)
OPEN_STATES = (Connection.State.ACTIVE, Connection.State.WAITING)


def callable_q(now: datetime, prefix: str = "") -> Q:
    """Connections that might be called at `now`, for queries; `is_callable_now` has the last word."""
    resumed = Q(**{f"{prefix}resume_at": None}) | Q(**{f"{prefix}resume_at__lte": now})
    unprobed = Q(**{f"{prefix}probe_until": None}) | Q(**{f"{prefix}probe_until__lte": now})
    return Q(**{f"{prefix}state__in": OPEN_STATES}) & resumed & unprobed


def is_untroubled(row: Connection) -> bool:
    """Of a row that was read a moment ago: everybody may call. What else it may be, `is_callable_now` says."""
    return row.state in OPEN_STATES and row.resume_at is None


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
    outcomes.note(connection.pk, connection.endpoint, failed=False, now=clock.now())
    row = _row(connection)
    if row is None or row.endpoint != connection.endpoint:
        return
    if not row.failures and row.resume_at is None and row.state != Connection.State.WAITING:
        return
    if row.resume_at is None or row.resume_at <= clock.now():
        _change(row, Connection.State.ACTIVE, "", failures=0, resume_at=None, probe_until=None)


def report_failure(connection: Connection, error: ConnectorError, *, tell: bool = True) -> None:
    """Note what went wrong. What concerns one message or record only shows that the platform answers.

    `tell`: an alert opens when a person is needed; False for a caller who tells it in better words.
    """
    row = _row(connection)
    if row is None or row.endpoint != connection.endpoint:
        return
    if isinstance(error, NeedsLogin | Misconfigured):
        state = Connection.State.NEEDS_LOGIN if isinstance(error, NeedsLogin) else Connection.State.MISCONFIGURED
        if _change(row, state, str(error), failures=0, resume_at=None, probe_until=None) and tell:
            alert_needs_person(row, state)
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
    too_many = outcomes.note(row.pk, row.endpoint, failed=True, now=clock.now())
    for _attempt in range(20):
        now = clock.now()
        if row.state not in OPEN_STATES or (row.resume_at is not None and row.resume_at > now):
            return
        failures = row.failures + 1
        if failures >= FAILURES_TO_OPEN:
            done = _open(row, failures, sentences.FAILURES_IN_A_ROW % {"count": failures, "error": error})
        elif too_many:
            done = _open(row, FAILURES_TO_OPEN, sentences.MOSTLY_FAILURES % {"error": error})
        else:
            done = _change(row, Connection.State.ACTIVE, "", failures=failures, resume_at=None, probe_until=None)
        fresh = _row(row)
        if done or fresh is None:
            return
        row = fresh


def _open(row: Connection, failures: int, reason: str) -> bool:
    """Nobody calls for a while. The platform is looked at soon, so that a standby can take over (probes.py)."""
    now = clock.now()
    columns: dict[str, Any] = {"failures": failures, "resume_at": now + pause_after(failures), "probe_until": None}
    if row.state == Connection.State.ACTIVE:
        columns["next_probe_at"] = now
    return _change(row, Connection.State.WAITING, reason, **columns)


def _row(connection: Connection) -> Connection | None:
    """The breaker's columns as they are now."""
    columns = ("slug", "state", "state_reason", "state_changed_at", "failures", "resume_at", "probe_until", "endpoint")
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
    if state == row.state:
        return bool(_unchanged(row).update(**values))
    with transaction.atomic():
        if not _unchanged(row).update(**values, state=state, state_changed_at=clock.now()):
            return False
        if _is_worth_a_record(row, columns["resume_at"]):
            _note_state(row, state, reason)
    logger.warning("connection %s: %s -> %s %s", row.slug, row.state, state, reason[:500])
    return True


def _is_worth_a_record(row: Connection, resume_at: datetime | None) -> bool:
    """Not so a wait of a few seconds, neither its beginning (`resume_at` is set) nor its end (the row's is)."""
    if resume_at is not None:
        return resume_at >= clock.now() + SHORT_WAIT
    began = row.state_changed_at
    return row.resume_at is None or began is None or row.resume_at >= began + SHORT_WAIT


def _note_state(row: Connection, state: str, reason: str) -> None:
    note_change(row, ConnectionChange.Kind.STATE, row.state, state, reason)


def restore(connection: Connection) -> bool:
    """Back to work after new credentials or a good test call; not from a person's pause. True when it changed something."""
    return _set(connection, Connection.State.ACTIVE, "", "back to work", exclude=(Connection.State.PAUSED,))


def hold(connection: Connection, state: str, reason: str) -> bool:
    """Nothing may be called until a person has entered what is missing; a person's pause stays."""
    return _set(connection, state, reason, "waits for a person", exclude=(Connection.State.PAUSED,))


def begin_anew(connection: Connection, reason: str) -> None:
    """The calls go elsewhere from now on: what the breaker counted is over. A wait that the platform asked for stays."""
    row = _row(connection)
    if row is not None and row.failures:
        _change(row, Connection.State.ACTIVE, reason, failures=0, resume_at=None, probe_until=None)
    outcomes.forget(connection.pk)


def pause(connection: Connection, *, by: str, reason: str = "") -> bool:
    """A person stops all calls. False when the connection is paused already."""
    why = f"{by}: {reason}" if reason else by
    return _set(connection, Connection.State.PAUSED, why, "paused by a person", exclude=(Connection.State.PAUSED,))


def resume(connection: Connection) -> bool:
    """End a person's pause; False when there is none."""
    others = tuple(state for state in Connection.State if state != Connection.State.PAUSED)
    return _set(connection, Connection.State.ACTIVE, "", "resumed by a person", exclude=others)


def _set(connection: Connection, state: str, reason: str, said: str, *, exclude: tuple[str, ...]) -> bool:
    """A person's word, whatever the breaker thinks; False when it changes nothing."""
    with transaction.atomic():
        row = (
            Connection.objects.select_for_update().defer("settings", "secrets").filter(pk=connection.pk).exclude(state__in=exclude).first()
        )
        if row is None or (row.state == state and not row.failures and row.resume_at is None):
            return False
        Connection.objects.filter(pk=row.pk).update(
            state=state, state_reason=reason[:500], state_changed_at=clock.now(), failures=0, resume_at=None, probe_until=None
        )
        _note_state(row, state, reason)
    outcomes.forget(row.pk)
    logger.warning("connection %s: %s", row.slug, said)
    return True
