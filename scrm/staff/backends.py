"""Log-in by name and password, with guessing made slow."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import connection
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
            with connection.cursor() as cursor:
                cursor.execute(_rights_of(), [user_obj.pk, user_obj.pk])
                user_obj._perm_cache = {f"{app}.{codename}" for app, codename in cursor.fetchall()}
        return set(user_obj._perm_cache)


@cache
def _rights_of() -> str:
    """A user's own rights and those of their roles. Written out: building it takes the framework longer than running it takes."""
    right, kind = Permission._meta.db_table, ContentType._meta.db_table
    of_roles, of_user = Group.permissions.through._meta.db_table, User.user_permissions.through._meta.db_table
    roles = User.groups.through._meta.db_table
    return (
        f"SELECT k.app_label, r.codename FROM {right} r JOIN {kind} k ON k.id = r.content_type_id WHERE "  # noqa: S608 - names of models
        f"r.id IN (SELECT permission_id FROM {of_user} WHERE user_id = %s) OR r.id IN (SELECT g.permission_id FROM {of_roles} g "
        f"JOIN {roles} u ON u.group_id = g.group_id WHERE u.user_id = %s)"
    )
