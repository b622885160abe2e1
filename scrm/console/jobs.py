"""What runs in the background for the console."""

from __future__ import annotations

from scrm.console.inbox import typing_notices
from scrm.core import jobs

jobs.drain("typing notices")(typing_notices.send_due)
