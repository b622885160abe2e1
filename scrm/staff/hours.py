"""When somebody is there to answer: weekly hours, public holidays, single days that differ; and times counted in such hours. Pure.

A day's hours are pairs of minutes since midnight, local time; 24:00 is 1440. A day that is closed has none. Changes of summer time are
followed, because each day's hours are placed in its own zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays

DAY = timedelta(days=1)
MINUTES = 24 * 60
# A target that is not reached within this many days of opening hours is never reached.
LONGEST_DAYS = 400
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COUNTRIES = ("HK", "TW", "JP", "SG", "MO")

Spans = Sequence[tuple[int, int]]


class BadHours(ValueError):
    """Hours that cannot be read; the message says which and how they are written."""


@dataclass(frozen=True, slots=True)
class Hours:
    """`week`: spans of each weekday, Monday 0. `days`: spans of single days, before all else. `country`: whose holidays are closed."""

    zone: str = "UTC"
    week: Mapping[int, Spans] = field(default_factory=dict)
    days: Mapping[date, Spans] = field(default_factory=dict)
    country: str = ""

    def spans_of(self, day: date) -> Spans:
        if day in self.days:
            return self.days[day]
        if self.country and is_holiday(self.country, day):
            return ()
        return self.week.get(day.weekday(), ())

    def is_open(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self._openings(at - DAY, at + DAY))

    def seconds_between(self, start: datetime, end: datetime) -> int:
        """Opening seconds from one moment to a later one; 0 the other way round."""
        total = timedelta()
        for opens, closes in self._openings(start - DAY, end):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta())
        return int(total.total_seconds())

    def after(self, start: datetime, seconds: int) -> datetime | None:
        """The moment at which so many opening seconds have passed; None when the place does not open that long within 400 days."""
        left = timedelta(seconds=seconds)
        for opens, closes in self._openings(start - DAY, start + LONGEST_DAYS * DAY):
            here = closes - max(opens, start)
            if here <= timedelta():
                continue
            if left <= here:
                return max(opens, start) + left
            left -= here
        return None

    def next_opening(self, at: datetime) -> datetime | None:
        """`at` itself when it is open then."""
        return self.after(at, 0)

    def _openings(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The openings that touch the time, in order, in UTC."""
        zone = ZoneInfo(self.zone)
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        while day <= last:
            for first, until in self.spans_of(day):
                yield _moment(day, first, zone), _moment(day, until, zone)
            day += DAY


ALWAYS = Hours(week=dict.fromkeys(range(7), ((0, MINUTES),)))


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    carried = day + timedelta(days=minute // MINUTES)
    return datetime.combine(carried, time(minute % MINUTES // 60, minute % 60), zone).astimezone(UTC)


@lru_cache(maxsize=64)
def _holidays(country: str, year: int) -> frozenset[date]:
    if country not in COUNTRIES:
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=year))


def is_holiday(country: str, day: date) -> bool:
    """A public holiday, by the package `holidays`; countries that are not listed have none."""
    return day in _holidays(country, day.year)


def read_spans(text: str) -> Spans:
    """`09:00-12:30, 14:00-18:00` as minutes; '' or '-' is closed. Raises `BadHours`."""
    wanted = text.strip()
    if wanted in {"", "-"}:
        return ()
    spans = sorted(_span(part) for part in wanted.replace("、", ",").replace(";", ",").split(","))
    for (_, end), (start, _later) in pairwise(spans):
        if start < end:
            raise BadHours(f"{wanted}: two times overlap")
    return tuple(spans)


def _span(part: str) -> tuple[int, int]:
    first, mark, last = part.strip().replace("–", "-").replace("~", "-").partition("-")
    if not mark:
        raise BadHours(f"{part.strip()}: write it as 09:00-18:00")
    start, end = _minute(first), _minute(last)
    if end <= start:
        # Past midnight, such as 18:00-02:00.
        end += MINUTES
    return start, end


def _minute(text: str) -> int:
    hour, mark, minute = text.strip().partition(":")
    if not (mark and hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()):
        raise BadHours(f"{text.strip()}: write it as 09:00")
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > MINUTES:
        raise BadHours(f"{text.strip()}: there is no such time")
    return value


def written(spans: Spans) -> str:
    """The spans as people write them."""
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans)


def _clock(minute: int) -> str:
    shown = minute if minute <= MINUTES else minute - MINUTES
    return f"{shown // 60:02d}:{shown % 60:02d}"


def read_days(text: str) -> dict[date, Spans]:
    """One day a line, `2026-12-31 09:00-15:00` or `2027-01-02 -` for closed. Raises `BadHours` with the line."""
    found: dict[date, Spans] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        day, _, spans = line.partition(" ")
        try:
            found[date.fromisoformat(day)] = read_spans(spans)
        except ValueError as error:
            reason = str(error) if isinstance(error, BadHours) else "a line begins with the day, such as 2026-12-31"
            raise BadHours(f"{line}: {reason}") from None
    return found
