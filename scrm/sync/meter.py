"""Counting what the sync does. A count that cannot be written is lost, and nothing else with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, transaction

from scrm.core import clock
from scrm.core.logs import trail
from scrm.core.rows import insert_or
from scrm.sync.models import SyncHour

logger = logging.getLogger(__name__)

QUICK = timedelta(seconds=3)
KEPT = timedelta(days=100)
_SUMS = ("written", "quick", "latency_ms", "read", "retried", "dead", "calls", "failed_calls", "call_ms")
_ADD = ", ".join(f"{name} = sync_synchour.{name} + excluded.{name}" for name in _SUMS)


def count(connection_id: int, **sums: int) -> None:
    """Add to the sums of this hour, see `SyncHour`."""
    row = SyncHour(connection_id=connection_id, hour=clock.now().replace(minute=0, second=0, microsecond=0), **sums)
    try:
        with transaction.atomic():
            insert_or(SyncHour, [row], f"ON CONFLICT (connection_id, hour) DO UPDATE SET {_ADD}")
    except DatabaseError as error:
        logger.warning("a count of the sync is lost: %s", trail(error))


@contextmanager
def called(connection_id: int) -> Iterator[None]:
    """Around one call to the CRM: how long it took and whether it failed."""
    began, failed = time.monotonic(), 1
    try:
        yield
        failed = 0
    finally:
        count(connection_id, calls=1, failed_calls=failed, call_ms=int((time.monotonic() - began) * 1000))


def forget_old() -> int:
    return int(SyncHour.objects.filter(hour__lt=clock.now() - KEPT).delete()[0])
