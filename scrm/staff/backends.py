"""Log-in by name and password, with guessing made slow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from scrm.core.addresses import client_address
from scrm.staff import guessing
from scrm.staff.models import User


class SlowBackend(ModelBackend):
    """Without a request (a command, a test) it is Django's own. `request.log_in_wait` tells the form how many seconds are left."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> User | None:
        if request is None or not username or not request.path:
            return super().authenticate(request, username, password, **more)  # type: ignore[return-value]
        address = client_address(request)
        turned = guessing.attempt(username, address)
        if turned.seconds:
            request.log_in_wait = turned.seconds  # type: ignore[attr-defined]
            raise PermissionDenied
        user: User | None = super().authenticate(request, username, password, **more)  # type: ignore[assignment]
        if user is not None:
            guessing.succeeded(username, address)
        elif turned.just_closed:
            request.log_in_closed = True  # type: ignore[attr-defined]
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """As Django's, in one statement instead of two: it is asked at every page."""
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            own = Permission.objects.filter(user=user_obj.pk)
            through_roles = Permission.objects.filter(group__user=user_obj.pk)
            rows = [each.order_by().values_list("content_type__app_label", "codename") for each in (own, through_roles)]
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in rows[0].union(rows[1])}
        return set(user_obj._perm_cache)
