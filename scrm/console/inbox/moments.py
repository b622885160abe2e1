"""Moments that an agent chooses: in an hour, tomorrow, on Monday, or one that is typed; in the agent's own time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from scrm.core import clock

MORNING = 9
FURTHEST = timedelta(days=90)
# A typed minute that has just begun still counts as ahead.
LEAST = timedelta(seconds=30)


def _in_an_hour(now: datetime) -> datetime:
    return now + timedelta(hours=1)


def _tomorrow(now: datetime) -> datetime:
    return _at_nine(now, 1)


def _monday(now: datetime) -> datetime:
    return _at_nine(now, 7 - timezone.localtime(now).weekday())


def _at_nine(now: datetime, days: int) -> datetime:
    day = timezone.localtime(now) + timedelta(days=days)
    return day.replace(hour=MORNING, minute=0, second=0, microsecond=0)


PRESETS: dict[str, Callable[[datetime], datetime]] = {"hour": _in_an_hour, "tomorrow": _tomorrow, "monday": _monday}


def chosen(preset: str, typed: str) -> datetime:
    """The moment that is meant: a preset's name, or "at" with a typed local time. Raises `ValidationError` that says what to change."""
    now = clock.now()
    if preset in PRESETS:
        return PRESETS[preset](now)
    try:
        at = parse_datetime(typed.strip())
    except ValueError:
        at = None
    if preset != "at" or at is None:
        raise ValidationError(_("Choose when: a day and a time."))
    at = timezone.make_aware(at) if timezone.is_naive(at) else at
    if at < now + LEAST:
        raise ValidationError(_("That time is over. Choose a later one, or send it now."))
    if at > now + FURTHEST:
        raise ValidationError(_("Choose a time within the next 90 days."))
    return at
