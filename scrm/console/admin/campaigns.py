"""Campaigns: who gets a template and why others do not, seen before it starts; then how it goes, with buttons to hold and stop it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from scrm.campaigns import campaigns, figures, plan, trying
from scrm.campaigns.models import Campaign, Recipient
from scrm.console.access import person as staff
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin, is_list
from scrm.console.inbox import reasons, wording
from scrm.console.template_wording import language_name
from scrm.conversations.models import MessageTemplate
from scrm.conversations.queueing import QueueResult
from scrm.conversations.states import OPEN
from scrm.conversations.template_bubble import Bubble, bubble_of
from scrm.conversations.template_states import SENDABLE
from scrm.conversations.template_values import Subject, values_for
from scrm.core import clock

State = Campaign.State
COLOURS = Colours(preparing="info", ready="info", running="success", paused="warning", stopped="danger", done="success")
# The pages of these are followed: something happens on them without anybody's doing.
MOVING = frozenset({State.PREPARING, State.RUNNING})
OWN = {str(value): label for value, label in Recipient.Reason.choices}


class TemplateChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {language_name(obj.language)} · {wording.category_name(obj.category)} · {obj.connection.label}"


@admin.register(Campaign)
class CampaignAdmin(ConsoleAdmin):
    list_display = ("name", "shown_state", "segment", "template", "shown_number", "people", "eligible", "started_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("segment", "template__connection")
    search_fields = ("name",)
    ordering = ("-id",)
    fields = ("name", ("segment", "template"), "starts_at")
    change_form_outer_before_template = "console/admin/campaign.html"

    class Media:
        css = {"all": ["console/templates.css"]}
        js = ("console/campaign.js",)

    @display(description=_("state"), label=COLOURS, ordering="state")
    def shown_state(self, row: Campaign) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("connection"))
    def shown_number(self, row: Campaign) -> str:
        return row.template.connection.label

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "template":
            usable = MessageTemplate.objects.filter(status__in=SENDABLE).select_related("connection")
            kwargs |= {"queryset": usable.order_by("name", "language", "pk"), "form_class": TemplateChoice}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state in campaigns.EDITABLE)

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """What was sent stays told of."""
        return obj is not None and obj.state in campaigns.EDITABLE and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = staff(request)
            obj.save()
            return
        try:
            campaigns.edit(obj, **{name: form.cleaned_data[name] for name in ("name", "segment", "template", "starts_at")})
        except campaigns.Refused as refused:
            messages.error(request, str(refused))

    def response_add(self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None) -> HttpResponse:
        """Its page is where it goes on."""
        return redirect("admin:campaigns_campaign_change", obj.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self._row(request, object_id) if request.method == "GET" and object_id.isdecimal() else None
        panel = self._panel(request, row) if row is not None else {}
        answer: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})
        return answer

    def _row(self, request: HttpRequest, object_id: str) -> Campaign | None:
        rows: QuerySet[Campaign] = self.get_queryset(request).select_related("segment", "template__connection", "created_by", "started_by")
        row = rows.filter(pk=object_id).first()
        return row if row is not None and self.has_view_or_change_permission(request, row) else None

    def get_urls(self) -> list[Any]:
        def guarded(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        own = [
            path("<int:pk>/do/", guarded(require_POST(self.do)), name="campaigns_campaign_do"),
            path("<int:pk>/test/", guarded(require_POST(self.test)), name="campaigns_campaign_test"),
            path("<int:pk>/figures/", guarded(require_safe(self.figures_now)), name="campaigns_campaign_figures"),
        ]
        return own + list(super().get_urls())

    def do(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One of the buttons."""
        act = request.POST.get("act", "")
        if not self.has_view_or_change_permission(request) or not self._may(request, act):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if act not in {PREPARE, *ACTS}:
            raise SuspiciousOperation(f"{act!r} is no button of a campaign")
        try:
            campaigns.prepare(row) if act == PREPARE else ACTS[act](row, by=staff(request))
        except campaigns.Refused as refused:
            messages.error(request, str(refused))
        return redirect("admin:campaigns_campaign_change", pk)

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To one number, before it goes to many."""
        if not self.has_view_or_change_permission(request) or not self._may(request, "start"):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request).select_related("segment", "template__connection"), pk=pk)
        number = request.POST.get("number", "").strip()[:60]
        try:
            sent = trying.send_test(row, number, by=staff(request), once=request.POST.get("once", ""))
        except campaigns.Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.add_message(request, *_tested(sent, number))
        return redirect("admin:campaigns_campaign_change", pk)

    def _may(self, request: HttpRequest, act: str) -> bool:
        return request.user.has_perm("campaigns.change_campaign" if act == PREPARE else "campaigns.send_campaign")

    def figures_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The panel alone, for the page that follows it."""
        row = self._row(request, str(pk))
        if row is None:
            raise PermissionDenied
        return render(request, "console/admin/campaign_panel.html", self._panel(request, row))

    def _panel(self, request: HttpRequest, row: Campaign) -> dict[str, Any]:
        told = figures.of(row)
        listed = f"{reverse('admin:campaigns_recipient_changelist')}?campaign__id__exact={row.pk}"
        first = row.recipients.select_related("contact").order_by("pk")
        person = first.filter(state=Recipient.State.SENT).first() or first.filter(state=Recipient.State.WAITING).first()
        return {
            "campaign": row,
            "moving": row.state in MOVING or (row.state == State.STOPPED and row.finished_at is None),
            "buttons": [(name, label, tone, _ask(row, name)) for name, label, tone in _buttons(row) if self._may(request, name)],
            "figures": told,
            "checked": row.people - told.unchecked,
            "done": told.sent + told.failed + told.left_out + told.unknown,
            "listed": listed,
            "left_out": [(_words(code), people, f"{listed}&reason={code}") for code, people in told.reasons.most_common()],
            "waits": [(_words(code), people, told.until.get(code)) for code, people in told.waits.most_common()],
            "failures": told.failures.most_common(),
            "costs": [(currency, Decimal(amount)) for currency, amount in row.costs.items()],
            "calendar": _calendar(row),
            "per_day": plan.per_day(row, clock.now()),
            "bubble": _bubble(row, person),
            "person": person.contact if person else None,
            "once": uuid.uuid4().hex,
            "may_try": row.state in campaigns.EDITABLE and self._may(request, "start"),
        }


