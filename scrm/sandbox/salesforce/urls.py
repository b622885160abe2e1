"""Mounted at /sandbox/salesforce/: the page, the API below api/, the knobs below control/."""

from __future__ import annotations

from django.urls import path

from scrm.sandbox.salesforce import doors

app_name = "sandbox_salesforce"
urlpatterns = [
    path("", doors.page, name="page"),
    path("api/<path:path>", doors.api, name="api"),
    path("control/", doors.control, name="control"),
    path("control/act", doors.act, name="act"),
]
