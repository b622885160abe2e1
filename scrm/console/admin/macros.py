"""Macros: what they do, who may use them, how often they are used."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console import macros
from scrm.console.admin.base import ConsoleAdmin
from scrm.console.macro_models import Macro

ACTIONS = ("quick_reply", "text", "note", "tags", "priority", "assign", "then")


class MacroForm(forms.ModelForm[Macro]):
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not any(given.get(name) for name in ACTIONS):
            raise ValidationError(_("A macro does something: give it at least one action."))
        return given


@admin.register(Macro)
class MacroAdmin(ConsoleAdmin):
    form = MacroForm
    list_display = ("name", "shortcut", "shown", "active", "used")
    list_filter = ("active", "teams")
    search_fields = ("name", "shortcut", "text")
    autocomplete_fields = ("quick_reply", "tags", "teams", "team", "colleague")
    older_by = ""
    fieldsets = (
        (None, {"fields": (("name", "shortcut"), ("active", "teams"))}),
        (_("Says"), {"fields": ("quick_reply", "text", "note")}),
        (_("Marks"), {"fields": (("tags", "priority"),)}),
        (_("Hands on"), {"fields": ("assign", ("colleague", "team"), "then")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Macro]:
        rows: QuerySet[Macro] = super().get_queryset(request)
        return rows.select_related("quick_reply", "colleague", "team").prefetch_related("tags")

    @display(description=_("does"))
    def shown(self, row: Macro) -> str:
        return macros.does(row, [tag.name for tag in row.tags.all()])
