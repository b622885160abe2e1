"""The number-health governor: how fast a number sends, and whether promotions go, by what the platform and the recipients say.

It looks every 15 seconds at every channel. What speaks against a number slows it at once; it comes back step by step, a tenth of its full
speed at each look. Answers of people and service notices keep going at any speed (they go first); promotions stop when quality is low.

| what | speed | promotions |
|---|---|---|
| quality GREEN or not rated | full | go |
| quality YELLOW | half | go |
| quality RED | a tenth | stop |
| a fifth of the last messages failed for reasons of quality | half | go |
| half of them | a tenth | stop |
| a template was paused or flagged within the hour | three quarters | go |
| the platform says 'too fast' (130429) | half of what it was, at once | go |
| the platform says 'stop bulk' (131048, 131064) | as above | stop for a day |

When the messaging limit or the warm-up plan has room again (a higher tier, a day gone by), as many of those that waited for it as fit are
asked about at the same look, in their order.

The figures are ours, the platform publishes none. `full_speed` of a number is the platform's: 80, 1,000 or 20 a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from scrm.connections import sentences
from scrm.connections.changes import note_change
from scrm.connections.models import Connection, ConnectionChange
from scrm.conversations import reach
from scrm.conversations.models import Decision, Message, MessageTemplate, Pace
from scrm.conversations.pace import full_speed, locked_pace
from scrm.conversations.standing import limits_of
from scrm.core import clock, jobs

LOOK_EVERY = 15
STEP = 0.1
LEAST = 1.0
QUALITY = {"GREEN": 1.0, "YELLOW": 0.5, "RED": 0.1}
# Failures that say something about how people take what the number sends; others are faults.
TELLING_CODES = ("131026", "131048", "131049", "131050", "130472", "131064")
TROUBLE_WINDOW = timedelta(minutes=10)
# Fewer failures than this say nothing, whatever their share.
LEAST_FAILURES = 10
LAST_MESSAGES = 200
TEMPLATE_MEMORY = timedelta(hours=1)
MOST_WOKEN = 5000
REACH_RULES = ("messaging_limit", "warm_up")


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a number. `failing`: the share of the last messages that failed for reasons of quality, 0 to 1."""

    full: float
    quality: str = ""
    failing: float = 0.0
    troubled_templates: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    per_second: float
    promotions: bool
    reason: str


def target(signs: Signs) -> Course:
    """The speed that these signs allow. Pure."""
    factors = [(QUALITY.get(signs.quality, 1.0), sentences.QUALITY_IS % {"quality": signs.quality or "UNKNOWN"})]
    if signs.failing >= 0.5:
        factors.append((0.1, sentences.SHARE_FAILED % {"share": f"{signs.failing:.0%}"}))
    elif signs.failing >= 0.2:
        factors.append((0.5, sentences.SHARE_FAILED % {"share": f"{signs.failing:.0%}"}))
    if signs.troubled_templates:
        factors.append((0.75, sentences.TEMPLATES_IN_TROUBLE % {"count": signs.troubled_templates}))
    factor, reason = min(factors)
    promotions = signs.quality != "RED" and signs.failing < 0.5
    return Course(max(LEAST, signs.full * factor), promotions, reason if factor < 1 else "")


def next_speed(current: float, course: Course, full: float) -> float:
    """Down at once, up by a tenth of the full speed."""
    return course.per_second if course.per_second <= current else min(course.per_second, current + STEP * full)


def steer_all() -> None:
    """One look at every channel; safe to run at any time and twice."""
    for number in Connection.objects.filter(kind="channel").exclude(state=Connection.State.PAUSED).order_by("pk"):
        steer(number)


def steer_if_due(number: Connection, looked_at: datetime, now: datetime) -> None:
    """For whoever sends: a number in use is looked at in time even while the workers are too busy for their rounds."""
    if now - looked_at >= timedelta(seconds=LOOK_EVERY):
        steer(number)


def _shown(per_second: float, promotions: bool) -> str:
    return (sentences.SPEED if promotions else sentences.SPEED_WITHOUT_PROMOTIONS) % {"speed": f"{per_second:g}"}


