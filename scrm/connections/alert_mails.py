"""Alerts by mail, to the addresses in `ALERT_EMAILS`: one mail when an alert opens, one when it closes.

A row is claimed by a conditional update of `mail_due_at` before its mail leaves; a process that dies in between makes a second mail
possible, never a lost one. An alert that opens again within half an hour of the last mail about its key waits for the rest of that time
and is not told at all when it closes meanwhile, so that something that flickers fills no inbox.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from scrm.connections.models import Alert
from scrm.connections.sentences import worded
from scrm.core import clock
from scrm.core.logs import trail

logger = logging.getLogger(__name__)

BATCH = 10
LEASE = timedelta(minutes=2)
QUIET = timedelta(minutes=30)
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=1)
ATTEMPTS = 12
# What opened before mails were switched on, or while nobody could be reached for a day, is no news any more.
NEWS = timedelta(days=1)


def send_due_mails() -> int:
    """The drain step: mail what is due; how many rows were settled. Does nothing without `ALERT_EMAILS`."""
    if not settings.ALERT_EMAILS:
        return 0
    now = clock.now()
    opened = Q(opening_told_at=None, raised_at__gt=now - NEWS)
    closed = Q(closing_told_at=None, closed_at__gt=now - NEWS) & ~Q(opening_told_at=None)
    due = Q(mail_due_at=None) | Q(mail_due_at__lte=now)
    rows = Alert.objects.filter(opened | closed, due, mail_attempts__lt=ATTEMPTS).select_related("connection").order_by("pk")[:BATCH]
    return sum(_settle(row, now) for row in rows)


def _settle(row: Alert, now: datetime) -> bool:
    mine = Alert.objects.filter(pk=row.pk, mail_due_at=row.mail_due_at, mail_attempts=row.mail_attempts)
    if row.opening_told_at is None and (quiet_until := _quiet_until(row, now)):
        if row.closed_at is not None:
            return bool(mine.update(opening_told_at=now, closing_told_at=now))
        return bool(mine.update(mail_due_at=quiet_until))
    if not mine.update(mail_due_at=now + LEASE, mail_attempts=F("mail_attempts") + 1):
        return False
    if not _send(row):
        wait = min(FIRST_RETRY * (1 << row.mail_attempts), LONGEST_RETRY)
        Alert.objects.filter(pk=row.pk).update(mail_due_at=now + wait)
        return True
    told = {"opening_told_at": row.opening_told_at or now, "mail_due_at": None, "mail_attempts": 0}
    Alert.objects.filter(pk=row.pk).update(**told, **({"closing_told_at": now} if row.closed_at else {}))
    return True


def _quiet_until(row: Alert, now: datetime) -> datetime | None:
    """Until when nothing more is mailed about this key, or None."""
    others = Alert.objects.filter(key=row.key, opening_told_at__gt=now - QUIET).exclude(pk=row.pk)
    latest = others.order_by("-opening_told_at").values_list("opening_told_at", flat=True).first()
    return latest + QUIET if latest else None


def _send(row: Alert) -> bool:
    with translation.override(settings.LANGUAGE_CODE):
        message = EmailMessage(_subject(row), _body(row), to=list(settings.ALERT_EMAILS))
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.warning("the mail about alert %s did not leave: %s", row.key, trail(error))
        return False
    return True


def _subject(row: Alert) -> str:
    state = _("Over") if row.closed_at else row.get_level_display()
    words = " ".join(f"[SCRM] {state}: {_about(row)}{worded(row.text)}".split())
    return words[:150]


def _about(row: Alert) -> str:
    return f"{row.connection.label}: " if row.connection is not None else ""


def _body(row: Alert) -> str:
    lines = [f"{_about(row)}{worded(row.text)}"]
    lines += [worded(row.advice)] if row.advice and not row.closed_at else []
    lines += ["", _("Since %(time)s") % {"time": _shown(row.raised_at)}]
    lines += [_("Over since %(time)s") % {"time": _shown(row.closed_at)}] if row.closed_at else []
    lines += [f"{settings.PUBLIC_URL}/admin/connections/alert/"]
    return "\n".join(lines)


def _shown(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"
