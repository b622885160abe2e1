"""Redis as a cache that may be away. What is kept there are hints and counts: who looks at a page, how often a partner called.

Without Redis a hint is missing and a count begins anew; no page and no partner's request fails for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After a failure nobody waits for Redis again for this long: a host that is gone costs a time-out for each call.
REST_SECONDS = 2.0


class LenientRedisCache(RedisCache):
    """Django's Redis cache; while Redis does not answer, nothing is found and nothing is kept."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0, **params.get("OPTIONS", {})}
        super().__init__(server, params | {"OPTIONS": options})
        self._resting_until = 0.0

    def _lenient(self, call: Callable[[], Any], otherwise: Any) -> Any:
        if time.monotonic() < self._resting_until:
            return otherwise
        try:
            return call()
        except (RedisError, OSError) as error:
            self._resting_until = time.monotonic() + REST_SECONDS
            logger.warning("the cache does not answer: %s", type(error).__name__)
            return otherwise

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._lenient(lambda: super(LenientRedisCache, self).get(key, default, version), default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._lenient(lambda: super(LenientRedisCache, self).set(key, value, timeout, version), None)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """True also when nothing was kept: whoever asks 'am I the first?' goes on."""
        return bool(self._lenient(lambda: super(LenientRedisCache, self).add(key, value, timeout, version), True))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._lenient(lambda: super(LenientRedisCache, self).touch(key, timeout, version), False))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._lenient(lambda: super(LenientRedisCache, self).delete(key, version), False))

    def has_key(self, key: str, version: int | None = None) -> bool:
        return bool(self._lenient(lambda: super(LenientRedisCache, self).has_key(key, version), False))

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._lenient(lambda: super(LenientRedisCache, self).get_many(keys, version), {})
        return found

    def set_many(self, data: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[str]:
        failed: list[str] = self._lenient(lambda: super(LenientRedisCache, self).set_many(data, timeout, version), list(data))
        return failed

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        self._lenient(lambda: super(LenientRedisCache, self).delete_many(keys, version), None)

    def clear(self) -> None:
        self._lenient(lambda: super(LenientRedisCache, self).clear(), None)
