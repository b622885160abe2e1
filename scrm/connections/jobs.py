"""What runs in the background for this app."""

from __future__ import annotations

from scrm.connections import alert_mails
from scrm.connections.alerts import MAIL_DRAIN
from scrm.core import jobs

jobs.drain(MAIL_DRAIN)(alert_mails.send_due_mails)
