"""Filters whose choices are known without reading the table that they filter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from scrm.automation.actions import ACTIONS
from scrm.automation.triggers import TRIGGERS
from scrm.connections.models import Connection
from scrm.console.inbox import wording
from scrm.contacts.models import IdentityCase
from scrm.conversations.models import Message, MessageTemplate
from scrm.tags.models import Tag, TagAssignment

Choices = Iterable[tuple[str, Any]]

COUNTRIES = ("HK", "TW", "JP", "SG", "MO", "CN", "MY", "TH", "PH", "ID", "VN", "KR")


class CountryFilter(SimpleListFilter):
    title = _("country")
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, code) for code in COUNTRIES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(country=self.value()) if self.value() else queryset


class TagFilter(SimpleListFilter):
    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(Tag.objects.values_list("slug", "name")[:100])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        tagged = TagAssignment.objects.filter(tag__slug=self.value(), removed_at=None)
        return queryset.filter(Exists(tagged.filter(contact=OuterRef("pk"))) | Exists(tagged.filter(contact__merged_into=OuterRef("pk"))))


class OutboxFilter(SimpleListFilter):
    """The outbox's views. Each rests on an index of its own."""

    title = _("outbox")
    parameter_name = "outbox"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("to_send", _("to send")),
            ("deferred", _("deferred")),
            ("failed", _("failed")),
            ("blocked", _("blocked")),
            ("unknown", _("outcome unknown")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        from scrm.core import clock

        if self.value() == "to_send":
            return queryset.filter(state__in=["queued", "claimed", "sending"])
        if self.value() == "deferred":
            return queryset.filter(state="queued", due_at__gt=clock.now())
        if self.value() in {"failed", "blocked", "unknown"}:
            return queryset.filter(state=self.value())
        return queryset


class ConnectionFilter(SimpleListFilter):
    title = _("connection")
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(pk), label) for pk, label in Connection.objects.values_list("pk", "label")[:60]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(connection=int(value)) if value.isdecimal() else queryset


class TriggerFilter(SimpleListFilter):
    title = _("when")
    parameter_name = "trigger"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(TRIGGERS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(trigger=self.value()) if self.value() else queryset


class ActionFilter(SimpleListFilter):
    title = _("do")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, action.label) for name, action in ACTIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class TemplateStatusFilter(SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(MessageTemplate.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


class TemplateCategoryFilter(SimpleListFilter):
    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, wording.category_name(name)) for name in ("UTILITY", "MARKETING", "AUTHENTICATION")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class DirectionFilter(SimpleListFilter):
    title = _("direction")
    parameter_name = "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(Message.Direction.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(direction=self.value()) if self.value() else queryset


class RepairFilter(SimpleListFilter):
    title = _("to repair")
    parameter_name = "repair"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("1", _("number could not be read"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(needs_repair="") if self.value() else queryset


class IdentityCaseFilter(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(IdentityCase.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset
