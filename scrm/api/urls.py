"""/api/v1/: one line a resource."""

from __future__ import annotations

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from scrm.api import campaigns, hooks, resources
from scrm.api.errors import unknown_address
from scrm.api.schema import schema

app_name = "api"

router = SimpleRouter()
router.register("contacts", resources.Contacts, basename="contact")
router.register("identities", resources.Identities, basename="identity")
router.register("tags", resources.Tags, basename="tag")
router.register("conversations", resources.Conversations, basename="conversation")
router.register("messages", resources.Messages, basename="message")
router.register("events", resources.Events, basename="event")
router.register("decisions", resources.Decisions, basename="decision")
router.register("orders", resources.Orders, basename="order")
router.register("hooks", hooks.Hooks, basename="hook")
router.register("templates", resources.Templates, basename="template")
router.register("campaigns", campaigns.Campaigns, basename="campaign")
router.register("recipients", campaigns.Recipients, basename="recipient")

urlpatterns = [
    path("schema/", schema, name="schema"),
    *router.urls,
    re_path(r"^(?P<rest>.*)$", unknown_address),
]
