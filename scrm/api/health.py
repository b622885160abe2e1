"""Is this process fit to serve? Each check says ok or why not, in words without secrets.

`/readyz` is asked every few seconds by balancers, so every check is one indexed row or less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max

from scrm.contacts.privacy.checks import pending
from scrm.core import backups, clock
from scrm.core.models import Heartbeat
from scrm.intake import spool
from scrm.intake.models import InboundEvent

OLDEST_HEARTBEAT = timedelta(seconds=90)
OLDEST_BODY = timedelta(minutes=5)
MIGRATIONS_ASKED_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """`why` explains a failure, and with a passing check names the figure that was looked at."""

    name: str
    ok: bool
    why: str = ""


def checks() -> list[Check]:
    database = _guarded("database", _database)
    if not database.ok:
        rest = ("migrations", "worker", "inbound", "erasures", "backup")
        return [database, _guarded("spool", _spool), *(Check(name, False, "cannot be known without the database") for name in rest)]
    return [
        database,
        _guarded("migrations", _migrations),
        _guarded("spool", _spool),
        _guarded("worker", _worker),
        _guarded("inbound", _inbound),
        _guarded("erasures", _erasures),
        _guarded("backup", _backup),
    ]


def _guarded(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    """Only the kind of an error is told: its text may hold addresses and account names."""
    try:
        return Check(name, *check())
    except (Error, OSError) as error:
        return Check(name, False, type(error).__name__)


def _database() -> tuple[bool, str]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return True, ""


class _Migrations:
    """Applied migrations stay applied while a process lives, so a yes is kept for good and a no for a few seconds."""

    applied = False
    asked_at = -MIGRATIONS_ASKED_EVERY
    missing = 0


def _migrations() -> tuple[bool, str]:
    if not _Migrations.applied and time.monotonic() - _Migrations.asked_at >= MIGRATIONS_ASKED_EVERY:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        _Migrations.missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        _Migrations.applied = not _Migrations.missing
        _Migrations.asked_at = time.monotonic()
    return _Migrations.applied, "" if _Migrations.applied else f"{_Migrations.missing} not applied; run manage.py migrate"


def _spool() -> tuple[bool, str]:
    state = spool.state()
    size = f"{state.files} files, {state.bytes} of {settings.SPOOL_LIMIT_BYTES} bytes"
    return state.accepting, size if state.accepting else f"takes nothing more: {size}, or the disk is full or read-only"


def heartbeat_age() -> timedelta | None:
    """Since the most recent sign of life of any worker; None when there never was one."""
    return _age(Heartbeat.objects.aggregate(latest=Max("beaten_at"))["latest"])


def oldest_body_age() -> timedelta | None:
    """How long the first body in the ledger has waited to be read; None when none waits."""
    return _age(InboundEvent.objects.exclude(state=InboundEvent.State.DONE).order_by("id").values_list("received_at", flat=True).first())


def _age(at: datetime | None) -> timedelta | None:
    return None if at is None else max(clock.now() - at, timedelta())


def _worker() -> tuple[bool, str]:
    age = heartbeat_age()
    if age is None:
        return False, "no worker has ever reported"
    return age < OLDEST_HEARTBEAT, f"last sign of life {age.total_seconds():.0f} s ago"


def _erasures() -> tuple[bool, str]:
    back = pending()
    return not back, f"{back} erased people are back from an older copy; run manage.py erasures replay" if back else ""


def backup_age() -> timedelta | None:
    """Since the moment that the last verified backup holds; None when there is none."""
    good = backups.last_good()
    return _age(good.started_at if good else None)


def _backup() -> tuple[bool, str]:
    """A late backup is told, and the alert tells it to people; who asks here must not take us out of service for it."""
    if not settings.BACKUP_URL:
        return True, "none is made: BACKUP_URL is not set"
    age = backup_age()
    late = "late: " if backups.is_late() else ""
    return True, f"{late}none yet" if age is None else f"{late}the last verified one is {age.total_seconds() / 3600:.1f} h old"


def _inbound() -> tuple[bool, str]:
    age = oldest_body_age()
    if age is None:
        return True, "nothing waits"
    return age < OLDEST_BODY, f"the oldest received body has waited {age.total_seconds():.0f} s"
