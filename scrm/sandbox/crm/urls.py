"""Mounted at /sandbox/crm/: the page, the API below api/, the knobs below control/."""

from __future__ import annotations

from django.urls import include, path

from . import control

app_name = "sandbox_crm"
urlpatterns = [
    path("api/", include("scrm.sandbox.crm.api.urls")),
    path("control/", control.control, name="control"),
    path("control/log", control.log, name="log"),
    path("control/reset", control.reset, name="reset"),
]
