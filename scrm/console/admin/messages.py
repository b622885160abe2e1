"""Messages with the outbox's views, and decisions. Both are records: read, never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from scrm.console.admin.base import Colours, ReadOnlyAdmin, may
from scrm.console.admin.filters import ConnectionFilter, DirectionFilter, OutboxFilter
from scrm.console.inbox import reasons, wording
from scrm.console.inbox.access import ACT, person
from scrm.conversations import services
from scrm.conversations.models import Decision, Message

# Colours of the states that a person should notice; see console.css.
STATE_COLOURS = {
    "failed": "bad",
    "expired": "bad",
    "blocked": "warn",
    "unknown": "warn",
    "read": "good",
    "delivered": "good",
    "queued": "calm",
}


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("shown_time", "shown_contact", "shown_text", "shown_state", "connection")
    list_filter = (OutboxFilter, DirectionFilter, ConnectionFilter)
    search_fields = ("text",)
    search_help_text = _("Words in any language")
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("conversation__identity__contact", "connection")
    list_display_links = ("shown_time",)
    actions = ("send_again", "give_up")
    fields = (
        ("in_conversation", "direction", "kind"),
        "text",
        "content",
        ("state", "source", "category"),
        "author",
        "cause",
        ("sent_at", "due_at", "accepted_at"),
        ("delivered_at", "read_at", "failed_at"),
        ("error_code", "error_title"),
        ("external_id", "reply_to"),
        ("attempts", "fence", "lease_until"),
        ("price_category", "billable"),
    )
    readonly_fields = ("in_conversation",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Message], search_term: str) -> tuple[QuerySet[Message], bool]:
        return (queryset.search(search_term) if search_term.strip() else queryset), False  # type: ignore[attr-defined]

    @display(description=_("contact"))
    def shown_contact(self, row: Message) -> str:
        return self._link(row, str(row.conversation.identity.contact))

    @display(description=_("conversation"))
    def in_conversation(self, row: Message) -> str:
        return self._link(row, str(row.conversation.identity))

    def _link(self, row: Message, words: str) -> str:
        return format_html('<a href="{}#m{}">{}</a>', reverse("console:conversation", args=[row.conversation_id]), row.pk, words)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only the views of sends that ended badly have something to decide; boxes for all others would cost a third of the page."""
        return super().get_actions(request) if request.GET.get(OutboxFilter.parameter_name) in {"failed", "blocked", "unknown"} else {}

    @display(description=_("time"))
    def shown_time(self, row: Message) -> str:
        return date_format(timezone.localtime(row.sent_at), "SHORT_DATETIME_FORMAT")

    @display(description=_("text"))
    def shown_text(self, row: Message) -> str:
        """The direction as an arrow, the first words, and behind them why it did not go."""
        words = " ".join(row.text.split())[:80] or wording.kind_name(row.kind)
        arrow = {"in": "←", "out": "→"}.get(row.direction, "✎")
        reason = f" · {row.error_code} {row.error_title}".rstrip()[:80] if row.error_code or row.error_title else ""
        return f"{arrow} {words}{reason}"

    @display(description=_("state"))
    def shown_state(self, row: Message) -> str:
        return format_html('<span class="console-chip {}">{}</span>', STATE_COLOURS.get(row.state, ""), row.get_state_display())

    @action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._each(request, queryset, services.resend)

    @action(description=_("Give up: count as failed"), permissions=["send"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._each(request, queryset, services.give_up)

    def _each(self, request: HttpRequest, queryset: QuerySet[Message], service: object) -> None:
        done, refused = 0, ""
        for message in queryset.select_related("conversation__connection", "conversation__identity__contact"):
            try:
                service(message, by=person(request))  # type: ignore[operator]
                done += 1
            except services.RefusedState as error:
                refused = str(error)
        self.message_user(request, ngettext("%d message", "%d messages", done) % done, messages.SUCCESS if done else messages.WARNING)
        if refused:
            self.message_user(request, refused, messages.WARNING)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return may(request, ACT)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("decided_at", "shown_contact", "shown_verdict", "shown_rule", "until", "shown_asker", "shown_moment", "connection")
    list_filter = (ConnectionFilter,)
    ordering = ("-decided_at", "-id")
    older_by = "decided_at"
    sortable_by = ()
    list_select_related = ("contact", "connection")

    @display(description=_("contact"))
    def shown_contact(self, row: Decision) -> str:
        return str(row.contact)

    @display(description=_("verdict"), label=Colours(allow="success", defer="warning", refuse="danger"))
    def shown_verdict(self, row: Decision) -> tuple[str, str]:
        return row.verdict, row.get_verdict_display()

    @display(description=_("asked by"))
    def shown_asker(self, row: Decision) -> str:
        return wording.asker_name(row.asked_by)

    @display(description=_("at the moment of"))
    def shown_moment(self, row: Decision) -> str:
        return wording.moment_name(row.moment)

    @display(description=_("rule"))
    def shown_rule(self, row: Decision) -> str:
        return reasons.rule_sentence(row.rule) if row.rule else ""
