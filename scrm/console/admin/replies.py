"""Quick replies, message templates and segments."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.campaigns.models import Segment
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin
from scrm.console.admin.filters import ConnectionFilter, TemplateCategoryFilter, TemplateStatusFilter
from scrm.console.inbox import wording
from scrm.conversations.models import MessageTemplate, QuickReply


@admin.register(QuickReply)
class QuickReplyAdmin(ConsoleAdmin):
    list_display = ("shortcut", "language", "title", "shown_text", "used")
    search_fields = ("shortcut", "title", "text")
    fields = (("shortcut", "language"), "title", "text")

    @display(description=_("text"))
    def shown_text(self, row: QuickReply) -> str:
        return row.text[:80]

    def get_actions(self, request):  # type: ignore[no-untyped-def]
        return super(ConsoleAdmin, self).get_actions(request)


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ReadOnlyAdmin):
    """They are made and approved with the platform; here they are read."""

    list_display = ("name", "language", "shown_category", "shown_status", "shown_quality", "connection", "synced_at")
    list_filter = (ConnectionFilter, TemplateStatusFilter, TemplateCategoryFilter)
    list_select_related = ("connection",)
    search_fields = ("name",)

    @display(description=_("category"), ordering="category")
    def shown_category(self, row: MessageTemplate) -> str:
        return wording.category_name(row.category)

    @display(description=_("quality"), ordering="quality")
    def shown_quality(self, row: MessageTemplate) -> str:
        return wording.quality_name(row.quality)

    @display(
        description=_("status"),
        label=Colours(APPROVED="success", PENDING="info", REJECTED="danger", PAUSED="warning", DISABLED="danger"),
    )
    def shown_status(self, row: MessageTemplate) -> tuple[str, str]:
        return row.status, str(dict(MessageTemplate.Status.choices).get(row.status, row.status))


@admin.register(Segment)
class SegmentAdmin(ConsoleAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
