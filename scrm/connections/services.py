"""Connections for the rest of the product, and the only way to an adapter."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scrm.connections import breaker
from scrm.connections.adapters import account_of, adapters, capabilities_of, channel_of, config_fields, crm_of, explain_error, fingerprint
from scrm.connections.breaker import callable_q, is_callable_now, report_failure, report_success
from scrm.connections.health import check_now, remember_facts
from scrm.connections.models import Connection
from scrm.connections.snapshots import ConnectionSnapshot, by_slug, forget

__all__ = [
    "ConnectionSnapshot",
    "account_of",
    "adapters",
    "by_slug",
    "capabilities_of",
    "callable_q",
    "channel_of",
    "check_now",
    "config_fields",
    "crm_of",
    "explain_error",
    "fingerprint",
    "forget",
    "is_callable_now",
    "pause",
    "remember_facts",
    "report_failure",
    "report_success",
    "resume",
    "save_credentials",
    "upsert_connection",
]


@transaction.atomic
def upsert_connection(slug: str, **values: Any) -> Connection:
    """Make the connection with this slug hold these values, all others stay. Repeating it changes nothing more.

    Changed settings or secrets end 'needs new credentials' and 'a setting is wrong'.
    """
    row = Connection.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        row = Connection(slug=slug, **values)
        row.full_clean()
        row.save()
        return row
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.full_clean()
        row.save(update_fields=changed)
    if {"settings", "secrets", "adapter"} & set(changed) and breaker.restore(row):
        row.refresh_from_db()
    return row


def save_credentials(connection: Connection, *, settings: dict[str, str], secrets: dict[str, str]) -> Connection:
    """New settings and secrets from a form. An empty secret keeps the stored one, for a form never shows it."""
    kept = {**(connection.secrets or {}), **{name: value for name, value in secrets.items() if value}}
    return upsert_connection(connection.slug, settings={**(connection.settings or {}), **settings}, secrets=kept)


def pause(connection: Connection, *, by: str, reason: str = "") -> bool:
    """Stop all calls until a person resumes. False when it is paused already."""
    return breaker.pause(connection, by=by, reason=reason)


def resume(connection: Connection) -> bool:
    """End a person's pause; False when there is none."""
    return breaker.resume(connection)
