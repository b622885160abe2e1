"""Every way in: webhooks, the console, the partner API, health, and (never in production) the sandbox."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("webhooks/", include("scrm.intake.urls")),
    path("admin/", include("scrm.console.urls")),
    path("admin/reports/", include("reports.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("scrm.api.urls")),
    path("", include("scrm.api.health_urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
if settings.SANDBOX:
    urlpatterns.append(path("sandbox/", include("scrm.sandbox.urls")))
