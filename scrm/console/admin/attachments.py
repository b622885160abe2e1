"""Files that customers sent: what is missing and why, and the button that asks for it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from scrm.console.access import ANSWER, SEE_CHATS
from scrm.console.admin.base import Colours, ReadOnlyAdmin, may
from scrm.console.inbox import wording
from scrm.conversations import media
from scrm.conversations.models import Attachment


class FileFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "files"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("failed", _("Missing")),
            ("waiting", _("To be fetched")),
            ("stored", _("Stored")),
            ("no-copy", _("Stored, without a copy for the CRM")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attachment]) -> QuerySet[Attachment]:
        if self.value() == "no-copy":
            return queryset.filter(state="stored").exclude(last_error="")
        return queryset.filter(state=self.value()) if self.value() in Attachment.State.values else queryset


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    sentences = ("last_error",)
    list_display = ("shown_time", "shown_contact", "shown_name", "shown_size", "shown_state", "last_error")
    list_display_links = ("shown_time",)
    list_filter = (FileFilter,)
    list_select_related = ("message__conversation__identity__contact",)
    ordering = ("-id",)
    sortable_by = ()
    actions = in_steps = ("try_again",)
    fields = (
        ("shown_contact", "kind", "mime_type"),
        ("shown_name", "shown_size"),
        ("shown_state", "attempts", "due_at"),
        "last_error",
        ("shown_file", "shown_copy"),
        "sha256",
    )
    readonly_fields = ("shown_contact", "shown_name", "shown_size", "shown_state", "shown_file", "shown_copy")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only what is missing can be asked for again."""
        return super().get_actions(request) if request.GET.get(FileFilter.parameter_name) == "failed" else {}

    @display(description=_("time"))
    def shown_time(self, row: Attachment) -> str:
        return date_format(timezone.localtime(row.message.sent_at), "SHORT_DATETIME_FORMAT")

    @display(description=_("contact"))
    def shown_contact(self, row: Attachment) -> str:
        address = reverse("console:conversation", args=[row.message.conversation_id])
        return format_html('<a href="{}#m{}">{}</a>', address, row.message_id, row.message.conversation.identity.contact)

    @display(description=_("file"))
    def shown_name(self, row: Attachment) -> str:
        return row.filename or str(wording.kind_name(row.kind))

    @display(description=_("size"))
    def shown_size(self, row: Attachment) -> str:
        return filesizeformat(row.size) if row.size is not None else ""

    @display(description=_("state"), label=Colours(failed="danger", waiting="warning", stored="success"))
    def shown_state(self, row: Attachment) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("as it came"))
    def shown_file(self, row: Attachment) -> str:
        return self._link(row, "?original", row.file.name, row.filename or row.mime_type)

    @display(description=_("copy for the CRM"))
    def shown_copy(self, row: Attachment) -> str:
        return self._link(row, "", row.crm_file.name, "JPEG")

    def _link(self, row: Attachment, query: str, stored: str | None, words: str) -> str:
        if not stored or row.state != Attachment.State.STORED:
            return ""
        return format_html('<a href="{}{}">{}</a>', reverse("console:attachment", args=[row.pk]), query, words)

    @action(description=_("Try again"), permissions=["fetch"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Attachment]) -> int:
        rows = list(queryset.filter(state=Attachment.State.FAILED).select_related("message"))
        for row in rows:
            media.try_again(row)
        words = ngettext("%d file is being fetched again.", "%d files are being fetched again.", len(rows)) % len(rows)
        self.message_user(request, words, messages.SUCCESS if rows else messages.WARNING)
        return len(rows)

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        return may(request, ANSWER)

    def has_view_permission(self, request: HttpRequest, obj: Attachment | None = None) -> bool:
        """Whoever may read conversations sees the files in them, here as there."""
        return may(request, SEE_CHATS) or super().has_view_permission(request, obj)
