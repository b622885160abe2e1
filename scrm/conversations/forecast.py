"""What the law will say to several messages, each at its own time, as things stand now: for pages that show what is still to go.

What is known of the people, the numbers and the platform's limits is read once for all of them, so that it costs the same for sixteen
messages as for one; nothing is taken. The figures of a number, such as the cap of its warm-up plan, are those of now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scrm.conversations import reach
from scrm.conversations.models import Conversation, Message, Quota
from scrm.conversations.policy import Verdict
from scrm.conversations.standing import Standing
from scrm.core import clock
from scrm.core.zones import business_day


@dataclass(frozen=True, slots=True)
class Asked:
    """One message, without or with a row of its own, and the moment at which it would go."""

    conversation: Conversation
    message: Message
    at: datetime


def predict(asked: Sequence[Asked]) -> list[Verdict]:
    """A verdict for each, in their order. What has passed counts as now. Conversations come with identity, contact and connection."""
    return _Forecast(asked).verdicts() if asked else []


class _Forecast(Standing):
    """Standing that looks at several moments. It begins at now, so that the slots it has read reach back far enough for all."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        begins = clock.now()
        self._asked = [(each, max(each.at, begins)) for each in asked]
        super().__init__([each.conversation for each in asked], begins, [each.message for each in asked if each.message.pk])
        self.know_templates([each.message for each in asked if not each.message.pk])

    def verdicts(self) -> list[Verdict]:
        found = []
        for each, at in self._asked:
            self._go_to(at)
            found.append(self.judge(each.message, each.conversation))
        return found

    def _read_counts(self) -> None:
        super()._read_counts()
        # What is used of today was read just now; a day to come has its own row when something is booked on it already.
        zones = {pk: connection.time_zone for pk, connection in self._connections.items()}
        days = {business_day(at, zone) for _each, at in self._asked for zone in zones.values()} - set(self._days.values())
        rows = Quota.objects.filter(connection__in=zones, day__in=days).values_list("connection", "day", "used") if days else ()
        self._quotas = {(pk, self._days[pk]): used for pk, used in self._used.items()} | {(pk, day): used for pk, day, used in rows}
        keys = {pair[0] for each in self._reaches.values() for pair in (each.limit, each.warm_up) if pair}
        self._buckets = reach.buckets(keys) if keys else {}

    def _go_to(self, at: datetime) -> None:
        self.now = at
        self._days = {pk: business_day(at, connection.time_zone) for pk, connection in self._connections.items()}
        self._used = Counter({pk: self._quotas.get((pk, day), 0) for pk, day in self._days.items()})
        self._reached = {key: reach.reached(buckets, at) for key, buckets in self._buckets.items()}
