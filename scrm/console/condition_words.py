"""What a page needs so that people put conditions together without knowing how they are written: the terms, in words."""

from __future__ import annotations

import json
from typing import Any

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from scrm.console import timeline
from scrm.contacts import conditions
from scrm.contacts.condition_faults import worded
from scrm.contacts.conditions import Term
from scrm.contacts.models import Contact
from scrm.tags.models import Tag

Choice = tuple[str, str]


def operator_words() -> dict[str, str]:
    return {
        "is": pgettext("condition", "is"),
        "is_not": pgettext("condition", "is not"),
        "in": pgettext("condition", "is one of"),
        "not_in": pgettext("condition", "is none of"),
        "contains": pgettext("condition", "contains"),
        "contains_not": pgettext("condition", "does not contain"),
        **{"==": "=", "!=": "≠", ">=": "≥", "<=": "≤", ">": ">", "<": "<"},
    }


def offered(*, for_sets: bool) -> str:
    """JSON for `conditions.js`: {"terms": [...], "words": {...}}. `for_sets`: only what many people can be asked at once."""
    tags = list(Tag.objects.order_by("name").values_list("slug", "name"))
    shown = [term for term in conditions.terms().values() if term.to_q or not for_sets]
    words = {
        "whole": _("Conditions"),
        "join": _("How these are joined"),
        "all": _("All of these hold"),
        "any": _("At least one of these holds"),
        "none": _("None of these holds"),
        "some_not": _("Not all of these hold"),
        "none_asked": _("Nothing is asked: everybody.") if for_sets else _("Nothing is asked: always."),
        "empty": _("This group is empty and is left out."),
        "add": _("Add a condition"),
        "group": _("Add a group"),
        "nth": _("Condition"),
        "nth_group": _("Group"),
        "remove": _("Remove this condition"),
        "removed": _("The condition was removed."),
        "ungroup": _("Remove this group"),
        "ungrouped": _("The group was removed."),
        "term": _("What is asked"),
        "op": _("How it is compared"),
        "value": _("With what"),
        "list": _("With what: several"),
        "another": _("Add another value"),
        "take": _("Remove this value"),
        "taken": _("The value was removed."),
        "text": _("Edit as text"),
        "rows": _("Edit as rows"),
        "unshown": _("These conditions cannot be shown as rows; they can be edited as text."),
    }
    return json.dumps({"terms": [_term(term, tags) for term in shown], "words": words}, ensure_ascii=False)


def _term(term: Term, tags: list[Choice]) -> dict[str, Any]:
    said = operator_words()
    return {
        "name": term.name,
        "label": capfirst(str(term.label)),
        "type": term.type,
        "ops": [(op, said[op]) for op in term.operators],
        "choices": _choices(term, tags),
        "options": [{"name": each.name, "type": each.type, **_option(each.name)} for each in term.options],
    }


def _choices(term: Term, tags: list[Choice]) -> list[Choice]:
    if term.type == "yes_no":
        return [("true", capfirst(_("yes"))), ("false", capfirst(_("no")))]
    if term.name in {"tag", "message.tag"}:
        return tags
    if term.name == "contact.country":
        return [(region, region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    labels = {str(value): str(label) for value, label in Contact.Priority.choices} | {"crm": _("in the CRM"), "us": _("here")}
    return [(value, labels.get(value, value)) for value in term.choices]


def _option(name: str) -> dict[str, Any]:
    if name == "kind":
        return {
            "label": _("What happened"),
            "choices": sorted(((kind, str(label)) for kind, label in timeline.KINDS.items()), key=lambda each: each[1]),
        }
    return {"label": _("Within how many hours") if name == "within_hours" else name, "choices": []}


def checked(tree: Any, *, for_sets: bool) -> Any:
    """The condition, or a `ValidationError` that says in words what is wrong with it."""
    tree = tree or {}
    if errors := conditions.check(tree):
        raise ValidationError(worded(errors))
    single = [leaf for leaf in conditions.leaves_of(tree) if conditions.terms()[leaf.term].to_q is None] if for_sets else []
    if single:
        asked = ", ".join(str(conditions.terms()[leaf.term].label) for leaf in single)
        raise ValidationError(_("A segment cannot ask for what only one message or occasion has: %(asked)s") % {"asked": asked})
    return tree


def put_together(field: forms.Field, *, for_sets: bool) -> None:
    """The field of a form becomes rows of choices where scripts run; the text stays for those who want it."""
    field.widget.attrs["data-conditions"] = offered(for_sets=for_sets)
