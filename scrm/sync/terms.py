"""What conditions can ask about the deal or the case that a rule is asked about: as it is after it moved on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from scrm.contacts.conditions import Facts, Leaf, Term, register_term
from scrm.sync.sales_book import THERE, US

_EVENTS = frozenset({"deal.changed", "case.changed"})


def _told(facts: Facts) -> Mapping[str, Any]:
    event = facts.event
    return event.data if event is not None and event.kind in _EVENTS else {}


def _stage(facts: Facts, leaf: Leaf) -> str:
    return str(_told(facts).get("stage", ""))


def _amount(facts: Facts, leaf: Leaf) -> float:
    """0 where none is said."""
    return float(_told(facts).get("amount") or 0)


def _changed(facts: Facts, leaf: Leaf) -> set[str]:
    return set(_told(facts).get("changed", ()))


def _by(facts: Facts, leaf: Leaf) -> str:
    return str(_told(facts).get("by", ""))


register_term(Term("deal.stage", _("stage of the deal or case"), "text", _stage))
register_term(Term("deal.amount", _("amount of the deal"), "number", _amount))
register_term(Term("deal.changed", _("what changed of the deal or case"), "set", _changed))
register_term(Term("deal.by", _("where the deal or case was changed"), "text", _by, choices=(THERE, US)))
