"""Messages that people scheduled: who, when, how they stand and why one is held. Read only; they are decided on in the conversation."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.admin.base import Colours, ReadOnlyAdmin, is_list
from scrm.console.admin.messages import short_time
from scrm.console.inbox import wording
from scrm.conversations.models import LaterMessage


@admin.register(LaterMessage)
class LaterMessageAdmin(ReadOnlyAdmin):
    list_display = ("shown_time", "shown_contact", "shown_text", "shown_author", "shown_state", "shown_because", "shown_number")
    list_filter = ("state",)
    list_display_links = ("shown_time",)
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("author", "conversation__identity__contact", "conversation__connection")
    # A row needs no more; a connection's encrypted credentials were the dearest part of it.
    listed = (
        "kind", "text", "send_at", "state", "because", "author__username", "author__display_name", "author__first_name",
        "author__last_name", "conversation__id", "conversation__identity__contact__name", "conversation__connection__label",
    )  # fmt: skip
    fields = (
        ("shown_contact", "shown_number"), ("shown_author", "created_at"), "send_at", ("state", "because"), "hold_on_reply",
        ("kind", "category"), "text",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[LaterMessage]:
        rows: QuerySet[LaterMessage] = super().get_queryset(request)
        return rows.only(*self.listed) if request.method == "GET" and is_list(request) else rows

    def get_readonly_fields(self, request: HttpRequest, obj: LaterMessage | None = None) -> Any:
        return ("shown_contact", "shown_number", "shown_author")

    @display(description=_("to be sent"))
    def shown_time(self, row: LaterMessage) -> str:
        return short_time(row.send_at)

    @display(description=_("contact"))
    def shown_contact(self, row: LaterMessage) -> str:
        """Leads to the conversation: there it is sent now or cancelled."""
        address = reverse("console:conversation", args=[row.conversation_id])
        return format_html('<a href="{}#later-{}">{}</a>', address, row.pk, row.conversation.identity.contact)

    @display(description=_("text"))
    def shown_text(self, row: LaterMessage) -> str:
        return " ".join(row.text.split())[:80] or wording.kind_name(row.kind)

    @display(description=_("scheduled by"))
    def shown_author(self, row: LaterMessage) -> str:
        return str(row.author or "-")

    @display(description=_("state"), label=Colours(waiting="info", held="warning", sent="success"))
    def shown_state(self, row: LaterMessage) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("held because"))
    def shown_because(self, row: LaterMessage) -> str:
        return row.get_because_display() if row.because else "-"

    @display(description=_("connection"))
    def shown_number(self, row: LaterMessage) -> str:
        return row.conversation.connection.label
