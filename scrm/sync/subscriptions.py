"""A CRM's promise to call us, kept alive: asked for once and renewed every day, long before it ends. Polling goes on beside it."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

from django.conf import settings

from connectors.contracts import Subscriber
from connectors.errors import ConnectorError
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.core.logs import trail
from scrm.sync.preparing import ready

logger = logging.getLogger(__name__)

FACT = "subscription"
TOKEN = "webhook_token"  # noqa: S105 - the name of the secret
EVERY = timedelta(days=1)


def address_of(connection: Connection) -> str:
    """Where the CRM posts to."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/crm/{connection.slug}/"


def renew_all() -> int:
    """Ask every CRM for its notices whose last promise is a day old or ends within one. Returns how many were renewed."""
    now = clock.now()
    crms = Connection.objects.filter(connections.callable_q(now), kind=Connection.Kind.CRM)
    return sum(_renew(connection, now) for connection in crms if _is_due(connection, now))


def _is_due(connection: Connection, now: datetime) -> bool:
    known = (connection.facts or {}).get(FACT) or {}
    if known.get("url") != address_of(connection):
        return True
    ends_at = known.get("ends_at")
    soon = ends_at is not None and datetime.fromisoformat(ends_at) < now + EVERY
    return soon or datetime.fromisoformat(known["asked_at"]) <= now - EVERY


def _renew(connection: Connection, now: datetime) -> bool:
    crm = ready(connection) if connections.is_callable_now(connection, now) else None
    if not isinstance(crm, Subscriber):
        return False
    try:
        made = crm.subscribe(address_of(connection), _token(connection))
    except ConnectorError as error:
        connections.report_failure(connection, error)
        return False
    except Exception as error:
        logger.error("connection %s: its notices cannot be asked for: %s", connection.slug, trail(error))
        return False
    ends_at = made.ends_at.isoformat() if made.ends_at else None
    fact = {"external_id": made.external_id, "ends_at": ends_at, "url": address_of(connection), "asked_at": now.isoformat()}
    connections.remember_facts(connection, {FACT: fact})
    return True


def _token(connection: Connection) -> str:
    """A random token of this connection, for CRMs that sign nothing; made once."""
    known = str((connection.secrets or {}).get(TOKEN, ""))
    if known:
        return known
    token = secrets.token_urlsafe(24)
    connections.upsert_connection(connection.slug, secrets={**(connection.secrets or {}), TOKEN: token})
    connection.refresh_from_db()
    return token
