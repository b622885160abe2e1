"""The nightly backup of the workers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from scrm.core import clock, jobs
from scrm.core.backup.beside import bring_together
from scrm.core.backup.places import place, shown
from scrm.core.backup.sealing import BackupError, seal
from scrm.core.models import BackupRun

# A run that failed is tried again after so long.
AGAIN = timedelta(hours=1)
# The data of the last verified backup may be so old.
LATE = timedelta(hours=26)
# A process that ends sooner than this, without a word in the database, could not even begin.
START_SECONDS = 20.0


def last_good() -> BackupRun | None:
    return BackupRun.objects.filter(state=BackupRun.State.DONE).order_by("-started_at", "-pk").first()


def is_late() -> bool:
    """Whether what the last verified backup holds is too old; before the first one, whether they have been failing for so long."""
    good = last_good() or BackupRun.objects.order_by("started_at").first()
    return good is not None and good.started_at < clock.now() - LATE


def is_due() -> bool:
    """From BACKUP_HOUR on, once a day; a failed one again an hour later."""
    if not settings.BACKUP_URL:
        return False
    now = clock.now()
    newest = BackupRun.objects.order_by("-started_at", "-pk").first()
    if newest is None or newest.started_at < _tonight(now):
        return True
    return newest.state == BackupRun.State.FAILED and newest.started_at < now - AGAIN


def _tonight(now: datetime) -> datetime:
    """When the last nightly backup had to begin."""
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    night = local.replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= local else night - timedelta(days=1)


@jobs.periodic("nightly backup", every=300)
def start_if_due() -> None:
    """In a process of its own: a backup takes longer than a job may, and must not die with a worker."""
    if is_due():
        start([sys.executable, str(settings.BASE_DIR / "manage.py"), "backup", "--background"])


def start(command: list[str]) -> None:
    begun_at = clock.now()
    with tempfile.TemporaryFile() as said:
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": said}
        process = subprocess.Popen(command, start_new_session=True, env=os.environ.copy(), **given)  # type: ignore[call-overload]  # noqa: S603
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(START_SECONDS)
        if not process.returncode or BackupRun.objects.filter(started_at__gte=begun_at).exists():
            return
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-400:] or f"the process ended with {process.returncode}"
    BackupRun.objects.create(
        place=shown(settings.BACKUP_URL)[:300],
        state=BackupRun.State.FAILED,
        started_at=begun_at,
        touched_at=clock.now(),
        ended_at=clock.now(),
        error=words,
    )


@jobs.periodic("erasure ledger beside the backups", every=300)
def copy_what_outlives() -> None:
    """A machine that is lost at noon must not take the morning's erasures with it."""
    if not settings.BACKUP_URL:
        return
    with contextlib.suppress(BackupError):  # the next backup says what is wrong with the place
        to = place(settings.BACKUP_URL)
        try:
            bring_together(to, seal())
        finally:
            to.close()
