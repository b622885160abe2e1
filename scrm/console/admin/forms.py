"""Plain Django forms in the theme's clothes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from unfold import widgets

DRESSED: dict[type[forms.Widget], type[forms.Widget]] = {
    forms.TextInput: widgets.UnfoldAdminTextInputWidget,
    forms.PasswordInput: widgets.UnfoldAdminPasswordWidget,
    forms.NumberInput: widgets.UnfoldAdminTextInputWidget,
    forms.Textarea: widgets.UnfoldAdminTextareaWidget,
    forms.Select: widgets.UnfoldAdminSelectWidget,
    forms.CheckboxInput: widgets.UnfoldBooleanSwitchWidget,
}


def dress(form: forms.BaseForm) -> None:
    """Give every field the theme's widget of the same kind, keeping choices and attributes."""
    for field in form.fields.values():
        field.label = capfirst(str(field.label)) if field.label else field.label
        worn = field.widget
        kind = DRESSED.get(type(worn))
        if kind is None:
            continue
        dressed = kind(attrs=dict(worn.attrs) or None)
        dressed.is_required = worn.is_required
        field.widget = dressed
        if isinstance(field, forms.ChoiceField):
            dressed.choices = field.choices  # type: ignore[attr-defined]


def themed(form: type[forms.BaseForm]) -> type[forms.BaseForm]:
    """A subclass of the form whose fields wear the theme's widgets."""

    class Themed(form):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            dress(self)

    Themed.__name__ = form.__name__
    return Themed
