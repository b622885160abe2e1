"""Messages with the outbox's views, and decisions. Both are records: read, never edited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from scrm.console import why
from scrm.console.access import ANSWER, person
from scrm.console.admin.base import Colours, ReadOnlyAdmin, is_list, may
from scrm.console.admin.filters import ConnectionFilter, DirectionFilter, OutboxFilter
from scrm.console.inbox import reasons, wording
from scrm.console.templatetags.console import moment
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
    sentences = ("error_title",)
    list_display = ("shown_time", "shown_contact", "shown_text", "shown_state", "connection")
    list_filter = (OutboxFilter, DirectionFilter, ConnectionFilter)
    search_fields = ("text",)
    search_help_text = _("Words in any language")
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("conversation__identity__contact", "connection")
    list_display_links = ("shown_time",)
    # A row needs no more; a connection's encrypted credentials were the dearest part of it.
    listed = ("direction", "kind", "text", "sent_at", "state", "error_code", "error_title", "connection__label", "conversation__id")
    actions = in_steps = ("send_again", "give_up")
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
        ("cost", "cost_currency"),
    )
    readonly_fields = ("in_conversation",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        rows: QuerySet[Message] = super().get_queryset(request)
        if request.method != "GET" or not is_list(request):
            return rows
        return rows.only(*self.listed, "conversation__identity__contact__name")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Message], search_term: str) -> tuple[QuerySet[Message], bool]:
        return (queryset.search(search_term) if search_term.strip() else queryset), False  # type: ignore[attr-defined]

    @display(description=_("contact"))
    def shown_contact(self, row: Message) -> str:
        return self._link(row, str(row.conversation.identity.contact))

    @display(description=_("conversation"))
    def in_conversation(self, row: Message) -> str:
        return self._link(row, str(row.conversation.identity))

    def _link(self, row: Message, words: str) -> str:
        return format_html('<a href="{}{}/#m{}">{}</a>', inbox_address(), row.conversation_id, row.pk, words)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only the views of sends that ended badly have something to decide; boxes for all others would cost a third of the page."""
        return super().get_actions(request) if request.GET.get(OutboxFilter.parameter_name) in {"failed", "blocked", "unknown"} else {}

    @display(description=_("time"))
    def shown_time(self, row: Message) -> str:
        return short_time(row.sent_at)

    @display(description=_("text"))
    def shown_text(self, row: Message) -> str:
        """The direction as an arrow, the first words, and behind them why it did not go."""
        words = " ".join(row.text.split())[:80] or wording.kind_name(row.kind)
        arrow = {"in": "←", "out": "→"}.get(row.direction, "✎")
        reason = f" · {row.error_code} {row.error_title}".rstrip()[:80] if row.error_code or row.error_title else ""
        return f"{arrow} {words}{reason}"

    @display(description=_("state"))
    def shown_state(self, row: Message) -> str:
        return state_chip(row.state, get_language() or "")

    @action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> int:
        return self._each(request, queryset, services.resend)

    @action(description=_("Give up: count as failed"), permissions=["send"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Message]) -> int:
        return self._each(request, queryset, services.give_up)

    def _each(self, request: HttpRequest, queryset: QuerySet[Message], service: object) -> int:
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
        return done

    def has_send_permission(self, request: HttpRequest) -> bool:
        return may(request, ANSWER)


def short_time(at: datetime) -> str:
    """On one line: a column of times is read downwards."""
    return format_html('<span class="whitespace-nowrap">{}</span>', date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT"))


@lru_cache
def inbox_address() -> str:
    return reverse("console:inbox")


@lru_cache(maxsize=256)
def state_chip(state: str, language: str) -> str:
    """Drawn once a state and language: looking up a state's label costs more than the rest of a row."""
    return format_html(
        '<span class="console-chip {}">{}</span>', STATE_COLOURS.get(state, ""), dict(Message.State.choices).get(state, state)
    )


class RecentFilter(SimpleListFilter):
    """Narrows the newest `SEARCHED` decisions: what is rare must not make the page read the whole table."""

    SEARCHED = 50_000
    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        newest = queryset.order_by("-decided_at", "-id").values_list("pk", flat=True).first()
        if newest is None:
            return queryset
        edge = Decision.objects.filter(pk__lte=newest - self.SEARCHED).order_by("-pk").values_list("decided_at", flat=True).first()
        recent = queryset.filter(decided_at__gt=edge) if edge else queryset
        return recent.filter(**{self.field: self.value()})


class DecidingRuleFilter(RecentFilter):
    title = _("rule")
    parameter_name = "rule"
    field = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(reasons.RULES.items())


class VerdictFilter(RecentFilter):
    title = _("verdict")
    parameter_name = "verdict"
    field = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(Decision.Verdict.choices)


class DecidingConnectionFilter(ConnectionFilter, RecentFilter):
    field = "connection"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return RecentFilter.queryset(self, request, queryset) if (self.value() or "").isdecimal() else queryset


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """The list; a row leads to the screen that tells all about its message, see `console/why.py`."""

    list_display = (
        "shown_time",
        "shown_contact",
        "shown_verdict",
        "shown_rule",
        "shown_until",
        "shown_asker",
        "shown_moment",
        "connection",
    )
    list_filter = (DecidingRuleFilter, VerdictFilter, DecidingConnectionFilter)
    ordering = ("-decided_at", "-id")
    older_by = "decided_at"
    sortable_by = ()
    list_select_related = ("contact", "connection")
    listed = ("decided_at", "verdict", "rule", "until", "asked_by", "moment", "contact__name", "connection__label")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        rows: QuerySet[Decision] = super().get_queryset(request)
        return rows.only(*self.listed) if is_list(request) else rows

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=int(object_id)).select_related("contact").first() if object_id.isdecimal() else None
        if row is None:
            raise Http404
        return why.of_message(request, row.message_id) if row.message_id else why.page(request, None, [row])

    @display(description=_("decided"))
    def shown_time(self, row: Decision) -> str:
        return short_time(row.decided_at)

    @display(description=_("contact"))
    def shown_contact(self, row: Decision) -> str:
        return str(row.contact)

    @display(description=_("verdict"), label=Colours(allow="success", defer="warning", refuse="danger"))
    def shown_verdict(self, row: Decision) -> tuple[str, str]:
        return row.verdict, str(Decision.Verdict(row.verdict).label)

    @display(description=_("next allowed"))
    def shown_until(self, row: Decision) -> str:
        return moment(row.until) if row.until else ""

    @display(description=_("asked by"))
    def shown_asker(self, row: Decision) -> str:
        return wording.asker_name(row.asked_by)

    @display(description=_("at the moment of"))
    def shown_moment(self, row: Decision) -> str:
        return wording.moment_name(row.moment)

    @display(description=_("rule"))
    def shown_rule(self, row: Decision) -> str:
        return reasons.rule_sentence(row.rule) if row.rule else ""
