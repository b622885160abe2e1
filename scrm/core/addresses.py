"""Where a request comes from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest | None) -> str:
    """The caller's address: as the proxies in front of us tell it, of which there are `PROXIES`; empty for no request.

    What stands further left in the header was written by the caller and is not believed.
    """
    if request is None:
        return ""
    told = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if part.strip()]
    if settings.PROXIES and len(told) >= settings.PROXIES:
        return told[-settings.PROXIES][:64]
    return str(request.META.get("REMOTE_ADDR", ""))
