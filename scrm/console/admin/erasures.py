"""Who was erased, when, by whom and why: numbers and reasons, no names. Nothing is ever taken off this list."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.admin.base import Colours, ReadOnlyAdmin
from scrm.contacts.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "contact_id", "shown_state", "by", "reason", "done_at", "shown_rows")
    list_filter = ("state",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("contact_id", "state", "by", "reason", "asked_at", "started_at", "done_at", "step", "counts")
    readonly_fields = fields

    @display(description=_("state"), label=Colours(held="warning", running="info", done="success"))
    def shown_state(self, row: Erasure) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("rows"))
    def shown_rows(self, row: Erasure) -> str:
        return f"{sum(row.counts.values()):,}"
