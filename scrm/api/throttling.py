"""How often a partner may call: `API_RATE` a token, whatever address it calls from."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from scrm.api.models import PartnerToken
from scrm.core import clock


def _seconds() -> float:
    return clock.now().timestamp()


class PartnerThrottle(SimpleRateThrottle):
    """Counted in the cache: with several web processes the rate holds exactly only when REDIS_URL gives them one cache."""

    scope = "partner"
    timer = staticmethod(_seconds)

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if not isinstance(request.auth, PartnerToken):
            return None
        return f"api-throttle:{request.auth.pk}"
