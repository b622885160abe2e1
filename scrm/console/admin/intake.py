"""The inbound ledger's bodies and items. Their sum is a page of its own, `scrm.console.ledger`."""

from __future__ import annotations

import json
import zlib
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from scrm.console.admin.base import Colours, ReadOnlyAdmin
from scrm.console.admin.filters import ConnectionFilter
from scrm.console.inbox import wording
from scrm.intake import ledger
from scrm.intake.models import InboundEvent, InboundItem

SHOWN_BYTES = 64_000
SHOWN_ITEMS = 20
STATES = Colours(processed="success", done="success", parked="danger", waiting="info", claimed="info")


class DiscardForm(forms.Form):
    note = forms.CharField(
        label=_("Why"),
        max_length=200,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text=_("Kept with the item and your name."),
    )


def readable_body(body: Any) -> str:
    """The first part of a stored body as text, whatever it holds."""
    try:
        plain = zlib.decompressobj().decompress(bytes(body), SHOWN_BYTES)
    except zlib.error:
        plain = bytes(body)[:SHOWN_BYTES]
    return plain.decode("utf-8", "replace")


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "connection", "received_at", "shown_state", "item_count", "duplicate_count", "size", "attempts")
    list_filter = (ConnectionFilter,)
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    fields = (("connection", "received_at", "state"), ("item_count", "duplicate_count", "size", "attempts"), "request_id", "shown_body")
    readonly_fields = ("shown_body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        rows: QuerySet[InboundEvent] = super().get_queryset(request)
        return rows.defer("body")

    @display(description=_("state"), label=STATES)
    def shown_state(self, row: InboundEvent) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("body as received"))
    def shown_body(self, row: InboundEvent) -> str:
        return format_html('<pre class="console-body">{}</pre>', readable_body(row.body))


@admin.register(InboundItem)
class InboundItemAdmin(ReadOnlyAdmin):
    sentences = ("reason",)
    list_display = ("received_at", "connection", "shown_kind", "shown_state", "reason", "attempts", "shown_key")
    list_filter = ("state", ConnectionFilter)
    fields = (
        ("connection", "shown_kind", "state"),
        "reason",
        ("received_at", "processed_at"),
        ("attempts", "discarded_by"),
        "key",
        "event",
        "shown_data",
    )
    readonly_fields = ("shown_kind", "shown_data")
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    actions = ("replay", "replay_all_of_reason", "discard")
    in_steps = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundItem]:
        rows: QuerySet[InboundItem] = super().get_queryset(request)
        return rows.defer("data")

    @display(description=_("state"), label=STATES)
    def shown_state(self, row: InboundItem) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("kind"))
    def shown_kind(self, row: InboundItem) -> str:
        return wording.item_name(row.kind)

    @display(description=_("key"))
    def shown_key(self, row: InboundItem) -> str:
        """The end of a key tells two apart; whole ones would push the list off the screen."""
        return format_html('<span title="{}">{}</span>', row.key, row.key if len(row.key) <= 24 else f"…{row.key[-22:]}")

    @display(description=_("details"))
    def shown_data(self, row: InboundItem) -> str:
        return format_html('<pre class="console-body">{}</pre>', json.dumps(row.data, ensure_ascii=False, indent=2))

    @action(description=_("Replay selected"), permissions=["settle"])
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> int:
        count = ledger.replay(queryset.select_related("event", "connection"), by=request.user.get_username())
        self._tell(request, count)
        return count

    @action(description=_("Replay all with the same reason"), permissions=["settle"])
    def replay_all_of_reason(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> None:
        reasons = set(queryset.filter(state="parked").values_list("reason", flat=True))
        self._tell(request, sum(ledger.replay_reason(reason, by=request.user.get_username()) for reason in reasons))

    @action(description=_("Discard…"), permissions=["settle"])
    def discard(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> HttpResponse | None:
        """Asks first for the reason: what a customer sent is given up, and the ledger keeps who did it and why."""
        form = DiscardForm(request.POST if "note" in request.POST else None)
        if not form.is_valid():
            return self._ask_for_note(request, queryset, form)
        count = ledger.discard(queryset, by=request.user.get_username(), note=form.cleaned_data["note"])
        words = ngettext("%d item discarded.", "%d items discarded.", count) % count
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)
        return None

    def _ask_for_note(self, request: HttpRequest, queryset: QuerySet[InboundItem], form: DiscardForm) -> HttpResponse:
        rows = list(queryset.filter(state=InboundItem.State.PARKED)[:SHOWN_ITEMS])
        context = {
            **self.admin_site.each_context(request),
            "title": _("Discard parked items"),
            "opts": self.opts,
            "form": form,
            "rows": [(row, wording.item_name(row.kind)) for row in rows],
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across", "0"),
            "count": queryset.filter(state=InboundItem.State.PARKED).count(),
        }
        return render(request, "console/admin/discard.html", context)

    def _tell(self, request: HttpRequest, count: int) -> None:
        words = (
            ngettext("%d item is processed now; the rest stays parked.", "%d items are processed now; the rest stays parked.", count)
            % count
        )
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("intake.change_inbounditem")
