"""Many processes at one person: each rule of the law is filled exactly. The long form is `python -m tests.faults.senders`."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.faults.sabotage import sabotaged
from tests.faults.senders import CASES, fight

pytestmark = pytest.mark.django_db(transaction=True)
# SQLite's one writer lets nobody race, so that one round shows what three would.
ROUNDS = 3 if connection.vendor == "postgresql" else 1
RACED = tuple(case for case in CASES if case.allowed)
REFUSED = tuple(case for case in CASES if not case.allowed)


class ConcurrentSenders:
    def test_fill_every_limit_and_exceed_none(self) -> None:
        tallies = {**fight(ROUNDS, cases=RACED), **fight(1, cases=REFUSED)}
        assert {name: (tally.over, tally.under, tally.errors) for name, tally in tallies.items()} == dict.fromkeys(tallies, (0, 0, 0))

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer and hides this race")
    def test_would_exceed_them_without_the_lock(self) -> None:
        with sabotaged("check_then_insert"):
            tallies = fight(2, cases=tuple(case for case in RACED if case.name in {"template_24h", "same_content"}))
        assert sum(tally.over for tally in tallies.values()) > 0
