"""Outgoing webhooks with their health, and each delivery with what was sent and answered."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from connectors import guard
from connectors.errors import ConnectorError
from connectors.standard_webhooks import check_header
from scrm.connections.sentences import worded
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin, is_list
from scrm.console.admin.forms import dress
from scrm.hooks import kinds, services
from scrm.hooks.models import Delivery, Endpoint


class EndpointForm(forms.ModelForm[Endpoint]):
    """Address, events, and for receivers that check no signature a secret in a header. An empty secret keeps the stored one."""

    events = forms.MultipleChoiceField(
        label=_("events"),
        choices=lambda: [(name, f"{name}: {words}") for name, words in kinds.EVENTS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    header_secret = forms.CharField(
        label=_("secret in the header"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("For Pabbly and others that check no signature. Empty: the stored one stays."),
    )

    class Meta:
        model = Endpoint
        fields = ("label", "url", "events", "header_name", "header_secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        name, secret = values.get("header_name") or "", values.get("header_secret") or ""
        try:
            if values.get("url"):
                guard.check(values["url"].strip())
            if name or secret:
                check_header(name, secret or "kept")
        except ConnectorError as error:
            field = "header_name" if "header" in error.title else "url"
            raise ValidationError({field: error.title}) from None
        return values


@admin.register(Endpoint)
class EndpointAdmin(ConsoleAdmin):
    list_display = ("label", "shown_events", "shown_state", "shown_reason", "waiting", "failed", "last_success_at", "owner")
    list_filter = ("state",)
    search_fields = ("label",)
    form = EndpointForm
    actions = ("test", "pause", "resume", "rotate", "drop_old", "replay_failed")
    older_by = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        rows: QuerySet[Endpoint] = super().get_queryset(request)
        if not is_list(request):
            return rows
        return rows.annotate(
            due_count=Count("deliveries", filter=Q(deliveries__state=Delivery.State.DUE)),
            failed_count=Count("deliveries", filter=Q(deliveries__state=Delivery.State.FAILED)),
        )

    @admin.display(description=_("events"))
    def shown_events(self, row: Endpoint) -> str:
        return services.events_in_words(row.events)

    @display(description=_("state"), label=Colours(active="success", paused="warning", off="danger", resting="danger"))
    def shown_state(self, row: Endpoint) -> tuple[str, str]:
        if row.state == Endpoint.State.ACTIVE and row.failures:
            return "resting", ngettext("%d failure in a row", "%d failures in a row", row.failures) % row.failures
        return row.state, row.get_state_display()

    @admin.display(description=_("reason"))
    def shown_reason(self, row: Endpoint) -> str:
        return worded(row.state_reason or row.last_error)

    @admin.display(description=_("waiting"))
    def waiting(self, row: Endpoint) -> int:
        return int(getattr(row, "due_count", 0))

    @admin.display(description=_("failed"))
    def failed(self, row: Endpoint) -> int:
        return int(getattr(row, "failed_count", 0))

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        given, secret = form.cleaned_data, form.cleaned_data.get("header_secret") or ""
        if change:
            obj.secrets = {**obj.secrets, **({"header": secret} if secret else {})}
            obj.save(update_fields=["label", "url", "events", "header_name", "secrets"])
            services.forget()
            return
        header = (given["header_name"], secret) if secret and given["header_name"] else None
        owner = request.user.get_username()
        made, _new = services.subscribe(given["url"], given["events"], label=given["label"], owner=owner, header=header)
        obj.pk = made.pk
        self._show(request, made.secrets["signing"][0])

    def delete_model(self, request: HttpRequest, obj: Endpoint) -> None:
        services.unsubscribe(Endpoint.objects.filter(pk=obj.pk))

    def _show(self, request: HttpRequest, secret: str) -> None:
        self.message_user(
            request, gettext("Copy the signing secret now, it is not shown again: %(secret)s") % {"secret": secret}, messages.WARNING
        )

    @action(description=_("Send a test"), permissions=["operate"])
    def test(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for row in queryset:
            services.send_test(row)
        self.message_user(request, gettext("The test is on its way; its answer shows under deliveries."))

    @action(description=_("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for row in queryset:
            services.pause(row, by=request.user.get_username())
        self.message_user(request, gettext("Paused; what happens meanwhile is kept."))

    @action(description=_("Resume"), permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for row in queryset:
            services.resume(row)
        self.message_user(request, gettext("Resumed."))

    @action(description=_("Make a new signing secret"), permissions=["operate"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for row in queryset:
            self._show(request, f"{row.label}: {services.rotate(row)}")

    @action(description=_("Stop signing with the old secret"), permissions=["operate"])
    def drop_old(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for row in queryset:
            services.drop_old_secret(row)
        self.message_user(request, gettext("Only the newest secret signs now."))

    @action(description=_("Send all failed again"), permissions=["operate"])
    def replay_failed(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        count = services.replay(Delivery.objects.filter(endpoint__in=queryset, state=Delivery.State.FAILED))
        self.message_user(request, ngettext("%d delivery is due again.", "%d deliveries are due again.", count) % count)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("hooks.change_endpoint")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    sentences = ("reason",)
    list_display = ("created_at", "endpoint", "event", "shown_state", "attempts", "status", "reason", "milliseconds", "due_at")
    list_filter = ("state", "event")
    list_select_related = ("endpoint",)
    list_display_links = ("created_at",)
    ordering = ("-id",)
    sortable_by = ()
    actions = in_steps = ("replay", "discard")
    fields = (
        ("endpoint", "event"),
        ("shown_state", "attempts"),
        ("status", "milliseconds"),
        "reason",
        "answer",
        "message_id",
        "shown_body",
        ("created_at", "due_at", "done_at"),
    )
    readonly_fields = ("shown_state", "shown_body")

    @display(description=_("state"), label=Colours(due="info", done="success", failed="danger", discarded="warning"))
    def shown_state(self, row: Delivery) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("what is sent"))
    def shown_body(self, row: Delivery) -> str:
        return format_html("<pre>{}</pre>", json.dumps(row.body, ensure_ascii=False, indent=2))

    @action(description=_("Send again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> int:
        count = services.replay(queryset)
        self.message_user(request, ngettext("%d delivery is due again.", "%d deliveries are due again.", count) % count)
        return count

    @action(description=_("Discard"), permissions=["replay"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> int:
        count = services.discard(queryset, by=request.user.get_username())
        self.message_user(request, ngettext("%d delivery discarded.", "%d deliveries discarded.", count) % count)
        return count

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("hooks.change_delivery")
