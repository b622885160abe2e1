"""Names of people whom the platform shows by an id alone, asked for in the background and never while a webhook waits.

Five attempts within about seven hours, then silence: the next message asks again. A name that a person has given meanwhile stays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from connectors.contracts import Address, ProfileSource
from connectors.errors import ConnectorError, Gone, Misconfigured
from scrm.connections.models import Connection
from scrm.connections.services import channel_of
from scrm.contacts.models import Identity
from scrm.contacts.services import Sender, resolve_identity
from scrm.conversations.profile_models import ProfileLookup
from scrm.core import clock, jobs
from scrm.core.rows import insert_new
from scrm.core.security import storable

logger = logging.getLogger(__name__)

BATCH = 10
GAPS = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
# Kinds of address that arrive without a name.
NAMELESS = frozenset({Identity.Kind.LINE_USER})


def ask_for_names(people: Iterable[tuple[Identity, Connection]]) -> None:
    """Note those without a name; safe to repeat. Call inside the transaction that got to know them."""
    wanted = {
        identity.pk: (identity, connection) for identity, connection in people if identity.kind in NAMELESS and not identity.contact.name
    }
    rows = [ProfileLookup(identity=identity, connection=connection, due_at=clock.now()) for identity, connection in wanted.values()]
    rows.sort(key=lambda row: row.identity.pk)  # two batches that meet the same people must not wait for each other
    if insert_new(ProfileLookup, rows, key="identity"):
        jobs.wake_on_commit("profiles")


def fetch_due() -> int:
    """Ask for a few names; the drain step."""
    due = ProfileLookup.objects.filter(due_at__lte=clock.now()).select_related("identity__contact", "connection").order_by("due_at", "id")
    return sum(_fetch(lookup) for lookup in list(due[:BATCH]))


def _fetch(lookup: ProfileLookup) -> int:
    """Claim by a conditional update, ask, write. 1 when this worker had it."""
    gap = GAPS[min(lookup.attempts, len(GAPS) - 1)]
    mine = ProfileLookup.objects.filter(pk=lookup.pk, attempts=lookup.attempts, due_at=lookup.due_at)
    if not mine.update(attempts=lookup.attempts + 1, due_at=clock.now() + gap):
        return 0
    if not lookup.identity.contact.name and not _ask(lookup) and lookup.attempts < len(GAPS):
        return 1
    ProfileLookup.objects.filter(pk=lookup.pk).delete()
    return 1


def _ask(lookup: ProfileLookup) -> bool:
    """True when there is nothing more to ask."""
    identity = lookup.identity
    address = Address(identity.kind, identity.value, identity.scope)  # type: ignore[arg-type]
    asked_at = clock.now()
    try:
        channel = channel_of(lookup.connection)
        if not isinstance(channel, ProfileSource):
            return True
        name = storable(channel.profile(address).name)
    except (Gone, Misconfigured) as error:
        logger.info("no name for identity %s: %s", identity.pk, error.code)
        return True
    except ConnectorError as error:
        logger.info("name of identity %s not fetched: %s %s", identity.pk, type(error).__name__, error.code)
        return False
    if name:
        resolve_identity(Sender((address,), name=name, at=asked_at, source=f"channel:{lookup.connection.slug}"))
    return True
