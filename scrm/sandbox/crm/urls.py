"""Mounted at /sandbox/crm/: the pages, the API below api/, the knobs below control/."""

from __future__ import annotations

from django.urls import include, path

from . import control, pages

app_name = "sandbox_crm"
urlpatterns = [
    path("api/", include("scrm.sandbox.crm.api.urls")),
    path("control/", control.control, name="control"),
    path("control/log", control.log, name="log"),
    path("control/reset", control.reset, name="reset"),
    path("", pages.listing, name="home"),
    path("live", pages.live, name="live"),
    path("connection/", pages.connection, name="connection"),
    path("<str:kind>/", pages.listing, name="list"),
    path("<str:kind>/<int:record_id>/", pages.detail, name="record"),
    path("<str:kind>/<int:record_id>/edit", pages.edit, name="edit"),
    path("<str:kind>/<int:record_id>/archive", pages.put_away, name="archive"),
]
