"""What a connection's page shows above its form: how the platform and the number are doing, and why the number sends as it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from scrm.connections import credentials, endpoints, probes
from scrm.connections.models import Alert, Connection, ConnectionChange, Probe
from scrm.connections.sentences import each_worded, worded
from scrm.console.inbox.wording import quality_name
from scrm.console.template_wording import status_name
from scrm.conversations import pace, prices, reach, warmup
from scrm.conversations.models import MessageTemplate, Pace
from scrm.core import clock
from scrm.sync import quiet
from scrm.sync.models import Kind, Push

SHOWN = timedelta(days=7)
MOST_PROBES = 500
# Nobody needs to know more exactly how many writes wait.
COUNTED = 10_000
PLAN_BEFORE, PLAN_AHEAD = 6, 7
# The chart's own units; a bar as high as the frame stands for this many milliseconds or more.
WIDTH, HEIGHT, TOP_MS = 700.0, 110.0, 3000
GOOD, WARN, BAD, CALM = "good", "warn", "bad", "calm"
QUALITY_COLOURS = {"GREEN": GOOD, "YELLOW": WARN, "RED": BAD}
TEMPLATE_COLOURS = {"APPROVED": GOOD, "PENDING": CALM, "PAUSED": WARN, "REJECTED": BAD, "DISABLED": BAD}


@dataclass(frozen=True, slots=True)
class Bar:
    """One look in the chart, in its units."""

    x: float
    y: float
    height: float
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class PlanDay:
    """`people` the plan allows; `used` how many were spoken to first, None for a day to come; `share` of the plan in percent, to 100."""

    number: int
    day: date
    people: int
    used: int | None
    quality: str
    today: bool

    @property
    def share(self) -> int:
        return min(100, round(100 * (self.used or 0) / self.people))


def panel(connection: Connection) -> dict[str, Any]:
    """All that the page's template needs; about ten queries, whatever there is to show."""
    shared = {
        "row": connection,
        "alerts": list(Alert.objects.filter(connection=connection, closed_at=None).order_by("level", "-raised_at")[:10]),
        "changes": list(ConnectionChange.objects.filter(connection=connection).order_by("-at", "-pk")[:12]),
        "standby": endpoints.has_standby(connection),
        "rotate_at": credentials.rotation_due_at(connection),
        "reminder": credentials.reminder_for(connection, clock.now()),
        **looks(connection),
    }
    if connection.kind == Connection.Kind.CRM:
        return shared | {"writes": writes(connection)}
    return shared | (number(connection) if connection.kind == Connection.Kind.CHANNEL else {})


def writes(connection: Connection) -> dict[str, Any]:
    """What waits to be written to a CRM, and its quiet hours: until when, and what is written all the same."""
    waiting = Push.objects.filter(connection=connection, state=Push.State.DUE)[: COUNTED + 1].count()
    kinds, ends = dict(Kind.choices), quiet.until(connection, clock.now())
    return {
        "waiting": f"{COUNTED}+" if waiting > COUNTED else str(waiting),
        "quiet": bool(connection.quiet_from and connection.quiet_to),
        "until": time_format(ends, "H:i") if ends is not None else "",
        "urgent": [kinds[kind] for kind in quiet.urgent(connection)],
    }


def value_name(kind: str, value: str) -> str:
    """What a change of this kind led from or to, in the reader's language."""
    if kind == ConnectionChange.Kind.STATE:
        return str(dict(Connection.State.choices).get(value, value))
    if kind == ConnectionChange.Kind.ENDPOINT:
        return str(dict(Connection.Endpoint.choices).get(value, value))
    return quality_name(value) if kind == ConnectionChange.Kind.QUALITY and value else worded(value)


# --- the platform -----------------------------------------------------------------------------------------------------


def looks(connection: Connection) -> dict[str, Any]:
    """The looks of the last seven days, drawn and summed up."""
    now = clock.now()
    rows = Probe.objects.filter(connection=connection, at__gt=now - SHOWN).order_by("-at")[:MOST_PROBES]
    found = list(reversed(rows))
    answered = [probe.milliseconds for probe in found if probe.ok]
    return {
        "bars": [_bar(probe, now, ZoneInfo(connection.time_zone)) for probe in found],
        "lines": [{"y": _y(ms), "label": f"{ms} ms"} for ms in (probes.NORMAL_MS, probes.SLOW_MS)],
        "days": _days(connection, now),
        "latest": found[-1] if found else None,
        "latest_colour": _colour(found[-1]) if found else "",
        "median_ms": round(median(answered)) if answered else None,
        "normal_share": round(100 * sum(ms < probes.NORMAL_MS for ms in answered) / len(found)) if found else None,
        "bad_count": sum(probes.is_bad(probe) for probe in found),
        "looks_count": len(found),
    }


