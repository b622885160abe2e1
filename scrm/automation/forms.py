"""The rule's form: the fields of the chosen action are drawn from what the action declares."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scrm.automation.actions import ACTIONS
from scrm.automation.actions.contract import ActionOption
from scrm.automation.models import Rule
from scrm.automation.services import save_rule
from scrm.automation.triggers import TRIGGERS
from scrm.contacts import conditions
from scrm.contacts.condition_faults import worded

PREFIX = "option_"


def option_field(option: ActionOption) -> forms.Field:
    """A form field for an option. It is required only once its action is chosen, so the form checks that, not the field."""
    shared: dict[str, Any] = {"label": option.label, "help_text": option.help, "required": False}
    if option.kind == "choice":
        choices = list(option.choices()) if option.choices else []
        return forms.ChoiceField(choices=[("", "---------"), *choices], **shared)
    if option.kind == "number":
        return forms.FloatField(**shared)
    if option.kind == "yes_no":
        return forms.BooleanField(**shared)
    widget = forms.Textarea(attrs={"rows": 3}) if option.kind == "long_text" else forms.TextInput()
    return forms.CharField(widget=widget, **shared)


class RuleForm(forms.ModelForm[Rule]):
    """Edits a rule. Fields named option_<action>_<option> belong to one action; `action_fields` tells a page which to show."""

    trigger = forms.ChoiceField(label=_("when"), choices=lambda: list(TRIGGERS.items()))
    action = forms.ChoiceField(label=_("do"), choices=lambda: [(name, action.label) for name, action in ACTIONS.items()])

    class Meta:
        model = Rule
        fields = ("name", "enabled", "trigger", "conditions", "action", "order", "stop_processing", "settle_seconds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for action in ACTIONS.values():
            for option in action.options:
                name = f"{PREFIX}{action.name}_{option.name}"
                self.fields[name] = option_field(option)
                if self.instance.action == action.name and option.name in self.instance.options:
                    self.initial[name] = self.instance.options[option.name]

    @property
    def action_fields(self) -> dict[str, list[str]]:
        return {action.name: [f"{PREFIX}{action.name}_{option.name}" for option in action.options] for action in ACTIONS.values()}

    def clean_conditions(self) -> Any:
        tree = self.cleaned_data["conditions"] or {}
        errors = conditions.check(tree)
        if errors:
            raise forms.ValidationError(worded(errors))
        return tree

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        action = ACTIONS.get(cleaned.get("action", ""))
        for option in action.options if action else ():
            name = f"{PREFIX}{cleaned['action']}_{option.name}"
            if option.required and cleaned.get(name) in (None, ""):
                self.add_error(name, forms.ValidationError(_("This is needed for the chosen action."), code="required"))
        return cleaned

    def _options(self) -> dict[str, Any]:
        action = ACTIONS[self.cleaned_data["action"]]
        given = {option.name: self.cleaned_data.get(f"{PREFIX}{action.name}_{option.name}") for option in action.options}
        return {name: value for name, value in given.items() if value not in (None, "")}

    def save(self, commit: bool = True) -> Rule:
        if self.is_valid():
            self.instance.options = self._options()
        rule = super().save(commit=False)
        if commit:
            save_rule(rule)
            self.save_m2m()
        return rule
