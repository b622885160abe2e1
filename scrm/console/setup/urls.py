"""Addresses below /admin/setup/."""

from __future__ import annotations

from django.urls import path

from scrm.console.access import done_with, having
from scrm.console.setup import records, rest, views

ADD, CHANGE = "connections.add_connection", "connections.change_connection"
newcomers, keepers, keepers_do = having(ADD), having(CHANGE), done_with(CHANGE)

urlpatterns = [
    path("setup/", newcomers(views.choose), name="setup"),
    path("setup/new/<slug:adapter>/", newcomers(views.new), name="setup-new"),
    path("setup/<int:pk>/", keepers(views.overview), name="setup-overview"),
    path("setup/<int:pk>/account/", keepers(views.account), name="setup-account"),
    path("setup/<int:pk>/fields/", keepers(views.fields), name="setup-fields"),
    path("setup/<int:pk>/fields/<slug:kind>/", keepers(views.fields), name="setup-fields-of"),
    path("setup/<int:pk>/records/", keepers(records.page), name="setup-records"),
    path("setup/<int:pk>/try/", keepers(rest.page), name="setup-try"),
    path("setup/<int:pk>/look/", keepers(views.look), name="setup-look"),
    path("setup/<int:pk>/live/", keepers_do(views.go_live), name="setup-live"),
]
