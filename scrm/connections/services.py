"""Connections for the rest of the product, and the only way to an adapter."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from connectors.contracts import Health
from connectors.errors import ConnectorError
from scrm.connections import breaker, credentials, probes, sentences
from scrm.connections.adapters import (
    account_of,
    adapters,
    capabilities_of,
    channel_of,
    config_fields,
    crm_of,
    error_of,
    explain_error,
    fingerprint,
    geocoder_of,
    geocoding_table,
    signing_fields,
)
from scrm.connections.alerts import close_alert, open_alerts, raise_alert
from scrm.connections.breaker import callable_q, is_callable_now, is_untroubled, report_failure, report_success
from scrm.connections.changes import note_change
from scrm.connections.facts import remember_facts
from scrm.connections.models import Connection
from scrm.connections.snapshots import ConnectionSnapshot, by_slug, forget
from scrm.core import clock

__all__ = [
    "ConnectionSnapshot",
    "account_of",
    "adapters",
    "await_credentials",
    "by_slug",
    "capabilities_of",
    "callable_q",
    "channel_of",
    "check_now",
    "close_alert",
    "config_fields",
    "crm_of",
    "geocoder_of",
    "geocoding_table",
    "error_of",
    "explain_error",
    "fingerprint",
    "forget",
    "is_callable_now",
    "is_untroubled",
    "note_change",
    "open_alerts",
    "pause",
    "raise_alert",
    "remember_facts",
    "report_failure",
    "report_success",
    "resume",
    "save_credentials",
    "signing_fields",
    "upsert_connection",
]


@transaction.atomic
def upsert_connection(slug: str, **values: Any) -> Connection:
    """Make the connection with this slug hold these values, all others stay. Repeating it changes nothing more.

    Changed settings or secrets end 'needs new credentials' and 'a setting is wrong', and are tried soon; changed secrets are put on record.
    The portfolio that the settings name becomes the connection's, unless a person gave it another one.
    """
    row = Connection.objects.select_for_update().filter(slug=slug).first()
    values = _with_portfolio(row, values)
    if row is None:
        row = Connection(slug=slug, **values)
        row.credentials_changed_at = clock.now() if row.secrets else None
        row.full_clean()
        row.save()
        return row
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    before = dict(row.secrets or {})
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.full_clean()
        row.save(update_fields=changed)
    if {"settings", "secrets", "adapter"} & set(changed):
        _take_up(row, before)
        row.refresh_from_db()
    return row


def _with_portfolio(row: Connection | None, values: dict[str, Any]) -> dict[str, Any]:
    """Without its portfolio a number would be counted alone, and all of them together could exceed the limit that they share."""
    named = str((values.get("settings") or {}).get("portfolio_id") or "")
    if not named or "portfolio" in values:
        return values
    before = str((row.settings or {}).get("portfolio_id") or "") if row is not None else ""
    if row is not None and row.portfolio not in {"", before}:
        return values
    return {**values, "portfolio": named[:100]}


def _take_up(row: Connection, secrets_before: dict[str, str]) -> None:
    """New settings or secrets: whatever the old ones brought about is over until a call says otherwise."""
    secrets = row.secrets or {}
    renewed = sorted(name for name in secrets.keys() | secrets_before.keys() if secrets.get(name) != secrets_before.get(name))
    if renewed:
        row.credentials_changed_at = clock.now()
        if row.credentials_expire_at is not None and row.credentials_expire_at <= clock.now():
            row.credentials_expire_at = None
        row.save(update_fields=["credentials_changed_at", "credentials_expire_at"])
        note_change(row, "credentials", "", ", ".join(name for name in renewed if not name.startswith("previous_")), sentences.RENEWED)
        credentials.remind(row, clock.now())
    if not missing_fields(row):
        breaker.restore(row)
    probes.look_soon(row)


def missing_fields(connection: Connection) -> list[str]:
    """The settings and secrets without which its adapter cannot work; none for an adapter that is not installed."""
    try:
        fields = config_fields(connection.adapter)
    except ConnectorError:
        return []
    given = {**(connection.settings or {}), **(connection.secrets or {})}
    return [field.name for field in fields if field.required and not given.get(field.name)]


def await_credentials(connection: Connection) -> None:
    """A new connection that cannot work yet says so, and nothing is sent, read or looked at before its credentials are entered."""
    if missing_fields(connection):
        breaker.hold(connection, Connection.State.NEEDS_LOGIN, sentences.WITHOUT_CREDENTIALS)


def save_credentials(connection: Connection, *, settings: dict[str, str], secrets: dict[str, str]) -> Connection:
    """New settings and secrets from a form. An empty secret keeps the stored one, for a form never shows it.

    A replaced secret that webhooks are signed with is accepted for 24 hours more.
    """
    before = connection.secrets or {}
    kept = {**before, **{name: value for name, value in secrets.items() if value}}
    return upsert_connection(
        connection.slug,
        settings={**(connection.settings or {}), **settings},
        secrets=credentials.with_previous(before, kept, clock.now(), signing_fields(connection.adapter)),
    )


def check_now(connection: Connection) -> Health:
    """Call the platform once, put the look on record. Never raises a connector's error: it comes back as a `Health` that is not ok.

    A good answer ends every wait and every 'needs new credentials'; a person's pause stays. Must not run in a transaction.
    """
    return probes.look(connection, by_person=True)


def pause(connection: Connection, *, by: str, reason: str = "") -> bool:
    """Stop all calls until a person resumes. False when it is paused already."""
    return breaker.pause(connection, by=by, reason=reason)


def resume(connection: Connection) -> bool:
    """End a person's pause; False when there is none."""
    resumed = breaker.resume(connection)
    if resumed:
        await_credentials(connection)
    return resumed
