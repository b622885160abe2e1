"""Addresses below /admin/imports/."""

from __future__ import annotations

from django.urls import path

from scrm.console.access import EXPORT, IMPORT, done_with, having
from scrm.console.imports import exports, views

importers, importers_do, exporters = having(IMPORT), done_with(IMPORT), having(EXPORT)

urlpatterns = [
    path("imports/", importers(views.index), name="imports"),
    path("imports/<int:pk>/", importers(views.page), name="import"),
    path("imports/<int:pk>/configure/", importers_do(views.configure), name="import-configure"),
    path("imports/<int:pk>/errors/", importers(views.errors), name="import-errors"),
    path("imports/<int:pk>/undo/", importers(views.undo), name="import-undo"),
    *(
        path(f"imports/<int:pk>/{what}/", importers_do(views.act), {"what": what}, name=f"import-{what}")
        for what in ("start", "pause", "resume", "stop")
    ),
    path("imports/<int:pk>/undo/start/", importers_do(views.act), {"what": "undo"}, name="import-undo-start"),
    path("exports/", exporters(exports.export), name="export"),
]
