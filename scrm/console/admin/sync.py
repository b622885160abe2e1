"""CRM writes with their dead letters, records and field mappings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from scrm.console import sync_names
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin
from scrm.console.admin.filters import ConnectionFilter
from scrm.console.setup.wording import field_label
from scrm.sync import deciding, pulls, services, waiting
from scrm.sync.defaults import prepare_again
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SyncConflict, SyncPlan

# Of a longer value the list shows the beginning.
LONGEST = 120


def _name(rows: Any, user: Any) -> None:
    names = sync_names.named(rows, user)
    for row in rows:
        row.named = names.get((row.kind, row.key))


def _about(row: Any) -> str:
    """Whom or what it is about; the key of what is not there any more, or not to be seen."""
    found = getattr(row, "named", None)
    return found.link() if found is not None else str(row.key)


def _value(value: Any) -> str:
    """A value of a difference as people read it."""
    if isinstance(value, list):
        return "; ".join(map(_value, value))
    return truncatechars(str(value), LONGEST) if value not in (None, "") else "-"


@admin.register(Push)
class PushAdmin(ReadOnlyAdmin):
    sentences = ("last_error",)
    list_display = ("connection", "kind", "about", "shown_state", "waits_for", "attempts", "last_error", "due_at", "pushed_at")
    list_before_template = "console/admin/dead_letters.html"
    list_filter = ("state", ConnectionFilter, "kind")
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    actions = in_steps = ("replay", "discard")

    @display(description=_("state"), label=Colours(due="info", done="success", dead="danger", discarded="warning"))
    def shown_state(self, row: Push) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("about"))
    def about(self, row: Push) -> str:
        return _about(row)

    @display(description=_("waits for"))
    def waits_for(self, row: Push) -> str:
        return str(getattr(row, "waits", "")) or "-"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Why the rows of the page wait, asked for all of them at once."""
        found = super().get_changelist_instance(request)
        _name(found.result_list, request.user)
        reasons = waiting.explain(found.result_list)
        for row in found.result_list:
            row.waits = reasons[row.pk]
        return found

    @action(description=_("Write again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Push]) -> int:
        count = services.replay_pushes(queryset, by=request.user.get_username())
        self.message_user(request, ngettext("%d write is due again.", "%d writes are due again.", count) % count)
        return count

    @action(description=_("Discard"), permissions=["replay"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Push]) -> int:
        count = services.discard_pushes(queryset, by=request.user.get_username())
        self.message_user(request, ngettext("%d write discarded.", "%d writes discarded.", count) % count)
        return count

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_push")


@admin.register(Pull)
class PullAdmin(ReadOnlyAdmin):
    sentences = ("last_error",)
    list_display = ("connection", "kind", "external_id", "shown_state", "attempts", "last_error", "due_at", "pulled_at")
    list_before_template = "console/admin/dead_letters.html"
    list_filter = ("state", ConnectionFilter, "kind")
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    actions = in_steps = ("replay", "discard")

    @display(description=_("state"), label=Colours(due="info", done="success", dead="danger", left="warning", discarded="warning"))
    def shown_state(self, row: Pull) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @action(description=_("Read again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Pull]) -> int:
        count = pulls.replay(queryset, by=request.user.get_username())
        self.message_user(request, ngettext("%d record is read again.", "%d records are read again.", count) % count)
        return count

    @action(description=_("Discard"), permissions=["replay"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Pull]) -> int:
        count = pulls.discard(queryset, by=request.user.get_username())
        self.message_user(request, ngettext("%d record discarded.", "%d records discarded.", count) % count)
        return count

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_pull")


@admin.register(SyncConflict)
class SyncConflictAdmin(ReadOnlyAdmin):
    sentences = ("words",)
    list_display = ("crm", "about", "shown_field", "reason", "shown_ours", "shown_theirs", "words", "state", "found_at", "decided_by")
    list_before_template = "console/admin/sync_conflicts.html"
    list_filter = ("state", "reason")
    list_select_related = ("record__connection", "decided_by")
    ordering = ("-id",)
    sortable_by = ()
    actions = in_steps = ("keep_ours", "keep_theirs")

    @display(description=_("connection"))
    def crm(self, row: SyncConflict) -> str:
        return str(row.record.connection)

    @display(description=_("about"))
    def about(self, row: SyncConflict) -> str:
        return _about(row.record)

    @display(description=_("our field"))
    def shown_field(self, row: SyncConflict) -> str:
        return field_label(row.field)

    @display(description=_("ours"))
    def shown_ours(self, row: SyncConflict) -> str:
        return _value(row.ours)

    @display(description=_("theirs"))
    def shown_theirs(self, row: SyncConflict) -> str:
        return _value(row.theirs)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        _name([row.record for row in found.result_list], request.user)
        return found

    @action(description=_("Ours is right: write it there"), permissions=["decide"])
    def keep_ours(self, request: HttpRequest, queryset: QuerySet[SyncConflict]) -> int:
        count = deciding.keep_ours(queryset, by=request.user)
        self.message_user(request, ngettext("%d difference decided.", "%d differences decided.", count) % count)
        return count

    @action(description=_("Theirs is right: leave it there"), permissions=["decide"])
    def keep_theirs(self, request: HttpRequest, queryset: QuerySet[SyncConflict]) -> int:
        count = deciding.keep_theirs(queryset, by=request.user)
        self.message_user(request, ngettext("%d difference decided.", "%d differences decided.", count) % count)
        return count

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_syncconflict")


@admin.register(SyncPlan)
class SyncPlanAdmin(ConsoleAdmin):
    list_display = ("connection", "kind", "pace", "minutes", "makes_new", "night_only", "urgent")
    list_filter = (ConnectionFilter,)
    list_select_related = ("connection",)
    list_display_links = ("kind",)
    older_by = ""


@admin.register(ExternalRecord)
class ExternalRecordAdmin(ReadOnlyAdmin):
    actions = in_steps = ("make_again",)
    list_display = ("connection", "kind", "about", "external_id", "synced_at", "removed_at")
    list_filter = (ConnectionFilter, "kind")
    list_select_related = ("connection",)
    search_fields = ("external_id",)
    search_help_text = _("Their id, or our key, whole")
    ordering = ("-id",)
    sortable_by = ()

    @display(description=_("about"))
    def about(self, row: ExternalRecord) -> str:
        return _about(row)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What the rows of the page are about, asked for all of them at once."""
        found = super().get_changelist_instance(request)
        _name(found.result_list, request.user)
        return found

    @action(description=_("Make again in the CRM"), permissions=["again"])
    def make_again(self, request: HttpRequest, queryset: QuerySet[ExternalRecord]) -> int:
        count = deciding.make_again(queryset)
        self.message_user(request, ngettext("%d record is written anew.", "%d records are written anew.", count) % count)
        return count

    def has_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_push")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ExternalRecord], search_term: str
    ) -> tuple[QuerySet[ExternalRecord], bool]:
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        return queryset.filter(external_id=wanted) | queryset.filter(key=wanted), False


@admin.register(FieldMapping)
class FieldMappingAdmin(ConsoleAdmin):
    list_display = ("connection", "kind", "source", "target", "direction", "transform", "default", "enabled")
    list_filter = (ConnectionFilter, "kind", "enabled")
    list_select_related = ("connection",)
    list_display_links = ("source",)
    older_by = ""

    def save_model(self, request: HttpRequest, obj: FieldMapping, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            prepare_again(obj.connection)
