"""Only this machine may use the sandbox, unless SANDBOX_ALLOW_REMOTE says otherwise."""

import functools
import ipaddress
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseForbidden

View = Callable[..., HttpResponseBase]


def is_loopback(address: str) -> bool:
    """An empty address is a Unix socket, which is local too."""
    if not address:
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def loopback_only(view: View) -> View:
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if getattr(settings, "SANDBOX_ALLOW_REMOTE", False) or is_loopback(request.META.get("REMOTE_ADDR", "")):
            return view(request, *args, **kwargs)
        return HttpResponseForbidden("The sandbox answers on this machine only.")

    return guarded
