"""Addresses below /admin/people/<contact>/."""

from __future__ import annotations

from django.urls import path

from scrm.console.access import done_with, having, seen_with
from scrm.console.people import privacy, views

SEE = seen_with("contacts.view_contact")
EXPORT, ERASE, HOLD = "contacts.export_person", "contacts.erase_person", "contacts.hold_person"

urlpatterns = [
    path("people/<int:pk>/timeline/", SEE(views.history_page), name="person-timeline"),
    path("people/<int:pk>/decisions/", SEE(views.decisions), name="person-decisions"),
    path("people/<int:pk>/consent/", having("contacts.add_consent")(views.consent), name="person-consent"),
    path("people/<int:pk>/privacy/", SEE(privacy.page), name="person-privacy"),
    path("people/<int:pk>/export/", done_with(EXPORT)(privacy.ask_export), name="person-export"),
    path("people/<int:pk>/exports/<int:export>/", seen_with(EXPORT)(privacy.fetch_export), name="person-export-file"),
    path("people/<int:pk>/hold/", done_with(HOLD)(privacy.set_hold), name="person-hold"),
    path("people/<int:pk>/hold/lift/", done_with(HOLD)(privacy.lift_hold), name="person-hold-lift"),
    path("people/<int:pk>/erase/", having(ERASE)(privacy.erase), name="person-erase"),
]
