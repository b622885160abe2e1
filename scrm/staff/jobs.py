"""What runs in the background for the staff: old sessions and old attempts to log in are forgotten."""

from __future__ import annotations

from django.contrib.sessions.models import Session

from scrm.core import clock, jobs
from scrm.staff import guessing

DAY = 24 * 3600


@jobs.periodic("forget old log-ins", every=DAY)
def forget_old() -> None:
    now = clock.now()
    guessing.forget_old(now)
    Session.objects.filter(expire_date__lt=now).delete()
