"""Mounted at /sandbox/zoho/: the page, the log-in below accounts/, the API below api/, the knobs below control/."""

from __future__ import annotations

from django.urls import path

from scrm.sandbox.zoho import doors

app_name = "sandbox_zoho"
urlpatterns = [
    path("", doors.page, name="page"),
    path("accounts/oauth/v2/token", doors.token, name="token"),
    path("api/<path:path>", doors.api, name="api"),
    path("control/", doors.control, name="control"),
    path("control/act", doors.act, name="act"),
]
