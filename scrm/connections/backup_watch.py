"""Alerts about backups: the last verified one is too old, the newest run failed, or the place has damaged what it holds."""

from __future__ import annotations

from django.conf import settings

from scrm.connections.alerts import close_alert, raise_alert
from scrm.connections.sentences import (
    BACKUP_ADVICE,
    BACKUP_DAMAGED,
    BACKUP_DAMAGED_ADVICE,
    BACKUP_FAILED,
    BACKUP_LATE,
    BACKUP_NEVER,
)
from scrm.core import backups, jobs
from scrm.core.models import BackupRun

LATE, FAILED, DAMAGED = "backup:late", "backup:failed", "backup:damaged"


@jobs.periodic("look at backups", every=300)
def look_at_backups() -> None:
    if not settings.BACKUP_URL:
        for key in (LATE, FAILED, DAMAGED):
            close_alert(key)
        return
    ended = BackupRun.objects.exclude(state=BackupRun.State.RUNNING).order_by("-started_at", "-pk").first()
    _say(LATE, BACKUP_LATE if backups.last_good() else BACKUP_NEVER, BACKUP_ADVICE, wanted=backups.is_late(), level="error")
    failed = ended is not None and ended.state == BackupRun.State.FAILED
    _say(FAILED, BACKUP_FAILED % {"error": ended.error if ended else ""}, BACKUP_ADVICE, wanted=failed, level="error")
    damaged = ended.damaged if ended else 0
    _say(DAMAGED, BACKUP_DAMAGED % {"count": damaged}, BACKUP_DAMAGED_ADVICE, wanted=damaged > 0, level="warning")


def _say(key: str, text: str, advice: str, *, wanted: bool, level: str) -> None:
    if wanted:
        raise_alert(key, text=text, advice=advice, level=level)
    else:
        close_alert(key)
