"""How far a person is from buying, and how lively they are. Pure: decided from a few figures, which `portrait.py` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# After so many days of silence what is new counts half as much.
HALF_LIFE_DAYS = 30.0
# Who wrote on so many days of the last ninety is as active as can be.
MOST_ACTIVE_DAYS = 10
ACTIVE_WITHIN = timedelta(days=90)


class Grade(StrEnum):
    HIGH = "high"
    POTENTIAL = "potential"
    LOST = "lost"
    QUIET = "quiet"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`settings.GRADES`; days are whole days of 24 hours."""

    high_questions: int = 3
    high_days: int = 7
    potential_days: int = 30
    lost_days: int = 60


def grade_of(*, questions: int, heard_at: datetime | None, now: datetime, limits: Thresholds) -> Grade:
    """The first that holds.

    high: at least `high_questions` messages that name a product within `high_days`. potential: wrote within `potential_days`.
    lost: wrote once, and nothing for `lost_days` or more. quiet: in between. new: never wrote.
    """
    if heard_at is None:
        return Grade.NEW
    if questions >= limits.high_questions:
        return Grade.HIGH
    silent = now - heard_at
    if silent < timedelta(days=limits.potential_days):
        return Grade.POTENTIAL
    return Grade.LOST if silent >= timedelta(days=limits.lost_days) else Grade.QUIET


def days_written(times: Sequence[datetime], now: datetime) -> int:
    """On how many different days (UTC) of the last ninety something was written."""
    return len({at.date() for at in times if now - ACTIVE_WITHIN <= at <= now})


def activity(*, heard_at: datetime | None, days: int, now: datetime) -> int:
    """0 to 100: half for how lately they wrote (halved every thirty days), half for on how many days of the last ninety (ten are all)."""
    if heard_at is None:
        return 0
    silent = max((now - heard_at).total_seconds(), 0.0) / 86400
    return round(50 * 0.5 ** (silent / HALF_LIFE_DAYS) + 50 * min(days / MOST_ACTIVE_DAYS, 1.0))
