"""Automation rules, edited with the form that their actions declare, and the record of what each evaluation found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.automation.forms import RuleForm
from scrm.automation.models import Rule, Run
from scrm.automation.services import save_rule
from scrm.console.admin.base import ConsoleAdmin, ReadOnlyAdmin
from scrm.console.admin.forms import themed


@admin.register(Rule)
class RuleAdmin(ConsoleAdmin):
    list_display = ("name", "trigger", "action", "enabled", "order", "version", "updated_at")
    list_filter = ("enabled", "trigger", "action")
    search_fields = ("name",)
    older_by = ""

    def get_form(self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any) -> Any:
        return themed(RuleForm)

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """What every rule has, then one group for each action's own options; the chosen action's counts."""
        form = RuleForm(instance=obj or Rule())
        base = [
            (_("Rule"), {"fields": [("name", "enabled"), ("order", "settle_seconds", "stop_processing")]}),
            (_("When"), {"fields": ["trigger", "conditions"]}),
            (_("Do"), {"fields": ["action"]}),
        ]
        labels = dict(form.fields["action"].choices)  # type: ignore[attr-defined]
        own = [
            (labels.get(name, name), {"fields": fields, "classes": ["collapse"] if obj and obj.action != name else []})
            for name, fields in form.action_fields.items()
            if fields
        ]
        return [*base, *own]

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        save_rule(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        return ()


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("evaluated_at", "shown_rule", "shown_contact", "shown_verdict")
    list_filter = ("verdict", "rule")
    ordering = ("-evaluated_at", "-id")
    older_by = "evaluated_at"
    sortable_by = ()
    list_select_related = ("rule", "contact")
    fields = (("rule", "rule_version"), ("contact", "evaluated_at"), "verdict", "shown_trace", "result")
    readonly_fields = ("shown_trace",)

    @display(description=_("rule"))
    def shown_rule(self, row: Run) -> str:
        return row.rule.name

    @display(description=_("contact"))
    def shown_contact(self, row: Run) -> str:
        return str(row.contact)

    @display(description=_("verdict"), label={"done": "success", "failed": "danger", "blocked": "warning", "deferred": "warning"})
    def shown_verdict(self, row: Run) -> tuple[str, str]:
        return row.verdict, row.get_verdict_display()

    @display(description=_("why"))
    def shown_trace(self, row: Run) -> str:
        lines = [(" · ".join(f"{key}: {value}" for key, value in leaf.items()),) for leaf in row.trace if isinstance(leaf, dict)]
        return format_html_join("", '<p class="console-line">{}</p>', lines) or "-"
