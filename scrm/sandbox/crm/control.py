"""Knobs and counters for tests and demonstrations: JSON in, JSON out, no token, this machine only.

GET  control/       faults, limits, numbers of records, writes and calls
POST control/       {"faults": {...}, "limits": {...}}; what is not named stays
GET  control/log    the log of writes; ?since=<id>&type=&scrm_id=&action=&limit=
POST control/reset  {"keep": [...]} of records, properties, log, calls, faults, limits; the credentials always stay
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import faults
from .account import LIMITS, account, limits
from .loopback import loopback_only
from .models import Call, PropertyDefinition, Record, Write
from .records import atomic, write_json
from .schema import OBJECT_TYPES
from .wire import ApiError, Json, correlation_id, invalid, parse_body

LOG_PAGE = 1_000
RESETTABLE = ("records", "properties", "log", "calls", "faults", "limits")


def control_view(*allowed: str) -> Callable[[Callable[[HttpRequest], Json]], Callable[..., HttpResponse]]:
    def decorate(view: Callable[[HttpRequest], Json]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @loopback_only
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponse:
            try:
                if request.method not in allowed:
                    raise ApiError(405, "METHOD_NOT_ALLOWED", f"allowed: {', '.join(allowed)}")
                return JsonResponse(view(request))
            except ApiError as error:
                return JsonResponse(error.body(correlation_id()), status=error.status)

        return answer

    return decorate


@control_view("GET", "POST")
def control(request: HttpRequest) -> Json:
    if request.method == "POST":
        body = parse_body(request.body)
        with atomic():
            _configure(body)
    return _state()


def _configure(body: Json) -> None:
    unknown = set(body) - {"faults", "limits"}
    if unknown:
        raise invalid(f"unknown: {', '.join(sorted(unknown))}; known: faults, limits")
    own = account()
    faults.configure(own, _object(body, "faults"))
    wanted = _object(body, "limits")
    for name, value in wanted.items():
        if name not in LIMITS or not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise invalid(f"{name}: limits are whole numbers, known: {', '.join(LIMITS)}")
    own.limits = {**own.limits, **wanted}
    own.save(update_fields=["limits"])


def _object(body: Json, name: str) -> Json:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value


def _state() -> Json:
    own = account()
    counted = Record.objects.filter(archived=False, object_type__in=OBJECT_TYPES).values_list("object_type").annotate(number=Count("id"))
    statuses = Call.objects.values_list("status").annotate(number=Count("id"))
    return {
        "faults": faults.state(own),
        "limits": limits(own),
        "records": dict(counted),
        "writes": Write.objects.count(),
        "recent_calls_by_status": {str(status): number for status, number in statuses},
    }


@control_view("GET")
def log(request: HttpRequest) -> Json:
    rows = Write.objects.filter(pk__gt=_number(request, "since", 0)).order_by("id")
    for parameter, column in (("type", "object_type"), ("scrm_id", "scrm_id"), ("action", "action")):
        if value := request.GET.get(parameter):
            rows = rows.filter(**{column: value})
    limit = min(LOG_PAGE, _number(request, "limit", LOG_PAGE))
    page = list(rows[:limit])
    return {
        "total": rows.count(),
        "results": [write_json(row) for row in page],
        "next": page[-1].pk if len(page) == limit and page else None,
    }


def _number(request: HttpRequest, name: str, default: int) -> int:
    value = request.GET.get(name, str(default))
    if not (value.isascii() and value.isdigit()):
        raise invalid(f"{name} must be a whole number")
    return int(value)


@control_view("POST")
def reset(request: HttpRequest) -> Json:
    keep = parse_body(request.body).get("keep", [])
    if not isinstance(keep, list) or any(part not in RESETTABLE for part in keep):
        raise invalid(f"keep is a list of: {', '.join(RESETTABLE)}")
    with atomic():
        for part in RESETTABLE:
            if part not in keep:
                _reset(part)
    return _state()


def _reset(part: str) -> None:
    own = account()
    if part == "records":
        Record.objects.filter(object_type__in=OBJECT_TYPES).delete()
    elif part == "properties":
        PropertyDefinition.objects.filter(object_type__in=OBJECT_TYPES).delete()
    elif part == "log":
        Write.objects.all().delete()
    elif part == "calls":
        Call.objects.all().delete()
    else:
        setattr(own, part, {})
        own.save(update_fields=[part])
