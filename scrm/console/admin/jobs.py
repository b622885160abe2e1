"""Periodic jobs and workers: read only, written by the jobs themselves."""

from __future__ import annotations

from django.contrib import admin

from scrm.console.admin.base import ReadOnlyAdmin
from scrm.core.models import Heartbeat, Timetable


@admin.register(Timetable)
class TimetableAdmin(ReadOnlyAdmin):
    list_display = ("name", "started_at", "finished_at", "last_error")
    ordering = ("name",)
    older_by = ""


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("cluster", "beaten_at", "last_job")
    ordering = ("-beaten_at",)
    older_by = ""
