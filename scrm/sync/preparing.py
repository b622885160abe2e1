"""An adapter that is ready to be called, with the failures of getting there told to the connection."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from connectors.contracts import Crm
from connectors.errors import ConnectorError, Gone, Misconfigured, OutcomeUnknown, Rejected
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.core.logs import trail
from scrm.sync.defaults import make_ready

logger = logging.getLogger(__name__)


def ready(connection: Connection) -> Crm | None:
    """The adapter, prepared; None when that failed, which the connection then knows."""
    try:
        crm = connections.crm_of(connection)
        make_ready(connection, crm)
    except (Rejected, Gone) as error:
        connections.report_failure(connection, Misconfigured(error.title, code=error.code, detail=error.detail))
    except ConnectorError as error:
        connections.report_failure(connection, error)
    except DatabaseError:
        raise
    except Exception as error:
        logger.error("connection %s: the adapter failed while it was prepared: %s", connection.slug, trail(error))
        connections.report_failure(connection, OutcomeUnknown(f"The connector failed: {type(error).__name__}"))
    else:
        return crm
    return None
