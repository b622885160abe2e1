"""The one clock. Everything that asks what time it is asks here, so that tests can set it.

Times are aware and in UTC. Stamps that end in `_ms` are whole milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

# Clocks of hosts differ by less; what is due within this time need not be looked for.
MOST_SKEW = timedelta(seconds=2)

_frozen: datetime | None = None


def now() -> datetime:
    return _frozen or datetime.now(UTC)


def is_frozen() -> bool:
    """Whether somebody set the clock; then no other clock may be asked."""
    return _frozen is not None


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stand still at `at` (tests and back-tests); `advance` moves on inside."""
    global _frozen
    before, _frozen = _frozen, at
    try:
        yield
    finally:
        _frozen = before


def advance(by: timedelta) -> None:
    global _frozen
    if _frozen is None:
        raise RuntimeError("the clock runs by itself; use frozen() first")
    _frozen += by
