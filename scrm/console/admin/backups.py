"""Backups: each run, what it sent and when it was read back. Read only, written by the nightly job and the command."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.admin.base import Colours, ReadOnlyAdmin
from scrm.core import backups
from scrm.core.models import BackupRun


@admin.register(BackupRun)
class BackupRunAdmin(ReadOnlyAdmin):
    sentences = ("error",)
    list_display = (
        "started_at", "shown_state", "shown_rows", "shown_files", "shown_size", "shown_sent", "verified_at", "shown_duration", "place",
        "error",
    )  # fmt: skip
    list_filter = ("state",)
    ordering = ("-started_at",)
    older_by = "started_at"
    sortable_by = ()
    fields = (
        "shown_state", "place", "manifest", "started_at", "ended_at", "verified_at", "shown_duration", "shown_rows", "shown_files",
        "segments", "segments_sent", "verified", "damaged", "shown_size", "shown_sent", "error",
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not settings.BACKUP_URL:
            messages.warning(request, gettext("No backups are made: BACKUP_URL is not set."))
        elif backups.is_late():
            messages.error(request, gettext("The last verified backup is older than 26 hours."))
        return super().changelist_view(request, extra_context)

    @display(description=_("state"), label=Colours(running="info", done="success", failed="danger"))
    def shown_state(self, row: BackupRun) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("rows"))
    def shown_rows(self, row: BackupRun) -> str:
        return f"{row.rows:,}"

    @display(description=_("files"))
    def shown_files(self, row: BackupRun) -> str:
        return f"{row.files:,}"

    @display(description=_("size"))
    def shown_size(self, row: BackupRun) -> str:
        return filesizeformat(row.bytes)

    @display(description=_("sent"))
    def shown_sent(self, row: BackupRun) -> str:
        return filesizeformat(row.bytes_sent)

    @display(description=_("duration"))
    def shown_duration(self, row: BackupRun) -> str:
        if row.ended_at is None:
            return ""
        minutes, seconds = divmod(int((row.ended_at - row.started_at).total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
