"""Connections as the webhook path needs them: looked up by slug thousands of times a second, a few seconds old at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from scrm.connections.models import Connection

MAX_AGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ConnectionSnapshot:
    """A connection that no longer follows the database. Goes wherever `channel_of` takes a connection."""

    pk: int
    slug: str
    kind: str
    adapter: str
    account_id: str
    country: str
    time_zone: str
    state: str
    endpoint: str = "primary"
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> int:
        return self.pk


_known: dict[str, tuple[float, ConnectionSnapshot]] = {}
_lock = threading.Lock()


def by_slug(slug: str) -> ConnectionSnapshot | None:
    """The connection of this slug, at most 5 s old, or None. Unknown slugs are not remembered, so guessing fills no memory."""
    mono = time.monotonic()
    known = _known.get(slug)
    if known is not None and mono - known[0] < getattr(settings, "CONNECTION_CACHE_SECONDS", MAX_AGE_SECONDS):
        return known[1]
    row = Connection.objects.filter(slug=slug).first()
    if row is None:
        forget(slug)
        return None
    snapshot = snapshot_of(row)
    with _lock:
        _known[slug] = (mono, snapshot)
    return snapshot


def forget(slug: str | None = None) -> None:
    """Read the connection afresh next time; all of them without a slug. Other processes follow within 5 s."""
    with _lock:
        if slug is None:
            _known.clear()
        else:
            _known.pop(slug, None)


def snapshot_of(row: Connection) -> ConnectionSnapshot:
    return ConnectionSnapshot(
        pk=row.pk,
        slug=row.slug,
        kind=row.kind,
        adapter=row.adapter,
        account_id=row.account_id,
        country=row.country,
        time_zone=row.time_zone,
        state=row.state,
        endpoint=row.endpoint,
        settings=dict(row.settings or {}),
        secrets=dict(row.secrets or {}),
    )


def last_known(slug: str) -> ConnectionSnapshot | None:
    """The connection as this process last saw it, however old: for the time when the database is away."""
    known = _known.get(slug)
    return known[1] if known is not None else None
