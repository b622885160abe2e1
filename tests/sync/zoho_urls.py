"""The sandbox and nothing else."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("sandbox/", include("scrm.sandbox.urls"))]
