"""An access token kept in memory: for one process, and for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from connectors.contracts import AccessToken


class MemoryTokens:
    """A `TokenKeeper` for the threads of one process."""

    def __init__(self, token: AccessToken | None = None) -> None:
        self._token = token
        self._lock = threading.Lock()

    def current(self) -> AccessToken | None:
        return self._token

    def renew(self, stale: str, fetch: Callable[[AccessToken | None], AccessToken]) -> AccessToken:
        with self._lock:
            if self._token is None or self._token.value == stale:
                self._token = fetch(self._token)
            return self._token
