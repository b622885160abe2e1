"""One of several addresses under which the same stand-in platform answers, and how this one misbehaves.

    SANDBOX_PORT=8011 python -m granian --interface wsgi scrm.sandbox.wsgi:application --port 8011 --workers 1
    curl -H 'Content-Type: application/json' -d '{"slow_seconds": 2}' http://127.0.0.1:8011/sandbox/control/endpoint

With the same VAR_DIR the second process shares numbers, tokens, chats and messages with the first, as two addresses of one platform
do: a connection's `standby_base_url` is http://127.0.0.1:8011/sandbox/graph. With a VAR_DIR of its own it is another platform, which
must be prepared once: `manage.py migrate --database sandbox`.

Faults are the process's own, are forgotten when it ends, and strike the Graph API alone; control and pages go on.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from scrm.sandbox.locality import loopback_only

STRUCK = "/sandbox/graph/"
LONGEST = 60.0
DOWN = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


@dataclass(frozen=True)
class EndpointFaults:
    """`down`: every call is answered with 503 and HTML, as a load balancer does. `slow_seconds`: every call waits so long first."""

    down: bool = False
    slow_seconds: float = 0.0


_lock = threading.Lock()
_faults = EndpointFaults()


def current() -> EndpointFaults:
    return _faults


def apply(wanted: dict[str, Any]) -> EndpointFaults:
    """Set what is named, keep the rest; ValueError with a sentence for a name or a value that is not one."""
    global _faults
    checked = {name: _checked(name, value) for name, value in wanted.items()}
    with _lock:
        held = {**asdict(_faults), **checked}
        _faults = EndpointFaults(bool(held["down"]), float(held["slow_seconds"]))
        return _faults


def reset() -> EndpointFaults:
    return apply(asdict(EndpointFaults()))


def _checked(name: str, value: Any) -> bool | float:
    if name == "down" and isinstance(value, bool):
        return value
    if name == "slow_seconds" and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST:
        return float(value)
    raise ValueError(f"cannot set {name} to {value!r}: down is true or false, slow_seconds lies between 0 and {LONGEST:g}")


def strike(path: str) -> HttpResponseBase | None:
    """What this endpoint's faults answer a call with, after they have made it wait; None when the call goes on."""
    faults = _faults
    if not path.startswith(STRUCK):
        return None
    if faults.slow_seconds:
        time.sleep(faults.slow_seconds)
    return HttpResponse(DOWN, status=503, content_type="text/html") if faults.down else None


@csrf_exempt
@loopback_only
def control(request: HttpRequest) -> HttpResponseBase:
    """GET: the faults. POST: `{"down": true, "slow_seconds": 2, "reset": true}`, each optional."""
    if request.method == "GET":
        return JsonResponse(asdict(current()))
    try:
        if request.method != "POST" or request.content_type != "application/json":
            raise ValueError("POST application/json")
        wanted = json.loads(request.body)
        if not isinstance(wanted, dict):
            raise ValueError("the body is a JSON object")
        if wanted.pop("reset", False):
            reset()
        return JsonResponse(asdict(apply(wanted)))
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
