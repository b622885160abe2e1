"""For those who watch over the product: is the process alive, is it ready, how much is there to do."""

from __future__ import annotations

import hmac
import ipaddress
import os

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from scrm.api import health, metrics

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of the database: restarting us would not mend that."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    checks = health.checks()
    ready = all(check.ok for check in checks)
    content = {"ready": ready, "checks": {check.name: {"ok": check.ok, "why": check.why} for check in checks}}
    return JsonResponse(content, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """For this machine itself, or whoever holds METRICS_TOKEN; to everybody else the page does not exist."""
    if not (_is_local(request) or _has_token(request)):
        return HttpResponse("not found", status=404, content_type="text/plain")
    return HttpResponse(metrics.render(), content_type=PROMETHEUS, headers={"Cache-Control": "no-store"})


def _is_local(request: HttpRequest) -> bool:
    """A caller on loopback itself; not one whom a proxy on this machine brings in."""
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    wanted = os.environ.get("METRICS_TOKEN", "").strip()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", show_metrics, name="metrics"),
]
