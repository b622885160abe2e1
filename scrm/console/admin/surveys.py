"""Satisfaction surveys: for which numbers, how often, and what was answered."""

from __future__ import annotations

from django.contrib import admin

from scrm.console.admin.base import ConsoleAdmin
from scrm.conversations.models import SurveyPlan


@admin.register(SurveyPlan)
class SurveyPlanAdmin(ConsoleAdmin):
    list_display = ("connection", "active", "every_days", "follow_up_at")
    list_select_related = ("connection",)
    autocomplete_fields = ("connection",)
    older_by = ""
    fields = ("connection", "active", ("every_days", "follow_up_at"), "question")
