"""Who may see and who may act. Staff who may view conversations read; those who may change them answer and assign."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from scrm.staff.models import User

View = Callable[..., HttpResponseBase]
SEE = "conversations.view_conversation"
ACT = "conversations.change_conversation"


def person(request: HttpRequest) -> User:
    """The signed-in member of staff; views below are reached by nobody else."""
    return cast(User, request.user)


def may_act(request: HttpRequest) -> bool:
    return request.user.has_perm(ACT)


def _checked(view: View, permission: str) -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return cast(View, admin.site.admin_view(inner))


def seen_by_agents(view: View) -> View:
    """A page or fragment: log-in first, then the right to view conversations."""
    return _checked(view, SEE)


def done_by_agents(view: View) -> View:
    """A change of state: POST with CSRF token, log-in, and the right to change conversations."""
    return _checked(require_POST(view), ACT)
