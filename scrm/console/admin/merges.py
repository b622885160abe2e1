"""Who merged whom, when and why, and what was undone. Nothing is ever taken off this list."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from scrm.console.access import UNDO_MERGES
from scrm.console.admin.base import Colours, ReadOnlyAdmin
from scrm.console.admin.filters import Choices
from scrm.contacts.models import Contact, Merge


class StandingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return [("standing", _("in force")), ("undone", pgettext_lazy("merge", "undone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Merge]) -> QuerySet[Merge]:
        return queryset.filter(undone_at__isnull=self.value() == "standing") if self.value() else queryset


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("merged_at", "shown_duplicate", "shown_survivor", "by", "reason", "shown_state", "undone_by", "shown_undo")
    list_filter = (StandingFilter,)
    list_select_related = ("survivor", "duplicate", "by", "undone_by")
    ordering = ("-merged_at", "-id")
    older_by = "merged_at"
    sortable_by = ()
    fields = ("shown_duplicate", "shown_survivor", "merged_at", "by", "reason", "undone_at", "undone_by", "choices", "journal")
    readonly_fields = fields

    @display(description=_("duplicate"))
    def shown_duplicate(self, row: Merge) -> str:
        return _link(row.duplicate)

    @display(description=_("survivor"))
    def shown_survivor(self, row: Merge) -> str:
        return _link(row.survivor)

    @display(description=_("state"), label=Colours(standing="success", undone="warning"))
    def shown_state(self, row: Merge) -> tuple[str, str]:
        return ("undone", str(pgettext_lazy("merge", "undone"))) if row.undone_at else ("standing", str(_("in force")))

    @display(description="")
    def shown_undo(self, row: Merge) -> str:
        if row.undone_at is not None or not self._may_undo:
            return ""
        look, address = "text-primary-600 dark:text-primary-500", reverse("console:undo-merge", args=[row.pk])
        return format_html('<a class="{}" href="{}">{}</a>', look, address, _("Undo"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        self._may_undo = request.user.has_perm(UNDO_MERGES)
        rows: QuerySet[Merge] = super().get_queryset(request)
        return rows


def _link(contact: Contact) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:contacts_contact_change", args=[contact.pk]), contact)
