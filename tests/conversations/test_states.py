from __future__ import annotations

import itertools
from functools import reduce

import pytest

from scrm.conversations.states import RANK, after_status

STATUSES = ("sent", "delivered", "read")


class AfterStatus:
    @pytest.mark.parametrize("order", [order for n in (1, 2, 3) for order in itertools.permutations(STATUSES, n)])
    def test_ends_at_the_highest_whatever_the_order(self, order: tuple[str, ...]) -> None:
        assert reduce(after_status, order, "accepted") == max(order, key=RANK.__getitem__)

    @pytest.mark.parametrize("late", STATUSES)
    def test_never_leaves_failed(self, late: str) -> None:
        assert after_status("failed", late) == "failed"

    @pytest.mark.parametrize("state", ["delivered", "read"])
    def test_never_fails_what_arrived(self, state: str) -> None:
        assert after_status(state, "failed") == state

    @pytest.mark.parametrize("status", STATUSES)
    def test_settles_an_unknown_outcome(self, status: str) -> None:
        assert after_status("unknown", status) == status

    def test_ignores_words_it_does_not_know(self) -> None:
        assert after_status("sent", "telepathed") == "sent"
