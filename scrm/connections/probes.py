"""Looking at each connection's platform, and moving to its standby when the platform is slow or away.

| answer | counts as |
|---|---|
| within 800 ms | normal |
| within 1.5 s | slower than normal, shown as such |
| later, not at all, or "not fit to work" | bad |

Each connection is looked at once an hour, in a minute of its own. After a bad look the next come sooner, after 1 and after 2 minutes, so
that three bad ones in a row are known within about 3 minutes and not after 3 hours; a breaker that opens brings the first look forward.
Three in a row on the endpoint in use: the connection moves to its standby, or, without one, an alert asks for a person and the looks
go on every 5 minutes. While the standby is in use the primary is looked at, too, every 5 minutes, after a good look again after 1
and 2 minutes; three good ones in a row and the connection moves back. Each move is on record and under an alert.

A move changes one column; who sends next finds it there. What is in flight ends as it would have: its answer settles its message by the
outbox's fences, an unknown outcome stays unknown, and nothing is sent a second time because of a move.

A connection is looked at by whoever moves its `next_probe_at` first. Not looked at: what a person paused, what waits for new credentials or
settings, and what waits because the platform asked for patience.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from connectors.contracts import Health
from connectors.errors import ConnectorError, TryLater
from scrm.connections import adapters, breaker, sentences
from scrm.connections.alerts import close_alert, raise_alert
from scrm.connections.changes import note_change
from scrm.connections.credentials import credentials_work
from scrm.connections.endpoints import has_standby, other
from scrm.connections.facts import remember_facts
from scrm.connections.models import Alert, Connection, ConnectionChange, Probe
from scrm.core import clock

logger = logging.getLogger(__name__)

NORMAL_MS, SLOW_MS = 800, 1500
IN_A_ROW = 3
EVERY = timedelta(hours=1)
SOON = (timedelta(minutes=1), timedelta(minutes=2))
WHILE_BAD = timedelta(minutes=5)
# Longer than the longest look: a prober that died is replaced after this.
LEASE = timedelta(seconds=90)
# Job workers end a job after 60 s and one look takes 15 s at most.
ROUND_SECONDS = 35.0
KEPT = timedelta(days=30)
PRIMARY, STANDBY = Connection.Endpoint.PRIMARY, Connection.Endpoint.STANDBY

ON_STANDBY = gettext_noop("The platform was slow or away three times in a row. The standby endpoint has taken over.")
ON_STANDBY_ADVICE = gettext_noop("Nothing needs to be done: it goes back by itself once the platform has answered well three times.")
UNWELL = gettext_noop("The platform was slow or away three times in a row.")
UNWELL_ADVICE = gettext_noop("What waits is kept. See the platform's status page; a standby endpoint could be entered on this page.")
BOTH_UNWELL = gettext_noop("Both the platform and the standby endpoint are slow or away.")


def look_at_due() -> int:
    """Look at every endpoint whose time has come; how many were looked at. Safe to run in several workers at once."""
    began, done = time.monotonic(), 0
    now = clock.now()
    due = Q(next_probe_at=None) | Q(next_probe_at__lte=now)
    due |= Q(endpoint=STANDBY) & (Q(next_primary_probe_at=None) | Q(next_primary_probe_at__lte=now))
    patient = Q(state=Connection.State.WAITING, failures=0, resume_at__gt=now)
    rows = Connection.objects.filter(due, state__in=breaker.OPEN_STATES).exclude(patient)
    for row in rows.order_by(F("next_probe_at").asc(nulls_first=True)):
        if time.monotonic() - began > ROUND_SECONDS:
            break
        done += _look_if_due(row)
    return done


def _look_if_due(row: Connection) -> int:
    done = 0
    if _claimed(row, "next_probe_at"):
        look(row)
        done += 1
    if row.endpoint == STANDBY and _claimed(row, "next_primary_probe_at"):
        look(row, PRIMARY)
        done += 1
    return done


def _claimed(row: Connection, column: str) -> bool:
    """This worker and no other looks now."""
    was, now = getattr(row, column), clock.now()
    if was is not None and was > now:
        return False
    return bool(Connection.objects.filter(pk=row.pk, endpoint=row.endpoint, **{column: was}).update(**{column: now + LEASE}))


def look(connection: Connection, endpoint: str = "", *, by_person: bool = False) -> Health:
    """Call the platform once, put the look on record and draw the consequences. Never raises a connector's error.

    `endpoint`: the one in use unless named. A look that a person asks for also ends what waits for a person, when it is good.
    Must not run in a transaction.
    """
    in_use = not endpoint or endpoint == connection.endpoint
    endpoint = endpoint or connection.endpoint
    health, error = _ask(connection, endpoint)
    if in_use:
        _report(connection, health, error, by_person=by_person)
    ms = round(health.latency.total_seconds() * 1000)
    # A platform that asks for patience has answered.
    ok = health.ok or isinstance(error, TryLater)
    Probe.objects.create(
        connection_id=connection.pk, endpoint=endpoint, at=clock.now(), ok=ok, milliseconds=max(ms, 0), detail=health.detail[:500]
    )
    fresh = Connection.objects.get(pk=connection.pk)
    if fresh.state not in breaker.OPEN_STATES:
        return health  # a person is needed or wants peace; the endpoint is not to blame
    if in_use and fresh.endpoint == endpoint:
        _judge(fresh)
    elif endpoint == PRIMARY and fresh.endpoint == STANDBY:
        _judge_return(fresh)
    return health


def _ask(connection: Connection, endpoint: str) -> tuple[Health, ConnectorError | None]:
    began = time.monotonic()
    try:
        if connection.kind == Connection.Kind.CHANNEL:
            return adapters.channel_of(connection, endpoint).check(), None
        if connection.kind == Connection.Kind.GEOCODER:
            return adapters.geocoder_of(connection, endpoint).check(), None
        return adapters.crm_of(connection, endpoint).check(), None
    except ConnectorError as error:
        return Health(ok=False, latency=timedelta(seconds=time.monotonic() - began), detail=str(error)), error


def _report(connection: Connection, health: Health, error: ConnectorError | None, *, by_person: bool) -> None:
    """Tell the breaker, and keep what the platform said of the account."""
    if error is not None:
        breaker.report_failure(connection, error)
    elif health.ok:
        if by_person:
            breaker.restore(connection)
        else:
            breaker.report_success(connection)
        remember_facts(connection, dict(health.facts))
        credentials_work(connection)


# --- what follows -----------------------------------------------------------------------------------------------------


def is_bad(probe: Probe) -> bool:
    return not probe.ok or probe.milliseconds > SLOW_MS


def latest(connection: Connection, endpoint: str, since: datetime | None) -> list[Probe]:
    """The newest looks at an endpoint, the newest first; those before `since` belong to another story."""
    rows = Probe.objects.filter(connection_id=connection.pk, endpoint=endpoint)
    return list((rows.filter(at__gte=since) if since else rows).order_by("-at", "-pk")[:IN_A_ROW])


def _run(probes: Sequence[Probe], *, bad: bool) -> int:
    """How many of the newest looks are all bad, or all good."""
    return len(list(takewhile(lambda probe: is_bad(probe) is bad, probes)))


def _judge(connection: Connection) -> None:
    """After a look at the endpoint in use: when to look again, and whether to move or to call a person."""
    marks = [at for at in (connection.endpoint_since, connection.credentials_changed_at) if at]
    run = _run(latest(connection, connection.endpoint, max(marks, default=None)), bad=True)
    wait = SOON[run - 1] if 0 < run < IN_A_ROW else WHILE_BAD
    at = clock.now() + wait if run else next_hourly(connection.slug, clock.now())
    Connection.objects.filter(pk=connection.pk, endpoint=connection.endpoint).update(next_probe_at=at)
    if not run:
        close_alert(f"slow:{connection.slug}")
    elif run >= IN_A_ROW:
        _give_up(connection)


def _give_up(connection: Connection) -> None:
    """The endpoint in use was bad three times in a row."""
    if connection.endpoint == PRIMARY and has_standby(connection):
        move(connection, STANDBY, sentences.BAD_LOOKS % {"count": IN_A_ROW})
        return
    if connection.endpoint == STANDBY and not has_standby(connection):
        move(connection, PRIMARY, sentences.STANDBY_REMOVED)
        return
    if connection.endpoint == STANDBY:
        primary = latest(connection, PRIMARY, connection.endpoint_since)
        if _run(primary, bad=False):
            move(connection, PRIMARY, sentences.BAD_LOOKS_AT_STANDBY % {"count": IN_A_ROW})
            return
    text = BOTH_UNWELL if connection.endpoint == STANDBY else UNWELL
    raise_alert(f"slow:{connection.slug}", text=text, advice=UNWELL_ADVICE, level=Alert.Level.ERROR, connection=connection)


def _judge_return(connection: Connection) -> None:
    """After a look at the primary while the standby is in use."""
    run = _run(latest(connection, PRIMARY, connection.endpoint_since), bad=False)
    if run >= IN_A_ROW:
        move(connection, PRIMARY, sentences.GOOD_LOOKS % {"count": IN_A_ROW})
        return
    wait = SOON[run - 1] if run else WHILE_BAD
    Connection.objects.filter(pk=connection.pk, endpoint=STANDBY).update(next_primary_probe_at=clock.now() + wait)


def move(connection: Connection, endpoint: str, reason: str) -> bool:
    """Use the other endpoint from now on; False when another worker has moved already. What the breaker knew belongs to the old one."""
    now, before = clock.now(), other(endpoint)
    with transaction.atomic():
        moved = Connection.objects.filter(pk=connection.pk, endpoint=before).update(
            endpoint=endpoint, endpoint_since=now, next_probe_at=now + SOON[0], next_primary_probe_at=now + WHILE_BAD
        )
        if not moved:
            return False
        note_change(connection, ConnectionChange.Kind.ENDPOINT, before, endpoint, reason)
        breaker.begin_anew(connection, sentences.MOVED_TO_STANDBY if endpoint == STANDBY else sentences.MOVED_TO_PRIMARY)
        _tell(connection, endpoint)
        transaction.on_commit(connection._forget_snapshot)
    logger.warning("connection %s: %s -> %s endpoint, %s", connection.slug, before, endpoint, reason)
    connection.endpoint = endpoint
    return True


def _tell(connection: Connection, endpoint: str) -> None:
    close_alert(f"slow:{connection.slug}")
    if endpoint == STANDBY:
        raise_alert(f"standby:{connection.slug}", text=ON_STANDBY, advice=ON_STANDBY_ADVICE, connection=connection)
    else:
        close_alert(f"standby:{connection.slug}")


def next_hourly(slug: str, now: datetime) -> datetime:
    """The next time in this connection's own minute and second of the hour, at least half an hour ahead."""
    own = timedelta(seconds=zlib.crc32(slug.encode()) % 3600)
    earliest = now + EVERY / 2
    at = earliest.replace(minute=0, second=0, microsecond=0) + own
    return at if at >= earliest else at + EVERY


def look_soon(connection: Connection) -> None:
    """Something changed; look at the next opportunity."""
    Connection.objects.filter(pk=connection.pk).update(next_probe_at=clock.now())


def forget_old() -> int:
    """Remove looks older than 30 days."""
    return int(Probe.objects.filter(at__lt=clock.now() - KEPT).delete()[0])
