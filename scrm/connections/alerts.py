"""Alerts: what a person must know or do, told once for as long as its cause lasts.

One open row for each key; a unique index holds that, so any number of workers may raise the same alert at the same moment. Raising it
again counts `times` up and takes the newest words; closing ends it, and the next cause opens a new row. Who reads them: every console
page, and by mail those in `ALERT_EMAILS` (one mail when an alert opens, one when it closes).
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from scrm.connections.models import Alert, Connection
from scrm.core import clock, jobs

logger = logging.getLogger(__name__)

MAIL_DRAIN: Final = "alert mails"
ATTEMPTS: Final = 5


def raise_alert(key: str, *, text: str, advice: str = "", level: str = Alert.Level.WARNING, connection: Connection | None = None) -> Alert:
    """Open the alert of this key, or count one more time on the open one. Safe for many workers at once, in or out of a transaction.

    `key` names the cause, e.g. "login:taipei-shop"; `text` says what happened and `advice` what to do, both at most 500 characters are
    kept and neither may hold a secret or what a customer wrote.
    """
    words = {"text": text[:500], "advice": advice[:500], "level": str(level)}
    for _attempt in range(ATTEMPTS):
        known = Alert.objects.filter(key=key, closed_at=None)
        if known.update(times=F("times") + 1, **words):
            row = known.first()
            if row is not None:
                return row
        try:
            with transaction.atomic():
                row = Alert.objects.create(key=key, connection_id=connection.pk if connection else None, raised_at=clock.now(), **words)
        except IntegrityError:
            continue  # another worker opened it between our look and our row
        logger.info("alert %s opened", key)
        jobs.wake_on_commit(MAIL_DRAIN)
        return row
    raise RuntimeError(f"the alert {key} opens and closes faster than it can be counted")


def close_alert(key: str) -> bool:
    """The cause is gone. False when no alert of this key is open."""
    closed = Alert.objects.filter(key=key, closed_at=None).update(closed_at=clock.now())
    if closed:
        logger.info("alert %s closed", key)
        jobs.wake_on_commit(MAIL_DRAIN)
    return bool(closed)


def open_alerts() -> QuerySet[Alert]:
    """What is open now, errors before warnings ('error' sorts before 'warning'), the newest first."""
    return Alert.objects.filter(closed_at=None).order_by("level", "-raised_at", "-pk")
