"""Who is at work in this request, for code that is told of a change without being told by whom (signals)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

_request: ContextVar[HttpRequest | None] = ContextVar("audit_request", default=None)


def actor() -> str:
    """The user's name, or "system" outside a request (commands, jobs)."""
    request = _request.get()
    user = getattr(request, "user", None)
    return str(user.get_username()) if user is not None and user.is_authenticated else "system"


class AuditActorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)