def steer(number: Connection) -> Pace:
    """Look at one number and set its speed."""
    now = clock.now()
    signs = signs_of(number, now)
    course = target(signs)
    with transaction.atomic():
        row = locked_pace(number, now)
        speed = next_speed(row.per_second, course, signs.full)
        asked_to_stop = row.promotions_wait_until is not None and row.promotions_wait_until > now
        reason = course.reason or ("" if speed >= signs.full else sentences.COMING_BACK)
        if asked_to_stop:
            reason = row.reason
        changed = speed != row.per_second or course.promotions != row.promotions
        if changed:
            before, after = _shown(row.per_second, row.promotions), _shown(speed, course.promotions)
            note_change(number, ConnectionChange.Kind.SPEED, before, after, reason, at=now)
            row.changed_at = now
        freed = course.promotions and not row.promotions
        row.per_second, row.promotions, row.reason, row.looked_at = speed, course.promotions, reason[:500], now
        row.save(update_fields=["per_second", "promotions", "reason", "looked_at", "changed_at", "tokens", "refilled_at"])
    if freed:
        _wake_promotions(number, now)
    wake_for_reach(number, now)
    return row


def _wake_promotions(number: Connection, now: datetime) -> None:
    """What was put off for the number's sake is asked about again now; the law has the last word on each."""
    waiting = Message.objects.filter(connection=number, state="queued", category="marketing", due_at__gt=now)
    held = waiting.filter(decisions__rule="promotions_stopped").values_list("pk", flat=True)
    Message.objects.filter(pk__in=list(held[:MOST_WOKEN]), state="queued").update(due_at=now)
    jobs.wake("outbox")


def wake_for_reach(number: Connection, now: datetime) -> int:
    """Ask again about as many people as there is room for, first come first: how many messages. The law has the last word on each.

    What was asked about before and has not left yet is taken from the room, so that a slow number is not asked the same over and over.
    """
    room = _room(number, now)
    if room < 1:
        return 0
    queued = Message.objects.filter(connection=number, state="queued")
    waiting = list(_held_by_reach(queued.filter(due_at__gt=now)).order_by("priority", "pk").values_list("pk", flat=True)[:room])
    if not waiting:
        return 0
    leaving = _held_by_reach(queued.filter(due_at__lte=now)).count()
    woken = Message.objects.filter(pk__in=waiting[: max(room - leaving, 0)], state="queued").update(due_at=now)
    jobs.wake("outbox")
    return woken


def _held_by_reach(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Those to which the newest answer of the law was that there is no room."""
    newest = Decision.objects.filter(message=OuterRef("pk")).order_by("-pk").values("rule")[:1]
    return messages.annotate(newest_rule=Subquery(newest)).filter(newest_rule__in=REACH_RULES)


def _room(number: Connection, now: datetime) -> int:
    """People who may still be spoken to first today, by the platform's limit and the warm-up plan."""
    limits = limits_of(number, now)
    caps = ((reach.portfolio_key(number), limits.reach_cap), (reach.number_key(number), limits.warm_up_cap))
    bounds = [(key, cap) for key, cap in caps if cap is not None]
    reached = reach.read([key for key, _ in bounds], now) if bounds else {}
    return min([MOST_WOKEN, *(cap - reached.get(key, reach.Reached()).people for key, cap in bounds)])


def signs_of(number: Connection, now: datetime) -> Signs:
    """Read what is known; a number without trouble costs two small queries."""
    facts = number.facts or {}
    troubled = MessageTemplate.objects.filter(
        connection=number, status__in=("PAUSED", "FLAGGED", "DISABLED"), status_at__gte=now - TEMPLATE_MEMORY
    ).count()
    return Signs(full_speed(number), str(facts.get("quality", "")).upper(), _failing(number, now), troubled)


def _failing(number: Connection, now: datetime) -> float:
    failed = Message.objects.filter(connection=number, state="failed", failed_at__gte=now - TROUBLE_WINDOW, error_code__in=TELLING_CODES)
    count = failed.count()
    if count < LEAST_FAILURES:
        return 0.0
    # Only of a number that is sending now, so its newest messages are found near the table's end.
    newest = list(
        Message.objects.filter(connection=number, direction="out", created_at__gte=now - 2 * TROUBLE_WINDOW)
        .exclude(state__in=("queued", "claimed", "sending", "blocked", "cancelled"))
        .order_by("-pk")
        .values_list("pk", flat=True)[:LAST_MESSAGES]
    )
    if not newest:
        return 0.0
    return failed.filter(pk__gte=newest[-1]).count() / len(newest)
