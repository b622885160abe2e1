"""The CRMs' stand-ins and nothing else."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("sandbox/crm/", include("scrm.sandbox.crm.urls")), path("sandbox/", include("scrm.sandbox.urls"))]
