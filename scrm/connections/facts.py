"""What a platform says of an account: kept on the connection, and put on record where a change matters to people."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scrm.connections import sentences
from scrm.connections.changes import note_change
from scrm.connections.models import Connection, ConnectionChange

ON_RECORD = {"quality": ConnectionChange.Kind.QUALITY, "messaging_limit": ConnectionChange.Kind.TIER}


def remember_facts(connection: Connection, facts: dict[str, Any]) -> None:
    """Add to what the platform said about the account; None removes a fact. A new quality or messaging limit is put on record."""
    if not facts:
        return
    with transaction.atomic():
        row = Connection.objects.select_for_update().only("facts").get(pk=connection.pk)
        known = row.facts or {}
        merged = {name: value for name, value in {**known, **facts}.items() if value is not None}
        if merged != known:
            Connection.objects.filter(pk=row.pk).update(facts=merged)
            for name, kind in ON_RECORD.items():
                note_change(row, kind, _word(known.get(name)), _word(merged.get(name)), sentences.TOLD_BY_PLATFORM)
    connection.facts = merged


def _word(value: Any) -> str:
    return "" if value is None else str(value)
