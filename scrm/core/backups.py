"""The nightly backup of the workers."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from scrm.core import clock, jobs
from scrm.core.models import BackupRun

# A run that failed is tried again after so long, within the same night.
AGAIN = timedelta(hours=1)
LATE = timedelta(hours=26)


def last_good() -> BackupRun | None:
    return BackupRun.objects.filter(state="done").order_by("-started_at").first()


def is_due() -> bool:
    """From BACKUP_HOUR on, once a day; a failed one again an hour later."""
    if not settings.BACKUP_URL:
        return False
    now = clock.now()
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    night = local.replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    night = night if night <= local else night - timedelta(days=1)
    newest = BackupRun.objects.order_by("-started_at").first()
    if newest is None or newest.started_at < night:
        return True
    return newest.state == BackupRun.State.FAILED and newest.started_at < now - AGAIN


@jobs.periodic("nightly backup", every=300)
def start_if_due() -> None:
    """In a process of its own: a backup takes longer than a job may, and must not die with a worker."""
    if is_due():
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "backup", "--format", "json"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, env=os.environ.copy())  # noqa: S603
