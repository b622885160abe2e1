"""The inbound ledger's bodies and items. Their sum is a page of its own, `scrm.console.ledger`."""

from __future__ import annotations

import zlib
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from scrm.console.admin.base import ReadOnlyAdmin
from scrm.console.admin.filters import ConnectionFilter
from scrm.intake import ledger
from scrm.intake.models import InboundEvent, InboundItem

SHOWN_BYTES = 64_000
STATES = {"processed": "success", "done": "success", "parked": "danger", "waiting": "info", "claimed": "info"}


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
    list_display = ("received_at", "connection", "kind", "shown_state", "reason", "attempts", "key")
    list_filter = ("state", ConnectionFilter)
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    actions = ("replay", "replay_all_of_reason", "discard")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundItem]:
        rows: QuerySet[InboundItem] = super().get_queryset(request)
        return rows.defer("data")

    @display(description=_("state"), label=STATES)
    def shown_state(self, row: InboundItem) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @action(description=_("Replay selected"), permissions=["settle"])
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> None:
        self._tell(request, ledger.replay(queryset.select_related("event", "connection"), by=request.user.get_username()))

    @action(description=_("Replay all with the same reason"), permissions=["settle"])
    def replay_all_of_reason(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> None:
        reasons = set(queryset.filter(state="parked").values_list("reason", flat=True))
        self._tell(request, sum(ledger.replay_reason(reason, by=request.user.get_username()) for reason in reasons))

    @action(description=_("Discard"), permissions=["settle"])
    def discard(self, request: HttpRequest, queryset: QuerySet[InboundItem]) -> None:
        count = ledger.discard(queryset, by=request.user.get_username(), note=str(_("from the list")))
        self.message_user(request, ngettext("%d item discarded.", "%d items discarded.", count) % count)

    def _tell(self, request: HttpRequest, count: int) -> None:
        words = (
            ngettext("%d item is processed now; the rest stays parked.", "%d items are processed now; the rest stays parked.", count)
            % count
        )
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("intake.change_inbounditem")
