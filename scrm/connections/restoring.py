"""After a restore nobody is written to before a person has looked: campaigns and reminders stand where they stood at the backup."""

from __future__ import annotations

from collections.abc import Callable

from scrm.connections import breaker
from scrm.connections.alerts import raise_alert
from scrm.connections.models import Connection
from scrm.connections.sentences import RESTORED, RESTORED_ADVICE


def pause_channels(say: Callable[[str], None]) -> None:
    held = [row for row in Connection.objects.filter(kind="channel").order_by("pk") if breaker.pause(row, by="restore", reason=RESTORED)]
    if held:
        raise_alert("restored", text=RESTORED, advice=RESTORED_ADVICE)
    say(f"{len(held)} numbers and accounts are paused until a person lets them go on their pages")
