"""Who may bring people in, and who may take them out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponseBase]
IMPORT = "contacts.import_contact"
EXPORT = "contacts.export_contact"
EXPORT_MANY = "contacts.export_many_contacts"


def _checked(view: View, permission: str) -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return cast(View, admin.site.admin_view(inner))


def importers(view: View) -> View:
    return _checked(view, IMPORT)


def importers_do(view: View) -> View:
    return _checked(require_POST(view), IMPORT)


def exporters(view: View) -> View:
    return _checked(view, EXPORT)
