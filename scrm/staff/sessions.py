"""How long a log-in lasts: 30 minutes without a person at work, 12 hours in all, and not beyond a change of password or rights.

The last is in `User.get_session_auth_hash`: Django compares it with every request. Here are the two clocks, and the mark by which the
log-in page knows that a log-in ended.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from scrm.core import audit, clock
from scrm.staff.models import User

BEGUN, SEEN = "begun", "seen"
# Stays in the browser after the log-in, until somebody logs out: whoever is asked to log in and brings it did not leave by themselves.
SEATED, SEATED_FOR = "seated", timedelta(days=7)
# One write a minute is enough to know that somebody is at work.
NOTED_EVERY = timedelta(minutes=1)
# Asked by an open page every two seconds, whether somebody sits there or not; `active=1` says that somebody does.
BY_ITSELF = "/admin/inbox/live/"


def begin(request: HttpRequest) -> None:
    """At each log-in."""
    request.session[BEGUN] = request.session[SEEN] = clock.now().timestamp()


def ended(request: HttpRequest) -> bool:
    """Somebody was logged in here, is no longer, and has not logged out."""
    return request.COOKIES.get(SEATED) == "1" and not request.user.is_authenticated


def end_of(begun: datetime, seen: datetime) -> tuple[datetime, str]:
    """When the log-in ends if nobody does anything, and why: idle or absolute."""
    idle = seen + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    absolute = begun + timedelta(hours=settings.SESSION_HOURS)
    return (idle, "idle") if idle < absolute else (absolute, "absolute")


class SessionRulesMiddleware:
    """Behind the authentication, before everything that acts on it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            _watch(request, request.user)
        response = self.get_response(request)
        # Noted by `logins`: True for a log-in, False for a log-out.
        came = getattr(request, "came", None)
        if came:
            seconds = int(SEATED_FOR.total_seconds())
            response.set_cookie(SEATED, "1", seconds, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax")
        elif came is False:
            response.delete_cookie(SEATED, samesite="Lax")
        return response


def _watch(request: HttpRequest, user: User) -> None:
    now = clock.now()
    begun, seen = _time(request, BEGUN), _time(request, SEEN)
    if begun is None or seen is None:
        begin(request)
        return
    ends, reason = end_of(begun, seen)
    if now >= ends:
        audit.record("staff.session_ended", by=user, subject=user, after={"reason": reason}, request=request)
        logout(request)
    elif now - seen >= NOTED_EVERY and _at_work(request):
        request.session[SEEN] = now.timestamp()


def _time(request: HttpRequest, name: str) -> datetime | None:
    value = request.session.get(name)
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None


def _at_work(request: HttpRequest) -> bool:
    return request.path != BY_ITSELF or request.GET.get("active") == "1"
