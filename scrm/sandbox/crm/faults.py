"""Misbehaviour on request: errors at a rate or for a number of calls, slow answers, and answers that get lost.

The state is one JSON object on the account. Rates are 0..1 and are tried in the order of `KINDS`; the first that strikes
counts. `association_page` (0: as the vendor) is how many associations of a record a batch read holds. `remaining` bounds how
many calls are struck altogether (null = no bound).
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from django.http import HttpResponse

from .models import Account
from .records import atomic
from .wire import ApiError, Json, invalid

KINDS = ("error_500", "error_429", "error_401", "html", "timeout", "lost_answer")
DEFAULTS: Json = {**dict.fromkeys(KINDS, 0.0), "stall_ms": 0, "timeout_seconds": 20.0, "search_lag_ms": 0,
                  "association_page": 0, "remaining": None, "path": ""}  # fmt: skip
LONGEST_WAIT_SECONDS = 60.0

_random = secrets.SystemRandom()


def state(of: Account) -> Json:
    return {**DEFAULTS, **of.faults}


def configure(of: Account, wanted: Json) -> Json:
    """Take over the named knobs, the others stay; 400 for a name or value that is none."""
    for name, value in wanted.items():
        _check(name, value)
    of.faults = {**of.faults, **wanted}
    of.save(update_fields=["faults"])
    return state(of)


def _check(name: str, value: Any) -> None:
    if name not in DEFAULTS:
        raise invalid(f"There is no knob {name}; known: {', '.join(DEFAULTS)}")
    if name == "path" and not isinstance(value, str):
        raise invalid("path must be a string, part of the paths to strike")
    if (name == "remaining" and value is None) or name == "path":
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise invalid(f"{name} must be a number of 0 or more")
    if name in KINDS and value > 1:
        raise invalid(f"{name} is a rate between 0 and 1")


def strike(of: Account, path: str) -> str:
    """The kind of fault that this call suffers, or "". Waits `stall_ms` first, struck or not."""
    knobs = state(of)
    if knobs["path"] and knobs["path"] not in path:
        return ""
    wait(float(knobs["stall_ms"]) / 1000)
    for kind in KINDS:
        if knobs[kind] and _random.random() < knobs[kind]:
            return kind if _take_one(of) else ""
    return ""


def _take_one(of: Account) -> bool:
    """Count this fault against `remaining`; false when none are left."""
    with atomic():
        of.refresh_from_db(fields=["faults"])
        left = of.faults.get("remaining")
        if left is None:
            return True
        if left <= 0:
            return False
        of.faults = {**of.faults, "remaining": left - 1}
        of.save(update_fields=["faults"])
    return True


def wait(seconds: float) -> None:
    if seconds > 0:
        time.sleep(min(seconds, LONGEST_WAIT_SECONDS))


def instead_of_work(kind: str, of: Account) -> HttpResponse | None:
    """What is answered although nothing was done; None when the work is to be done. Raises ApiError for the JSON errors."""
    if kind == "error_500":
        raise ApiError(500, "INTERNAL_ERROR", "internal error")
    if kind == "error_429":
        raise rate_limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
    if kind == "error_401":
        raise unauthenticated("The token used to make this call expired.", "EXPIRED_AUTHENTICATION")
    if kind == "html":
        return page(502, "Bad gateway")
    if kind == "timeout":
        wait(float(state(of)["timeout_seconds"]))
        return page(504, "Gateway time-out")
    return None


def page(status: int, title: str) -> HttpResponse:
    """What a proxy in between would answer: HTML where JSON was expected."""
    return HttpResponse(f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>", status=status)


def rate_limited(policy: str, words: str) -> ApiError:
    extra = {"errorType": "RATE_LIMIT", "policyName": policy}
    return ApiError(429, "RATE_LIMITS", f"You have reached your {words} limit.", extra=extra)


def unauthenticated(message: str, category: str = "INVALID_AUTHENTICATION") -> ApiError:
    return ApiError(401, category, message)
