"""To have single records of a CRM read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from scrm.core import clock, jobs
from scrm.core.rows import insert_or
from scrm.sync.models import Pull


def ask(connection_id: int, records: Iterable[tuple[str, str]], *, at: datetime | None = None, reason: str = "") -> int:
    """Have these (kind, id) read, now or at a time. A new reason begins the attempts anew and revives what was dead."""
    now = clock.now()
    rows = [
        Pull(connection_id=connection_id, kind=kind, external_id=each[:100], due_at=at or now, asked_at=now, last_error=reason[:500])
        for kind, each in sorted(set(records))
        if each
    ]
    if rows:
        with transaction.atomic():
            insert_or(
                Pull,
                rows,
                "ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET wanted = sync_pull.wanted + 1, state = 'due', attempts = 0, "
                "due_at = CASE WHEN sync_pull.state = 'due' AND sync_pull.due_at < excluded.due_at THEN sync_pull.due_at "
                "ELSE excluded.due_at END, last_error = excluded.last_error, asked_at = excluded.asked_at",
            )
            jobs.wake_on_commit("pull")
    return len(rows)
