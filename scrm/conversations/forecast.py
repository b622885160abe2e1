"""What the law will say to several messages, each at its own time, as things stand now: for pages that show what is still to go.

What is known of the people, the numbers and the platform's limits is read once for all of them, so that it costs the same for sixteen
messages as for one; nothing is taken. The figures of a number, such as the cap of its warm-up plan, are those of now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scrm.connections.models import Connection
from scrm.conversations import reach
from scrm.conversations.models import Conversation, Message, Reservation
from scrm.conversations.policy import Verdict
from scrm.conversations.standing import Standing
from scrm.core import clock
from scrm.core.at_once import lists_of
from scrm.core.zones import business_day

# More rows of a kind than a forecast can concern: it is made for a page of messages.
MOST = 1_000


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

    def verdicts(self) -> list[Verdict]:
        found = []
        for each, at in self._asked:
            self._go_to(at)
            found.append(self.judge(each.message, each.conversation))
        return found

    def _read_around(self, messages: Sequence[Message], templates: bool) -> None:
        """All of it in one statement, with the numbers that share a limit; templates also of messages that have no row yet."""
        portfolios = {connection.portfolio for connection in self._connections.values() if connection.portfolio}
        kin = Connection.objects.filter(portfolio__in=portfolios).only("portfolio").order_by("pk")
        own = Reservation.objects.filter(message__in=[message.pk for message in messages]).order_by("pk")
        named = self._templates_of([each.message for each, _at in self._asked]).order_by("pk")
        self._kin, held, known = lists_of([kin[:MOST], own[:MOST], named[:MOST]])
        self._own, self._templates = {row.message_id: row for row in held}, {}
        self._know(known)

    def _relatives(self, portfolio: str) -> set[int]:
        return {row.pk for row in self._kin if row.portfolio == portfolio}

    def _read_counts(self, days: set[date]) -> None:
        """A day to come has its own row when something is booked on it already."""
        zones = {connection.time_zone for connection in self._connections.values()}
        super()._read_counts(days | {business_day(at, zone) for _each, at in self._asked for zone in zones})

    def _go_to(self, at: datetime) -> None:
        self.now = at
        self._days = {pk: business_day(at, connection.time_zone) for pk, connection in self._connections.items()}
        self._used = Counter({pk: self._booked.get((pk, day), 0) for pk, day in self._days.items()})
        self._reached = {key: reach.reached(counts, at) for key, counts in self._buckets.items()}
