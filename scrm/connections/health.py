"""The administrator's test call, and what it changes."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import transaction

from connectors.contracts import Health
from connectors.errors import ConnectorError
from scrm.connections import adapters, breaker
from scrm.connections.models import Connection


def check_now(connection: Connection) -> Health:
    """Call the platform once. Never raises a connector's error: it comes back as a `Health` that is not ok.

    A good answer ends every wait and every 'needs new credentials'; a person's pause stays. Must not run in a transaction.
    """
    began = time.monotonic()
    try:
        adapter = adapters.channel_of(connection) if connection.kind == Connection.Kind.CHANNEL else adapters.crm_of(connection)
        health = adapter.check()
    except ConnectorError as error:
        breaker.report_failure(connection, error)
        return Health(ok=False, latency=timedelta(seconds=time.monotonic() - began), detail=str(error))
    if health.ok:
        breaker.restore(connection)
        remember_facts(connection, dict(health.facts))
    return health


def remember_facts(connection: Connection, facts: dict[str, Any]) -> None:
    """Add to what the platform said about the account; None removes a fact."""
    if not facts:
        return
    with transaction.atomic():
        row = Connection.objects.select_for_update().only("facts").get(pk=connection.pk)
        merged = {name: value for name, value in {**(row.facts or {}), **facts}.items() if value is not None}
        if merged != row.facts:
            Connection.objects.filter(pk=row.pk).update(facts=merged)
    connection.facts = merged
