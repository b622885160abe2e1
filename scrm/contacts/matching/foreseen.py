"""Pairs and cases that are all new, written in bulk: those of contacts about whom nothing is stored yet."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase
from scrm.core import clock
from scrm.core.loading import add_columns, add_many, fresh
from scrm.core.rows import among

Pair = DuplicateCandidate


class NewPair(NamedTuple):
    """`lines`: the evidence as JSON."""

    first: int
    second: int
    score: float
    lines: str


class NewCase(NamedTuple):
    score: float
    size: int
    proposal: str
    pairs: Sequence[NewPair]


def unforeseen(contacts: Collection[int]) -> set[int]:
    """Those of these contacts of whom something is stored that their new pairs have to fit in with: pairs, decided ones too, or records
    merged into them; and those that are merged or gone themselves. The caller has the turn."""
    found = set(Pair.objects.filter(among(Pair, "first", contacts)).values_list("first_id", flat=True))
    found.update(Pair.objects.filter(among(Pair, "second", contacts)).values_list("second_id", flat=True))
    of_contacts = Q(among(Contact, "id", contacts))
    found.update(set(contacts).difference(Contact.objects.filter(of_contacts, merged_into=None).values_list("pk", flat=True)))
    below = Contact.objects.filter(among(Contact, "merged_into", contacts)).values_list("merged_into_id", flat=True)
    found.update(pk for pk in below if pk is not None)
    return found.intersection(contacts)


def write(cases: Sequence[NewCase], rules_version: int) -> None:
    """The caller has the turn, and nothing is stored of these contacts."""
    now = clock.now()
    state = DuplicateCase.State.OPEN
    made = [fresh(DuplicateCase, score=c.score, size=c.size, proposal=c.proposal, state=state, created_at=now) for c in cases]
    add_many(DuplicateCase, made)
    rows = [(pair, case.pk) for case, new in zip(made, cases, strict=True) for pair in new.pairs]
    if not rows:
        return
    columns: dict[str, Sequence[Any]] = {
        "first": [pair.first for pair, _ in rows],
        "second": [pair.second for pair, _ in rows],
        "case": [case for _, case in rows],
        "score": [pair.score for pair, _ in rows],
        "evidence": [pair.lines for pair, _ in rows],
        "rules_version": [rules_version] * len(rows),
        "state": [str(Pair.State.OPEN)] * len(rows),
        "reason": [""] * len(rows),
        "decided_by": [""] * len(rows),
        "found_at": [now] * len(rows),
    }
    if not add_columns(Pair, columns):
        common = {"rules_version": rules_version, "found_at": now}
        Pair.objects.bulk_create(
            [
                Pair(first_id=p.first, second_id=p.second, case_id=case, score=p.score, evidence=json.loads(p.lines), **common)
                for p, case in rows
            ]
        )
