"""Pairs that somebody else says are one person: a CRM that merged its two records. People decide, as with all pairs."""

from __future__ import annotations

from django.db import transaction

from scrm.contacts.matching import casework
from scrm.contacts.matching.publishing import in_force
from scrm.contacts.models import DuplicateCandidate
from scrm.core import clock

# Evidence that no comparison finds, so that none may withdraw it either.
STATED = frozenset({"merged_in_crm"})
SCORE, WEIGHT = 0.97, 3.5

State = DuplicateCandidate.State


def propose(one: int, other: int, *, code: str, value: str) -> bool:
    """Ask whether these two contacts are one person, because `value` (a name to show) says so. False when that was decided before.

    Safe to repeat.
    """
    first, second = sorted((one, other))
    line = {"code": code, "for": True, "weight": WEIGHT, "with": {"value": value}}
    with transaction.atomic():
        casework.take_turn()
        fresh = {"score": SCORE, "evidence": [line], "rules_version": in_force().version, "found_at": clock.now()}
        row, made = DuplicateCandidate.objects.get_or_create(first_id=first, second_id=second, defaults=fresh)
        if not made:
            if row.state not in (State.OPEN, State.GONE):
                return False
            row.evidence = [line, *(each for each in row.evidence if each.get("code") not in STATED)]
            row.score, row.state = max(row.score, SCORE), State.OPEN
            row.save(update_fields=["evidence", "score", "state"])
        casework.regroup({first, second})
    return True
