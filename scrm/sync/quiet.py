"""The hours in which a CRM is not written to: `quiet_from` to `quiet_to` of its connection, on the wall where the account lives.

Kinds that are marked urgent in the sync settings are written all the same, with the people that they hang on. Reading goes on.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from scrm.connections.models import Connection
from scrm.sync.models import SyncPlan


def until(connection: Connection, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` lies in; None outside them. The same time twice is no quiet at all."""
    start, end = connection.quiet_from, connection.quiet_to
    if start is None or end is None or start == end:
        return None
    local = now.astimezone(ZoneInfo(connection.time_zone or "UTC"))
    if not _within(local.time(), start, end):
        return None
    ends = local.replace(hour=end.hour, minute=end.minute, second=end.second, microsecond=0)
    return ends if ends > local else ends + timedelta(days=1)


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start < end else at >= start or at < end


def urgent(connection: Connection) -> list[str]:
    """The kinds that do not wait."""
    return sorted(SyncPlan.objects.filter(connection=connection, urgent=True).values_list("kind", flat=True))


def may_be_written(connection: Connection, now: datetime) -> Q:
    """Which writes may be claimed now."""
    return Q(kind__in=urgent(connection)) if until(connection, now) is not None else Q()
