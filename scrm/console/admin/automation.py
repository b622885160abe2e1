"""Automation rules, edited with the form that their actions declare, and the record of what each evaluation found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.automation.actions import ACTIONS
from scrm.automation.forms import RuleForm
from scrm.automation.models import Rule, Run
from scrm.automation.services import save_rule
from scrm.automation.triggers import TRIGGERS
from scrm.console import condition_words, evaluations, timeline
from scrm.console.access import person, sees_causes
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin
from scrm.console.admin.filters import ActionFilter, TriggerFilter
from scrm.console.admin.forms import themed


@admin.register(Rule)
class RuleAdmin(ConsoleAdmin):
    list_display = ("name", "shown_trigger", "shown_conditions", "shown_action", "enabled", "order", "version", "updated_at")
    list_filter = ("enabled", TriggerFilter, ActionFilter)
    search_fields = ("name",)
    older_by = ""

    class Media:
        js = ("console/conditions.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        rows: QuerySet[Rule] = super().get_queryset(request)
        self._words = evaluations.Words()
        return rows

    @display(description=_("when"), ordering="trigger")
    def shown_trigger(self, row: Rule) -> str:
        return capfirst(str(TRIGGERS.get(row.trigger, row.trigger)))

    @display(description=_("conditions"))
    def shown_conditions(self, row: Rule) -> str:
        return self._words.tree(row.conditions)

    @display(description=_("do"), ordering="action")
    def shown_action(self, row: Rule) -> str:
        known = ACTIONS.get(row.action)
        return capfirst(str(known.label)) if known else row.action

    def get_form(self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = themed(RuleForm)
        form.base_fields["conditions"].help_text = self._condition_help(obj)
        form.base_fields["conditions"].required = False
        condition_words.put_together(form.base_fields["conditions"], for_sets=False)
        return form

    def _condition_help(self, obj: Rule | None) -> str:
        """The stored condition in words, then everything that a condition can ask."""
        stored = evaluations.Words().tree(obj.conditions) if obj else gettext("Always.")
        asked = format_html_join("", "<br><code>{}</code> {} ({})", evaluations.vocabulary())
        example = '{"all": [{"term": "message.tag", "op": "is", "value": "order-status"}, {"not": {…}}]}'
        joined = gettext("Joined with all, any and not: %(example)s") % {"example": example}
        return format_html("<b>{}</b><br>{}<br>{}{}", stored, joined, gettext("What can be asked:"), asked)

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """What every rule has, then one group for each action's own options; the chosen action's counts."""
        form = RuleForm(instance=obj or Rule())
        base = [
            (_("Rule"), {"fields": [("name", "enabled"), ("order", "stop_processing"), "settle_seconds"]}),
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
    fields = (("rule", "rule_version"), ("contact", "evaluated_at"), "shown_event", "verdict", "shown_trace", "shown_result")
    readonly_fields = ("shown_event", "shown_trace", "shown_result")

    @display(description=_("rule"))
    def shown_rule(self, row: Run) -> str:
        return row.rule.name

    @display(description=_("contact"))
    def shown_contact(self, row: Run) -> str:
        return str(row.contact)

    @display(description=_("verdict"), label=Colours(done="success", failed="danger", blocked="warning", deferred="warning"))
    def shown_verdict(self, row: Run) -> tuple[str, str]:
        return row.verdict, row.get_verdict_display()

    @display(description=_("why"))
    def shown_trace(self, row: Run) -> str:
        line = '<p class="console-line">{} {} <span class="console-dim">· {}</span></p>'
        return format_html_join("", line, evaluations.trace_lines(row.trace)) or "-"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Run | None:
        row: Run | None = super().get_object(request, object_id, from_field)
        if row is not None:
            row.reader = person(request)  # type: ignore[attr-defined]
        return row

    @display(description=_("event"))
    def shown_event(self, row: Run) -> str:
        """What set the rule off, with a link to it."""
        (event,) = timeline.told([row.event], row.reader)  # type: ignore[attr-defined]
        words = f"{event.title} {event.detail}".strip()
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', event.link, words) if event.link else words

    @display(description=_("result"))
    def shown_result(self, row: Run) -> str:
        lines = evaluations.result_lines(row.result, causes=sees_causes(row.reader))  # type: ignore[attr-defined]
        return format_html_join("", '<p class="console-line">{}</p>', [(line,) for line in lines]) or "-"
