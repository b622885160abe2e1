"""How much of a campaign goes out on a day. A campaign that would take more than four fifths of a limit goes in batches over the days.

A recipient is taken for three exchanges: the message, an answer and a reply to it (SPEC CP3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scrm.campaigns.models import Campaign
from scrm.conversations.policy import next_business_day
from scrm.conversations.standing import limits_of
from scrm.core.zones import business_day

EXCHANGES = 3
SHARE = 0.8
# A campaign that nothing bounds.
_ALL = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """`per_day`: None where it need not go in batches. `left`: how many may still be handed over today."""

    day: date
    of_day: int
    per_day: int | None
    left: int
    next_day: datetime


def per_day(campaign: Campaign, now: datetime) -> int | None:
    """How many of its people a business day of the number takes; None: all at once."""
    limits = limits_of(campaign.template.connection, now)
    reaches = [cap for cap in (limits.reach_cap, limits.warm_up_cap) if cap is not None]
    bounds = [int(SHARE * cap) for cap in reaches if campaign.eligible > SHARE * cap]
    if campaign.eligible * EXCHANGES > SHARE * limits.daily_cap:
        bounds.append(int(SHARE * limits.daily_cap / EXCHANGES))
    return max(1, min(bounds)) if bounds else None


def of(campaign: Campaign, now: datetime) -> Bounds:
    zone = campaign.template.connection.time_zone
    today = business_day(now, zone)
    done = campaign.of_day if campaign.day == today else 0
    most = per_day(campaign, now)
    left = _ALL if most is None else max(0, most - done)
    return Bounds(today, done, most, left, next_business_day(now, zone))


def calendar(campaign: Campaign, now: datetime, most: int = 14) -> list[tuple[date, int]]:
    """On which days how many will be handed over, from now on; at most so many days."""
    bounds = of(campaign, max(now, campaign.starts_at or now))
    waiting = campaign.eligible if campaign.started_at is None else campaign.recipients.filter(state="waiting").count()
    days: list[tuple[date, int]] = []
    day, left = bounds.day, bounds.left
    while waiting and len(days) < most:
        going = min(waiting, left)
        if going:
            days.append((day, going))
        waiting -= going
        day, left = day + timedelta(days=1), bounds.per_day or waiting
    return days
