"""A rule, a window, an opt-out, a person: whatever changes while a message is queued. The long form is `python -m tests.faults.races`."""

from __future__ import annotations

import pytest

from tests.faults.races import KINDS, run
from tests.faults.sabotage import sabotaged

pytestmark = pytest.mark.django_db(transaction=True)


class Races:
    def test_never_end_in_a_send_that_breaks_a_rule(self) -> None:
        outcomes = run(5 * len(KINDS), seed=20261118)
        assert {name: (each.broken, each.unexplained, each.errors) for name, each in outcomes.items()} == dict.fromkeys(KINDS, (0, 0, []))
        assert sum(each.sent for each in outcomes.values()) and sum(each.held for each in outcomes.values())

    def test_would_without_the_second_look(self) -> None:
        with sabotaged("stale_law"):
            outcomes = run(24, seed=7, kinds=("opt_out", "human_steps_in", "number_paused"))
        assert sum(each.broken for each in outcomes.values()) > 0
