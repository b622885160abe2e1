"""Quick replies and segments."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.admin.base import ConsoleAdmin
from scrm.console.template_wording import language_name
from scrm.conversations.models import QuickReply


@admin.register(QuickReply)
class QuickReplyAdmin(ConsoleAdmin):
    list_display = ("shortcut", "shown_language", "title", "shown_text", "used")
    search_fields = ("shortcut", "title", "text")
    fields = (("shortcut", "language"), "title", "text")

    @display(description=_("language"), ordering="language")
    def shown_language(self, row: QuickReply) -> str:
        return language_name(row.language) if row.language else ""

    @display(description=_("text"))
    def shown_text(self, row: QuickReply) -> str:
        return row.text[:80]

    def get_actions(self, request):  # type: ignore[no-untyped-def]
        return super(ConsoleAdmin, self).get_actions(request)
