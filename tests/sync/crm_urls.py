"""The stand-in CRM and nothing else."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("sandbox/crm/", include("scrm.sandbox.crm.urls"))]
