"""The history of a connection: rows are added, never changed."""

from __future__ import annotations

from datetime import datetime

from scrm.connections.models import Connection, ConnectionChange
from scrm.core import clock

TOLD_TWICE = frozenset({ConnectionChange.Kind.QUALITY, ConnectionChange.Kind.TIER})


def note_change(
    connection: Connection, kind: str, before: str, after: str, reason: str = "", *, at: datetime | None = None
) -> ConnectionChange | None:
    """Put a change on record; None when nothing changed. `kind` is one of `ConnectionChange.Kind`, `reason` holds no secrets.

    A quality or messaging limit that is on record as the newest already is no change: a look and a webhook may tell of the same one.
    Writes inside the caller's transaction, so that the change and its record stand or fall together.
    """
    if before == after or (kind in TOLD_TWICE and _newest(connection, kind) == after[:100]):
        return None
    return ConnectionChange.objects.create(
        connection_id=connection.pk,
        kind=kind,
        before=before[:100],
        after=after[:100],
        reason=reason[:500],
        at=at or clock.now(),
    )


def _newest(connection: Connection, kind: str) -> str | None:
    rows = ConnectionChange.objects.filter(connection_id=connection.pk, kind=kind)
    return rows.order_by("-pk").values_list("after", flat=True).first()