PREPARE = "prepare"
ACTS: dict[str, Callable[..., None]] = {
    "start": campaigns.start,
    "pause": campaigns.pause,
    "resume": campaigns.resume,
    "stop": campaigns.stop,
}


def _buttons(row: Campaign) -> list[tuple[str, str, str]]:
    """(name, what stands on it, tone): the one that goes on first."""
    check, again = (PREPARE, gettext("Check who gets it"), "main"), (PREPARE, gettext("Check again"), "")
    stop = ("stop", gettext("Stop for good"), "bad")
    return {
        State.DRAFT: [check],
        State.PREPARING: [("stop", gettext("Stop checking"), "")],
        State.READY: [("start", gettext("Start sending"), "main"), again] if row.eligible else [check],
        State.RUNNING: [("pause", gettext("Pause"), "main"), stop],
        State.PAUSED: [("resume", gettext("Go on"), "main"), stop],
    }.get(State(row.state), [])


def _ask(row: Campaign, act: str) -> str:
    """What cannot be taken back is asked about once more."""
    if act == "start":
        return gettext("Send it to %(people)s people?") % {"people": row.eligible}
    stops = act == "stop" and row.state != State.PREPARING
    return gettext("Stop it for good? What has not left will never be sent.") if stops else ""


def _tested(sent: QueueResult, number: str) -> tuple[int, str]:
    """How a message to the reader is to look, and what it says of a test."""
    why = format_html('<a class="underline" href="{}">{}</a>', reverse("console:why", args=[sent.message.pk]), gettext("Why?"))
    if sent.message.state == "blocked":
        text = gettext("The test does not go to %(number)s: %(reason)s") % {"number": number, "reason": _words(sent.decision.rule)}
        return messages.ERROR, format_html("{} {}", text, why)
    if sent.decision.rule and sent.decision.until:
        text = gettext("The test to %(number)s waits: %(reason)s") % {"number": number, "reason": _words(sent.decision.rule)}
        return messages.WARNING, format_html("{} {}", text, why)
    return messages.SUCCESS, gettext("The test is on its way to %(number)s.") % {"number": number}


def _words(code: str) -> str:
    return str(OWN[code]) if code in OWN else reasons.rule_sentence(code)


def _calendar(row: Campaign) -> list[tuple[date, int]]:
    if row.state not in {State.READY, State.RUNNING, State.PAUSED}:
        return []
    days = plan.calendar(row, clock.now())
    return days if len(days) > 1 else []


def _bubble(row: Campaign, person: Recipient | None) -> Bubble:
    """As the first of them reads it, or with the places empty."""
    components = row.template.components
    if person is None:
        return bubble_of(components, {})
    subject = Subject(person.contact, row.template.connection, row.template.language, now=clock.now())
    return bubble_of(components, values_for(row.template, subject))


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Whom a campaign goes to, and what became of it for each."""

    list_display = ("shown_contact", "shown_campaign", "shown_state", "shown_reason", "until", "shown_message")
    list_filter = ("state",)
    list_select_related = ("contact", "campaign", "message")
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    listed = (
        "state", "reason", "note", "until", "contact__name", "campaign__name", "message__id", "message__state", "message__conversation",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        rows: QuerySet[Recipient] = super().get_queryset(request)
        return rows.only(*self.listed) if is_list(request) else rows

    @display(description=_("contact"))
    def shown_contact(self, row: Recipient) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:contacts_contact_change", args=[row.contact_id]), row.contact)

    @display(description=_("campaign"))
    def shown_campaign(self, row: Recipient) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:campaigns_campaign_change", args=[row.campaign_id]), row.campaign)

    @display(description=_("state"), label=Colours(waiting="info", sent="success", left_out="warning"))
    def shown_state(self, row: Recipient) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("reason"))
    def shown_reason(self, row: Recipient) -> str:
        """Of what has gone nothing stands in the way any more."""
        gone = row.message is not None and row.message.state not in {*OPEN, "blocked"}
        return "-" if gone else " ".join(filter(None, [_words(row.reason) if row.reason else "", row.note])) or "-"

    @display(description=_("message"))
    def shown_message(self, row: Recipient) -> str:
        """Leads to why it went or not."""
        if row.message is None:
            return "-"
        return format_html('<a href="{}">{}</a>', reverse("console:why", args=[row.message.pk]), row.message.get_state_display())