def _bar(probe: Probe, now: datetime, zone: ZoneInfo) -> Bar:
    y = _y(probe.milliseconds) if probe.ok else 0.0
    words = _("%(ms)s ms") % {"ms": probe.milliseconds} if probe.ok else each_worded(probe.detail) or _("no answer")
    title = f"{probe.at.astimezone(zone):%m-%d %H:%M} · {probe.get_endpoint_display()} · {words}"
    return Bar(_x(probe.at, now), y, max(HEIGHT - y, 2.0), _colour(probe), title)


def _colour(probe: Probe) -> str:
    if probes.is_bad(probe):
        return BAD
    return GOOD if probe.milliseconds < probes.NORMAL_MS else WARN


def _x(at: datetime, now: datetime) -> float:
    return round(WIDTH * (1 - (now - at) / SHOWN), 1)


def _y(milliseconds: int) -> float:
    return round(HEIGHT * (1 - min(milliseconds, TOP_MS) / TOP_MS), 1)


def _days(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Where each of the connection's own days begins."""
    zone = ZoneInfo(connection.time_zone)
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=number) for number in range(SHOWN.days)]
    return [{"x": _x(datetime.combine(day, datetime.min.time(), zone), now), "day": day} for day in reversed(days)]


# --- the number -------------------------------------------------------------------------------------------------------


def number(connection: Connection) -> dict[str, Any]:
    """Quality, limits, speed, warm-up and templates of a number."""
    facts = connection.facts or {}
    quality = str(facts.get("quality", "")) or "UNKNOWN"
    keys = (reach.portfolio_key(connection), reach.number_key(connection))
    reached = reach.read(keys, clock.now())
    return {
        "is_channel": True,
        "quality_name": quality_name(quality),
        "quality_colour": QUALITY_COLOURS.get(quality, CALM),
        "limit": warmup.limit_of(connection),
        "reached": reached[keys[0]].people if keys[0] in reached else 0,
        "warmed_up": reached[keys[1]].people if keys[1] in reached else 0,
        "pace": Pace.objects.filter(connection=connection).first(),
        "full_speed": pace.full_speed(connection),
        "plan": plan(connection),
        "plan_cap": warmup.cap_for(connection),
        "templates": templates(connection),
        "cost": prices.cost_of(connection, since=month_of(connection)),
    }


def month_of(connection: Connection) -> datetime:
    """Where the connection's own month begins."""
    local = clock.now().astimezone(ZoneInfo(connection.time_zone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def plan(connection: Connection) -> list[PlanDay]:
    """The warm-up's days around today; empty without a warm-up, or when it is over for more than a week."""
    began = connection.warm_up_from
    if began is None:
        return []
    today = clock.now().astimezone(ZoneInfo(connection.time_zone)).date()
    reached_today = min(max((today - began).days, 0), warmup.LONGEST_DAYS)
    people = warmup.plan_of(connection, reached_today + 1 + PLAN_AHEAD)
    known = warmup.quality_by_day(connection, began, reached_today)
    end = (
        people.index(warmup.bound_of(warmup.limit_of(connection)))
        if warmup.bound_of(warmup.limit_of(connection)) in people
        else len(people)
    )
    first = max(reached_today - PLAN_BEFORE, 0)
    used = warmup.used_by_day(connection, began + timedelta(days=first), today)
    return [
        PlanDay(
            index + 1,
            began + timedelta(days=index),
            people[index],
            used.get(began + timedelta(days=index), 0) if began + timedelta(days=index) <= today else None,
            quality_name(known[index]) if index < len(known) else "",
            index == reached_today,
        )
        for index in range(first, min(end + 1, len(people)))
    ]


def templates(connection: Connection) -> list[dict[str, Any]]:
    """How many templates have each status, the most frequent first."""
    rows = MessageTemplate.objects.filter(connection=connection).values("status").annotate(count=Count("pk")).order_by("-count")
    return [
        {
            "status": row["status"],
            "name": status_name(row["status"]),
            "count": row["count"],
            "colour": TEMPLATE_COLOURS.get(row["status"], CALM),
        }
        for row in rows
    ]
