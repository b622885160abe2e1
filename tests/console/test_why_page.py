"""The page that tells what became of a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scrm.console import why
from scrm.conversations.models import Message


class Steps:
    def test_of_one_second_stand_as_they_follow(self) -> None:
        """A platform tells whole seconds: a failure of 09:00:01 may seem older than its acceptance at 09:00:01.4."""
        second = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)
        accepted = second + timedelta(milliseconds=400)
        message = Message(created_at=second - timedelta(seconds=2), accepted_at=accepted, failed_at=second)
        assert [name for name, _at in why.steps(message)] == ["Written", "Accepted by the platform", "Failed"]

    def test_follow_their_times(self) -> None:
        second = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)
        message = Message(created_at=second, failed_at=second + timedelta(seconds=3), accepted_at=second + timedelta(seconds=9))
        assert [name for name, _at in why.steps(message)] == ["Written", "Failed", "Accepted by the platform"]
