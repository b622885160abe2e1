"""What conditions can ask about a contact and about what happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from scrm.contacts.conditions import Facts, Leaf, Option, Term, register_term
from scrm.contacts.family import by_root, rooted
from scrm.contacts.models import Contact, Event


def _field_term(name: str, label: Any, choices: tuple[str, ...] = ()) -> Term:
    def read(facts: Facts, leaf: Leaf) -> str:
        return str(getattr(facts.contact, name))

    def query(leaf: Leaf, now: datetime) -> Q:
        same = Q(**{f"{name}__in": leaf.value if leaf.op in ("in", "not_in") else [leaf.value]})
        return same if leaf.op in ("is", "in") else ~same

    return Term(f"contact.{name}", label, "text", read, None, query, choices=choices)


def _window(leaf: Leaf, now: datetime) -> Q:
    return Q(kind=leaf.option("kind"), occurred_at__gt=now - timedelta(hours=leaf.option("within_hours")), occurred_at__lte=now)


def _count_key(leaf: Leaf) -> tuple[str, Any, Any]:
    return ("event.count", leaf.option("kind"), leaf.option("within_hours"))


def _load_counts(facts: Sequence[Facts], leaves: Sequence[Leaf]) -> None:
    """One query for each different (kind, window); occasions of one batch share the moment at which they are evaluated."""
    people = by_root(fact.contact for fact in facts)
    for leaf in {_count_key(leaf): leaf for leaf in leaves}.values():
        for now in {fact.now for fact in facts}:
            rows = Event.objects.filter(_window(leaf, now), contact_id__in=people).order_by()
            counts: Counter[int] = Counter()
            for record, times in rows.values_list("contact").annotate(Count("pk")):
                counts[people[record]] += times
            for fact in facts:
                if fact.now == now:
                    fact.known[_count_key(leaf)] = counts[fact.contact.pk]


def _count(facts: Facts, leaf: Leaf) -> int:
    key = _count_key(leaf)
    if key not in facts.known:
        _load_counts([facts], [leaf])
    return int(facts.known[key])


def _count_q(leaf: Leaf, now: datetime) -> Q:
    """Contacts without any such event are in no group, so 'fewer than' is asked as 'not at least'."""

    def at_least(wanted: float) -> Q:
        number = ceil(wanted)
        if number <= 0:
            return Q(pk__isnull=False)
        groups = Event.objects.filter(_window(leaf, now)).order_by().values(person=rooted()).annotate(times=Count("pk"))
        return Q(pk__in=groups.filter(times__gte=number).values("person"))

    def above(number: float) -> Q:
        # Counts are whole: more than 2.5 is at least 3, more than 2 is at least 3.
        return at_least(floor(number) + 1)

    value = leaf.value
    equal = at_least(value) & ~above(value) if value == floor(value) and value >= 0 else ~Q(pk__isnull=False)
    known = {"==": equal, "!=": ~equal, ">=": at_least(value), ">": above(value), "<": ~at_least(value), "<=": ~above(value)}
    return known[leaf.op]


register_term(_field_term("country", _("country")))
register_term(_field_term("language", _("language")))
register_term(_field_term("priority", _("priority"), tuple(Contact.Priority.values)))
_WINDOW_OPTIONS = (Option("kind", "text"), Option("within_hours", "number"))
register_term(Term("event.count", _("how often it happened"), "number", _count, _load_counts, _count_q, _WINDOW_OPTIONS))
