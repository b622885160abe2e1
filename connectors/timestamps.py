"""Times as vendors write them: seconds, milliseconds, digits in a string, ISO 8601, or nonsense."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from connectors.contracts import UNKNOWN_TIME

# WhatsApp was founded in 2009: nothing that it or a CRM tells us can be older, and no clock is right about 2100.
EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

# 1e11 seconds is the year 5138, 1e11 milliseconds is 1973: above it a number can only mean milliseconds.
MILLISECONDS_FROM = 1e11


def moment(value: Any) -> datetime | None:
    """The time in UTC, or None when it is missing, unreadable, before 2009 or after 2100. Never raises."""
    if isinstance(value, bool) or value is None:
        return None
    found = _from_number(float(value)) if isinstance(value, int | float) else _from_text(str(value).strip())
    return found if found is not None and EARLIEST <= found < LATEST else None


def moment_or_unknown(value: Any) -> datetime:
    """As `moment`, with `UNKNOWN_TIME` in place of None."""
    return moment(value) or UNKNOWN_TIME


def milliseconds(when: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, exact."""
    delta = when - UNKNOWN_TIME
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_milliseconds(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp // 1000, UTC).replace(microsecond=stamp % 1000 * 1000)


def _from_text(text: str) -> datetime | None:
    if len(text) > 64:
        return None
    if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", text, re.ASCII):
        return _from_number(float(text))
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_number(stamp: float) -> datetime | None:
    seconds = stamp / 1000 if abs(stamp) >= MILLISECONDS_FROM else stamp
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
