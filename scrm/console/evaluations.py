"""Conditions and rule evaluations in words: what was asked, what was found, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.connections.sentences import plain, worded
from scrm.console.inbox import reasons
from scrm.contacts import conditions
from scrm.contacts.condition_faults import worded as worded_faults
from scrm.contacts.conditions import Fault
from scrm.conversations.models import Decision
from scrm.tags.models import Tag

OPERATORS: dict[str, str | Promise] = {
    "is": gettext_lazy("%(what)s: %(wanted)s"),
    "is_not": gettext_lazy("%(what)s: not %(wanted)s"),
    "in": gettext_lazy("%(what)s: one of %(wanted)s"),
    "not_in": gettext_lazy("%(what)s: none of %(wanted)s"),
    "contains": gettext_lazy("%(what)s: with %(wanted)s"),
    "contains_not": gettext_lazy("%(what)s: without %(wanted)s"),
    "==": "%(what)s = %(wanted)s",
    "!=": "%(what)s ≠ %(wanted)s",
    ">=": "%(what)s ≥ %(wanted)s",
    "<=": "%(what)s ≤ %(wanted)s",
    ">": "%(what)s > %(wanted)s",
    "<": "%(what)s < %(wanted)s",
}
JOINED: dict[str, str | Promise] = {"all": gettext_lazy("and"), "any": gettext_lazy("or")}


class Words:
    """Says conditions with the names of tags in place of their slugs; one query for all of them."""

    def __init__(self) -> None:
        self._tags = dict(Tag.objects.values_list("slug", "name"))
        self._terms = conditions.terms()

    def leaf(self, term: str, op: str, wanted: Any) -> str:
        known = self._terms.get(term)
        label = str(known.label) if known else term
        form = str(OPERATORS.get(op) or f"%(what)s {op} %(wanted)s")
        return capfirst(form % {"what": label, "wanted": self.value(term, wanted)})

    def value(self, term: str, value: Any) -> str:
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, list | tuple | set):
            return ", ".join(self.value(term, each) for each in value) or _("nothing")
        if term in {"tag", "message.tag"}:
            return f"“{self._tags.get(str(value), value)}”"
        return f"“{value}”" if isinstance(value, str) and value else str(value) or _("nothing")

    def tree(self, tree: Mapping[str, Any], *, inner: bool = False) -> str:
        """A whole condition on one line; the empty condition is always true."""
        if not tree:
            return _("Always.")
        if "term" in tree:
            return self.leaf(str(tree["term"]), str(tree.get("op", "")), tree.get("value"))
        if "not" in tree:
            return _("not (%(condition)s)") % {"condition": self.tree(tree["not"])}
        for key, word in JOINED.items():
            if key in tree:
                line = f" {word} ".join(self.tree(child, inner=True) for child in tree[key])
                return f"({line})" if inner and len(tree[key]) > 1 else line
        return ""


def vocabulary() -> list[tuple[str, str, str]]:
    """Every term that a condition can ask: its name, its label, its operators."""
    return [(term.name, str(term.label), ", ".join(term.operators)) for term in conditions.terms().values()]


def trace_lines(trace: Iterable[Any]) -> list[tuple[str, str, str]]:
    """For each condition that was asked: a mark of its truth, the condition, and what was found."""
    words = Words()
    return [
        (
            "✓" if leaf.get("truth") else "✗",
            words.leaf(str(leaf.get("term", "")), str(leaf.get("op", "")), leaf.get("wanted")),
            _("found: %(actual)s") % {"actual": words.value(str(leaf.get("term", "")), leaf.get("actual"))},
        )
        for leaf in trace
        if isinstance(leaf, dict)
    ]


def result_lines(result: Mapping[str, Any], *, causes: bool = False) -> list[str]:
    """What came of an evaluation. Ids of rows are left out: the pages link to the rows themselves. `causes`: see `access.sees_causes`."""
    lines = []
    if result.get("faults"):
        lines.append(_("The rule's conditions cannot be used; correct them on its page."))
        lines += worded_faults(Fault(str(fault["text"]), **fault["values"]) for fault in result["faults"])
    elif result.get("error"):
        lines.append((worded if causes else plain)(str(result["error"])))
    if result.get("by"):
        lines.append(_("“%(rule)s” had answered already.") % {"rule": result["by"]})
    if result.get("order"):
        lines.append(_("Order %(number)s") % {"number": result["order"]})
    if result.get("language"):
        lines.append(_("Answered in %(language)s") % {"language": result["language"]})
    verdict = str(result.get("verdict") or "")
    if verdict:
        lines.append(capfirst(str(dict(Decision.Verdict.choices).get(verdict, verdict))))
    if result.get("policy_rule"):
        lines.append(reasons.rule_sentence(str(result["policy_rule"])))
    return lines
