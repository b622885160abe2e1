"""Who may see a page and who may act on it: log-in first, then a right. Used by all pages beside the admin's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST, require_safe

from scrm.conversations.visibility import visible_to
from scrm.staff.models import User

Row = TypeVar("Row", bound=Model)
View = Callable[..., HttpResponseBase]
Guard = Callable[[View], View]

SEE_CHATS, ANSWER = "conversations.view_conversation", "conversations.change_conversation"
SEE_CASES, DECIDE_CASES = "contacts.view_duplicatecase", "contacts.change_duplicatecase"
SEE_DIFFERENCES, DECIDE_DIFFERENCES = "contacts.view_fieldconflict", "contacts.change_fieldconflict"
MAKE_RULES = "contacts.add_fieldrule"
IMPORT = "contacts.import_contact"
EXPORT, EXPORT_MANY = "contacts.export_contact", "contacts.export_many_contacts"
UNDO_MERGES = "contacts.undo_merge"
KEEP_CONNECTIONS = "connections.change_connection"


def person(request: HttpRequest) -> User:
    """The signed-in member of staff; views below are reached by nobody else."""
    return cast(User, request.user)


def seen(request: HttpRequest, rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those of the rows that the signed-in person may see. Every look-up of a page goes through it."""
    return visible_to(rows, request.user)


def having(permission: str) -> Guard:
    """Log-in, then the right, whatever the method."""
    return lambda view: _checked(view, permission)


def seen_with(permission: str) -> Guard:
    """A page or fragment that changes nothing: GET and HEAD, log-in first, then the right to look."""
    return lambda view: _checked(require_safe(view), permission)


def done_with(permission: str) -> Guard:
    """A change of state: POST with CSRF token, log-in, and the right to act."""
    return lambda view: _checked(require_POST(view), permission)


def _checked(view: View, permission: str) -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return cast(View, admin.site.admin_view(inner))


seen_by_agents = having(SEE_CHATS)
done_by_agents = done_with(ANSWER)


def sees_causes(user: User | AnonymousUser) -> bool:
    """Who looks after the connections is also told what broke inside the program."""
    return user.has_perm(KEEP_CONNECTIONS)


def may_answer(request: HttpRequest) -> bool:
    """Staff who may view conversations read; those who may change them answer and assign."""
    return request.user.has_perm(ANSWER)
