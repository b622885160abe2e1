"""What conditions can ask about orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scrm.commerce.models import Order
from scrm.commerce.orders import UNDER_WAY, statuses_by_contact
from scrm.contacts.conditions import Facts, Leaf, Term, register_term
from scrm.contacts.family import rooted

_KEY = "order.statuses"


def _load(facts: Sequence[Facts], leaves: Sequence[Leaf]) -> None:
    found = statuses_by_contact([fact.contact for fact in facts])
    for fact in facts:
        fact.known[_KEY] = found.get(fact.contact.pk, set())


def _statuses(facts: Facts) -> set[str]:
    if _KEY not in facts.known:
        _load([facts], [])
    known: set[str] = facts.known[_KEY]
    return known


def _has_ordered(facts: Facts, leaf: Leaf) -> bool:
    return bool(_statuses(facts))


def _is_under_way(facts: Facts, leaf: Leaf) -> bool:
    return bool(_statuses(facts) & set(UNDER_WAY))


def _contacts_with(wanted: Any, **orders: Any) -> Q:
    # Orders without a contact are left out: one NULL in the set would make 'not in' false for everybody.
    has = Q(pk__in=Order.objects.filter(contact__isnull=False, **orders).values(person=rooted()))
    return has if wanted else ~has


def _exists_q(leaf: Leaf, now: datetime) -> Q:
    return _contacts_with(leaf.value)


def _under_way_q(leaf: Leaf, now: datetime) -> Q:
    return _contacts_with(leaf.value, status__in=UNDER_WAY)


register_term(Term("order.exists", _("has ordered"), "yes_no", _has_ordered, _load, _exists_q))
register_term(Term("order.under_way", _("has an order under way"), "yes_no", _is_under_way, _load, _under_way_q))
