"""What runs in the background for this app."""

from __future__ import annotations

from scrm.connections import alert_mails, backup_watch, credentials, probes  # noqa: F401 - the watch registers itself
from scrm.connections.alerts import MAIL_DRAIN
from scrm.core import jobs

jobs.drain(MAIL_DRAIN)(alert_mails.send_due_mails)


@jobs.periodic("look at connections", every=20)
def look_at_connections() -> None:
    probes.look_at_due()


@jobs.periodic("remind of credentials", every=3600)
def remind_of_credentials() -> None:
    credentials.remind_all()


@jobs.periodic("forget old looks", every=86400)
def forget_old_looks() -> None:
    probes.forget_old()
