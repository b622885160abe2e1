"""The sandbox serves this machine alone: it has no locks worth the name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden


def is_local(request: HttpRequest) -> bool:
    """Whether the peer is this machine (an empty address is a local socket), or others are allowed by SANDBOX_ALLOW_REMOTE."""
    if getattr(settings, "SANDBOX_ALLOW_REMOTE", False):
        return True
    address = request.META.get("REMOTE_ADDR", "")
    try:
        return not address or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def loopback_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """403 for anyone who does not sit on this machine."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not is_local(request):
            return HttpResponseForbidden("The sandbox answers on this machine only.")
        return view(request, *args, **kwargs)

    return guarded
