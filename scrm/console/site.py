"""The admin's site of the product."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Every page is given the list of all models with their addresses, and only the overview shows it: made when it is looked at."""
        make = super().get_app_list
        return cast(list[Any], SimpleLazyObject(lambda: make(request, app_label)))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Who was logged in here and is no longer, without having left, is told so and what becomes of what they wrote."""
        from scrm.staff import sessions  # the site is made before the models are

        told = {"session_ended": sessions.ended(request), "session_hours": settings.SESSION_HOURS}
        return cast(HttpResponse, super().login(request, {**told, **(extra_context or {})}))


class ConsoleAdminConfig(AdminConfig):
    """In place of `django.contrib.admin`; `unfold.apps.BasicAppConfig` beside it keeps the theme from putting its own site here."""

    default = False
    default_site = "scrm.console.site.ConsoleSite"
