"""The warm-up of a new number: how many people it may speak to first on each day.

Platforms rate a number by what its first recipients do (blocks, reports), and a number without a past that writes to many at once is
taken for spam. The plan begins with few people and grows for as long as they are content:

* day 1: 50 people, a fifth of the smallest messaging limit that WhatsApp gives a portfolio (250 in a moving day);
* after a day with good quality twice as many, after one that the platform did not rate half as many again: WhatsApp raises a portfolio's
  limit once half of it was used within a week, so a plan that grew more slowly would hold a good number back;
* after a day with medium quality as many as before; after one with low quality half of it, but never fewer than 10, so that the rating
  has something to recover from;
* never more than the messaging limit; the day on which the plan reaches it ends the warm-up.

50, 1.5 to 2, and 10 are our own figures: the platform publishes none. Everything follows from `warm_up_from`, the messaging limit and the
quality on record, so that asking twice gives the same answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import Count

from scrm.connections.models import Connection, ConnectionChange
from scrm.conversations.models import Reservation
from scrm.core import clock

FIRST_DAY = 50
LEAST = 10
# New people per day as (numerator, denominator) of the day before, by the worst quality of that day; what is not known is not rated.
GROWTH = {"GREEN": (2, 1), "UNKNOWN": (3, 2), "YELLOW": (1, 1), "RED": (1, 2)}
WORST_FIRST = ("RED", "YELLOW", "UNKNOWN", "GREEN")
UNLIMITED = -1
# A portfolio that told no limit has the smallest; without a limit the plan ends at the highest that has one.
SMALLEST_LIMIT, HIGHEST_LIMIT = 250, 100_000
# Longer than any plan that is not held back: doubling takes 50 to 100,000 in 12 days. Bounds the work for a date far back.
LONGEST_DAYS = 400


def planned(day_number: int, *, messaging_limit: int | None, quality_history: Sequence[str]) -> int:
    """New people on the day, 1 being the first. `quality_history[i]` is the worst quality of day i + 1; days beyond it count as unrated.

    `messaging_limit`: people a day, -1 for unlimited, None for not told.
    """
    if day_number < 1:
        raise ValueError("the first day of a warm-up is day 1")
    return course(day_number, messaging_limit=messaging_limit, quality_history=quality_history)[-1]


def course(days: int, *, messaging_limit: int | None, quality_history: Sequence[str]) -> list[int]:
    """The plan of the first `days` days, at least one. See `planned`."""
    limit = bound_of(messaging_limit)
    plan = [min(FIRST_DAY, limit)]
    rated = [*quality_history, *["UNKNOWN"] * days]
    for quality in islice(rated, max(days, 1) - 1):
        plan.append(min(limit, _next(plan[-1], quality)))
    return plan


def _next(people: int, quality: str) -> int:
    times, parts = GROWTH.get(quality, GROWTH["UNKNOWN"])
    return max(people * times // parts, min(people, LEAST))


def bound_of(messaging_limit: int | None) -> int:
    """The number of people at which a plan ends."""
    if messaging_limit is None:
        return SMALLEST_LIMIT
    return HIGHEST_LIMIT if messaging_limit == UNLIMITED else max(messaging_limit, 1)


def limit_of(connection: Connection) -> int | None:
    """What the platform told of the messaging limit; -1 unlimited, None not told."""
    told = (connection.facts or {}).get("messaging_limit")
    return told if isinstance(told, int) and not isinstance(told, bool) and (told > 0 or told == UNLIMITED) else None


def cap_for(connection: Connection, today: date | None = None) -> int | None:
    """People that the number may speak to first on `today` of its own time zone; None when it is not being warmed up (any more).

    One query while the plan runs, none else. The plan is that of the days before: what happens today changes tomorrow.
    """
    today = today or clock.now().astimezone(ZoneInfo(connection.time_zone)).date()
    began = connection.warm_up_from
    if began is None or today < began or (today - began).days >= LONGEST_DAYS:
        return None
    plan = plan_of(connection, (today - began).days + 1)
    return None if bound_of(limit_of(connection)) in plan else plan[-1]


def plan_of(connection: Connection, days: int) -> list[int]:
    """The plan of the number's first `days` days; future days count as unrated."""
    began = connection.warm_up_from
    if began is None:
        return []
    return course(days, messaging_limit=limit_of(connection), quality_history=quality_by_day(connection, began, days))


def used_by_day(connection: Connection, first: date, last: date) -> dict[date, int]:
    """To how many people the number spoke first on each of its own days from `first` to `last`; days without any are left out.

    One query. A person counts once a day; who was spoken to on two days counts on both. What is proven not to have gone does not count.
    """
    spoken = Reservation.objects.filter(connection=connection, quota_day__range=(first, last), released=False, spoke_first=True)
    return dict(spoken.values("quota_day").annotate(people=Count("identity", distinct=True)).values_list("quota_day", "people"))


def quality_by_day(connection: Connection, first: date, days: int) -> list[str]:
    """The worst quality of each of the number's own days from `first` on, until yesterday at most.

    Before the first record it is what that record says it was before; without any it is what the platform says now.
    """
    records = ConnectionChange.objects.filter(connection_id=connection.pk, kind=ConnectionChange.Kind.QUALITY)
    changes = deque(records.order_by("at", "pk").values_list("at", "before", "after"))
    zone = ZoneInfo(connection.time_zone)
    current = changes[0][1] if changes else str((connection.facts or {}).get("quality", ""))
    past = max(min(days, (clock.now().astimezone(zone).date() - first).days), 0)
    worst: list[str] = []
    for number in range(-1, past):
        end = datetime.combine(first + timedelta(days=number + 1), time.min, zone)
        seen = [current]
        while changes and changes[0][0] < end:
            current = changes.popleft()[2]
            seen.append(current)
        worst.append(min((word if word in GROWTH else "UNKNOWN" for word in seen), key=WORST_FIRST.index))
    return worst[1:]  # the first entry is all that was before `first`
