"""Trying a REST set-up on a live answer before it is saved."""

from __future__ import annotations

from dataclasses import replace

from connectors.contracts import Account
from connectors.crms.rest import RestCrm, Trial
from connectors.errors import ConnectorError
from scrm.connections.adapters import account_of
from scrm.connections.models import Connection

ADAPTER = "rest"


def try_setup(connection: Connection, definition: str, kind: str) -> Trial:
    """One live answer for this set-up. Never raises a connector's error: it comes back as the trial's problem. Not in a transaction."""
    account: Account = account_of(connection)
    crm = RestCrm(replace(account, settings={**account.settings, "definition": definition}))
    try:
        return crm.trial(kind)
    except ConnectorError as error:
        return Trial("", problem=error.title)
    finally:
        crm.close()
