"""Mounted at /admin/reports/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from reports import views

app_name = "reports"

urlpatterns = [
    path("", admin.site.admin_view(views.index), name="index"),
    path("<slug:slug>/", admin.site.admin_view(views.show), name="report"),
    path("<slug:slug>/rows/<slug:key>/", admin.site.admin_view(views.rows), name="rows"),
]
