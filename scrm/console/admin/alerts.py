"""What a person must know or do, and what happened to the connections: read only, written by the product."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.connections.models import Alert, ConnectionChange
from scrm.connections.sentences import worded
from scrm.console.admin.base import Colours, ReadOnlyAdmin
from scrm.console.channel_page import value_name


class OpenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Open")), ("0", _("Closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(closed_at__isnull=self.value() == "1") if self.value() in {"0", "1"} else queryset


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("shown_level", "shown_text", "connection", "raised_at", "closed_at", "times")
    list_display_links = ("shown_text",)
    list_filter = (OpenFilter, "level")
    list_select_related = ("connection",)
    ordering = ("-raised_at",)
    older_by = "raised_at"
    fields = ("shown_level", "shown_text", "connection", "raised_at", "closed_at", "times", "key")

    @display(description=_("level"), label=Colours(warning="warning", error="danger"))
    def shown_level(self, row: Alert) -> tuple[str, str]:
        return ("", gettext("Over")) if row.closed_at else (row.level, row.get_level_display())

    @display(description=_("what happened and what to do"))
    def shown_text(self, row: Alert) -> str:
        """Stored in the product's own words, read in the reader's language."""
        return format_html('<span class="console-alert-text"><b>{}</b><br>{}</span>', worded(row.text), worded(row.advice))


@admin.register(ConnectionChange)
class ConnectionChangeAdmin(ReadOnlyAdmin):
    list_display = ("at", "connection", "kind", "shown_before", "shown_after", "shown_reason")
    list_filter = ("kind", "connection")
    list_select_related = ("connection",)
    ordering = ("-at",)
    older_by = "at"

    @display(description=_("before"))
    def shown_before(self, row: ConnectionChange) -> str:
        return value_name(row.kind, row.before)

    @display(description=_("after"))
    def shown_after(self, row: ConnectionChange) -> str:
        return value_name(row.kind, row.after)

    @display(description=_("reason"))
    def shown_reason(self, row: ConnectionChange) -> str:
        return worded(row.reason)
