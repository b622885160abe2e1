"""Access tokens kept in the database, so that one refresh serves all workers.

Who finds a token stale takes a lease on its row, fetches a new one outside any transaction, and stores it together with the refresh
token that the platform may have put in the old one's place. The others look at the row until the new token is there. The lease is given
and ends by the database's clock: a holder that crashed is replaced when it ends. A holder that was merely slow stores what it got,
because its refresh token may be the only one that still works.

An access token belongs to the settings and secrets that it was fetched with. A rotated refresh token goes on from the one that a person
entered: it outlives other changes of the settings, and ends when another refresh token is entered.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from connectors.contracts import UNKNOWN_TIME, AccessToken, Account
from connectors.errors import ConnectorError, NeedsLogin, Unreachable
from scrm.connections import sentences
from scrm.connections.models import KeptToken
from scrm.core.leases import lease_now

# Longer than the longest fetch (15 s, and once more where it is safe to repeat).
LEASE = timedelta(seconds=45)
POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 1.0
# A waiter outlives a holder that crashed, and becomes the next one.
PATIENCE_SECONDS = LEASE.total_seconds() + 5.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """The row as one look saw it."""

    token: AccessToken | None
    version: int
    failures: int
    refusal: str
    needs_login: bool


class KeptTokens:
    """A `TokenKeeper` for every worker on every host."""

    def __init__(self, connection_id: int, endpoint: str, account: Account) -> None:
        self._connection_id, self._endpoint = connection_id, endpoint
        self._account = _print([dict(account.settings), dict(account.secrets)])
        entered = account.secrets.get("refresh_token", "")
        self._entered = _print(entered) if entered else ""

    def current(self) -> AccessToken | None:
        row = self._rows().only("token").first()
        return self._readable(row.token) if row is not None else None

    def renew(self, stale: str, fetch: Callable[[AccessToken | None], AccessToken]) -> AccessToken:
        """Raises besides what `fetch` raises: `NeedsLogin` or `Unreachable` when the worker that was waited for had no success."""
        holder, deadline, wait = uuid.uuid4().hex, time.monotonic() + PATIENCE_SECONDS, POLL_SECONDS
        first = self._look()
        seen = first
        while not _is_fresh(seen.token, stale):
            if self._take(holder):
                return self._fetch(holder, stale, fetch)
            if seen.failures != first.failures:
                raise _shared_failure(seen)
            if time.monotonic() > deadline:
                raise Unreachable(sentences.NOT_RENEWED_IN_TIME)
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
            seen = self._look()
        assert seen.token is not None
        return seen.token

    def _fetch(self, holder: str, stale: str, fetch: Callable[[AccessToken | None], AccessToken]) -> AccessToken:
        seen = self._look()
        if _is_fresh(seen.token, stale):  # stored between our look and our lease
            self._release(holder)
            assert seen.token is not None
            return seen.token
        try:
            token = fetch(seen.token)
        except BaseException as error:
            return self._after_failure(holder, stale, error)
        self._store(holder, token, seen)
        return token

    def _after_failure(self, holder: str, stale: str, error: BaseException) -> AccessToken:
        """A holder that took over from a slow one is refused because the refresh token was used up: what the slow one stored counts."""
        seen = self._look()
        if _is_fresh(seen.token, stale):
            self._release(holder)
            assert seen.token is not None
            return seen.token
        told = error if isinstance(error, ConnectorError) else None
        self._release(
            holder,
            failures=F("failures") + 1,
            refusal=str(told or type(error).__name__)[:500],
            needs_login=isinstance(error, NeedsLogin),
        )
        raise error

    def _store(self, holder: str, token: AccessToken, seen: _Seen) -> None:
        kept = {
            "value": token.value,
            "expires_at": token.expires_at.isoformat() if token.expires_at else "",
            "refresh_token": token.refresh_token or (seen.token.refresh_token if seen.token else ""),
            "host": token.host,
            "account": self._account,
            "entered": self._entered,
        }
        version = seen.version
        while not self._rows().filter(version=version).update(token=kept, version=version + 1, refusal="", needs_login=False):
            row = self._rows().only("token", "version").first()
            if row is None or (row.token or {}).get("account") != self._account:
                break  # somebody entered other credentials meanwhile: theirs stay
            version = row.version
        self._release(holder)

    # --- the row ------------------------------------------------------------------------------------------------------

    def _rows(self) -> Any:
        return KeptToken.objects.filter(connection_id=self._connection_id, endpoint=self._endpoint)

    def _look(self) -> _Seen:
        row = self._rows().first()
        if row is None:
            return _Seen(None, 0, 0, "", False)
        return _Seen(self._readable(row.token), row.version, row.failures, row.refusal, row.needs_login)

    def _take(self, holder: str) -> bool:
        """True when the lease is ours. Must not run in a transaction: a rollback would lose a refresh token that works only once."""
        with transaction.atomic(durable=True):
            if not self._rows().exists():
                row = KeptToken(connection_id=self._connection_id, endpoint=self._endpoint)
                KeptToken.objects.bulk_create([row], ignore_conflicts=True)
            free = Q(lease_until=None) | Q(lease_until__lte=lease_now())
            return bool(self._rows().filter(free).update(holder=holder, lease_until=lease_now() + LEASE))

    def _release(self, holder: str, **columns: Any) -> None:
        self._rows().filter(holder=holder).update(holder="", lease_until=None, **columns)

    def _readable(self, kept: Any) -> AccessToken | None:
        """The token as far as it is good for this account."""
        if not kept:
            return None
        refresh = kept["refresh_token"] if kept["entered"] == self._entered else ""
        if kept["account"] == self._account:
            expires = datetime.fromisoformat(kept["expires_at"]) if kept["expires_at"] else None
            return AccessToken(kept["value"], expires, refresh, kept["host"])
        return AccessToken("", UNKNOWN_TIME, refresh) if refresh and self._entered else None


def _is_fresh(token: AccessToken | None, stale: str) -> bool:
    return token is not None and token.value not in {"", stale}


def _shared_failure(seen: _Seen) -> ConnectorError:
    kind = NeedsLogin if seen.needs_login else Unreachable
    return kind(seen.refusal or sentences.NOT_RENEWED)


def _print(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
