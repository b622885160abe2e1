"""The history of a connection: rows are added, never changed."""

from __future__ import annotations

from datetime import datetime

from scrm.connections.models import Connection, ConnectionChange
from scrm.core import clock


def note_change(
    connection: Connection, kind: str, before: str, after: str, reason: str = "", *, at: datetime | None = None
) -> ConnectionChange | None:
    """Put a change on record; None when nothing changed. `kind` is one of `ConnectionChange.Kind`, `reason` holds no secrets.

    Writes inside the caller's transaction, so that the change and its record stand or fall together.
    """
    if before == after:
        return None
    return ConnectionChange.objects.create(
        connection_id=connection.pk,
        kind=kind,
        before=before[:100],
        after=after[:100],
        reason=reason[:500],
        at=at or clock.now(),
    )
