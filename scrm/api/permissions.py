"""What a caller may do: each view declares the scope that each of its methods needs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from scrm.api.models import PartnerToken


class HasScope(BasePermission):
    """A view has `required_scopes = {"GET": "contacts:read"}`. HEAD counts as GET; a method without a scope is not served."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if not isinstance(token, PartnerToken):
            raise NotAuthenticated(_("Send a partner token: 'Authorization: Bearer scrm_...'."))
        method = request.method or ""
        if method == "OPTIONS":
            return True
        scope = getattr(view, "required_scopes", {}).get("GET" if method == "HEAD" else method)
        if scope is None:
            raise MethodNotAllowed(method)
        if scope not in token.scopes:
            raise PermissionDenied(_("This token lacks the scope %(scope)s.") % {"scope": scope})
        return True
