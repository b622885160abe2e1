"""Why a write waits, in words for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import time_format
from django.utils.translation import gettext as _

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.sync import quiet
from scrm.sync.models import Push, SyncPlan
from scrm.sync.queue import period_start


@dataclass
class Reasons:
    """Asks for each connection once, however many rows there are."""

    now: datetime = field(default_factory=clock.now)
    _quiet: dict[int, tuple[datetime | None, Collection[str]]] = field(default_factory=dict)
    _batches: dict[int, dict[str, int]] = field(default_factory=dict)

    def of(self, push: Push) -> str:
        """'' for a write that waits for nothing. Expects `push.connection` to be loaded."""
        if push.state != Push.State.DUE:
            return ""
        row = push.connection
        if row.state != Connection.State.ACTIVE:
            return str(row.get_state_display())
        if push.lease_until and push.lease_until > self.now:
            return _("is being written")
        ends = self._quiet_until(row, push.kind)
        if ends is not None and push.due_at < ends:
            return _("quiet hours until %(time)s") % {"time": self._wall(row, ends)}
        if push.due_at > self.now:
            words = _("tried again at %(time)s") if push.attempts else _("due at %(time)s")
            return words % {"time": self._wall(row, push.due_at)}
        return self._batch(push, row)

    def _quiet_until(self, row: Connection, kind: str) -> datetime | None:
        if row.pk not in self._quiet:
            ends = quiet.until(row, self.now)
            self._quiet[row.pk] = ends, quiet.urgent(row) if ends else ()
        ends, urgent = self._quiet[row.pk]
        return None if kind in urgent else ends

    def _batch(self, push: Push, row: Connection) -> str:
        if row.pk not in self._batches:
            plans = SyncPlan.objects.filter(connection=row, pace=SyncPlan.Pace.BATCH)
            self._batches[row.pk] = dict(plans.values_list("kind", "minutes"))
        minutes = self._batches[row.pk].get(push.kind)
        if minutes is None or push.due_at <= period_start(self.now, minutes):
            return ""
        begins = period_start(self.now, minutes) + timedelta(minutes=minutes)
        return _("the batch of %(time)s") % {"time": self._wall(row, begins)}

    @staticmethod
    def _wall(row: Connection, at: datetime) -> str:
        return time_format(at.astimezone(ZoneInfo(row.time_zone or "UTC")), "H:i")


def explain(pushes: Iterable[Push]) -> dict[int, str]:
    """{row: why it waits}."""
    reasons = Reasons()
    return {push.pk: reasons.of(push) for push in pushes}
