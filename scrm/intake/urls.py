"""Where platforms post. The middleware answers these paths before anything else; the routes are here so that links can be made."""

from __future__ import annotations

from django.urls import path

from scrm.intake import views

app_name = "intake"
urlpatterns = [path("<str:provider>/<slug:slug>/", views.receive, name="webhook")]
