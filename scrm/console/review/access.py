"""Who may look at cases and differences, and who may decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

View = Callable[..., HttpResponseBase]

SEE_CASES, DECIDE_CASES = "contacts.view_duplicatecase", "contacts.change_duplicatecase"
SEE_DIFFERENCES, DECIDE_DIFFERENCES = "contacts.view_fieldconflict", "contacts.change_fieldconflict"
MAKE_RULES = "contacts.add_fieldrule"


def seen_with(permission: str) -> Callable[[View], View]:
    """A page or fragment: log-in first, then the right to look."""
    return lambda view: _checked(require_safe(view), permission)


def done_with(permission: str) -> Callable[[View], View]:
    """A change of state: POST with CSRF token, log-in, and the right to decide."""
    return lambda view: _checked(require_POST(view), permission)


def _checked(view: View, permission: str) -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return cast(View, admin.site.admin_view(inner))


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def done(request: HttpRequest, back: str, notice: str = "", **answer: object) -> HttpResponse:
    """A script gets JSON, a plain form a redirect with the notice."""
    if by_script(request):
        return JsonResponse({"ok": True, "notice": notice, **answer})
    if notice:
        messages.success(request, notice)
    return redirect(back)


def refused(request: HttpRequest, back: str, reason: str, **answer: object) -> HttpResponse:
    if by_script(request):
        return JsonResponse({"ok": False, "error": reason, **answer}, status=409)
    messages.error(request, reason)
    return redirect(back)
