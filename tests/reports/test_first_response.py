from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection as database

from reports.agents import NOBODY
from reports.base import TOTAL, Filters
from reports.first_response import FirstResponse, ResponseTime
from reports.median import database_medians, median, medians, python_medians
from scrm.connections.models import Connection
from scrm.conversations.models import Conversation, Message, Response
from scrm.staff.models import Team, User
from tests.reports.people import TEN, Shop

pytestmark = pytest.mark.django_db
NOON = TEN + timedelta(hours=2)
TODAY = Filters(until=NOON, period="today", zone="Asia/Hong_Kong")


def wait(shop: Shop, agent: User | None, seconds: int, answered_at: datetime = TEN) -> Response:
    """A stored wait, for figures that the clock does not matter to."""
    identity = shop.customer("客人", f"+852{Conversation.objects.count() + 90000000}")
    times = {"last_message_at": TEN, "changed_at": TEN, "opened_at": TEN}
    talk = Conversation.objects.create(identity=identity, connection=shop.connection, **times)
    message = Message.objects.create(
        conversation=talk, connection=shop.connection, direction="out", state="sent", source="agent", sent_at=TEN, created_at=TEN
    )
    asked_at = answered_at - timedelta(seconds=seconds)
    return Response.objects.create(
        conversation=talk, agent=agent, message=message, asked_at=asked_at, answered_at=answered_at, seconds=seconds, first=True
    )


class TestFirstResponse:
    def test_is_what_a_hand_works_out(self, golden: Callable[[], None], mei: User, ken: User) -> None:
        golden()
        lines = {line.key: line for line in FirstResponse().figures(TODAY)}
        assert lines[TOTAL].values == {"count": 3, "median": 255.0, "mean": 285.0, "slow": 1, "slow_share": pytest.approx(1 / 3)}
        assert lines[str(mei.pk)].values == {"count": 2, "median": 217.5, "mean": 217.5, "slow": 0, "slow_share": 0.0}
        assert lines[str(ken.pk)].values == {"count": 1, "median": 420.0, "mean": 420.0, "slow": 1, "slow_share": 1.0}
        assert set(lines) == {TOTAL, str(mei.pk), str(ken.pk)}

    def test_marks_those_above_six_minutes(self, golden: Callable[[], None], mei: User, ken: User) -> None:
        golden()
        marked = {line.key: line.marked for line in FirstResponse().figures(TODAY)}
        assert marked == {TOTAL: frozenset(), str(mei.pk): frozenset(), str(ken.pk): frozenset({"median", "mean"})}

    def test_of_every_wait_counts_the_later_ones_too(self, golden: Callable[[], None], mei: User) -> None:
        golden()
        lines = {line.key: line.values for line in ResponseTime().figures(TODAY)}
        assert (lines[TOTAL]["count"], lines[TOTAL]["median"], lines[TOTAL]["mean"]) == (4, 217.5, 228.75)
        assert (lines[str(mei.pk)]["median"], lines[str(mei.pk)]["mean"]) == (180.0, 165.0)

    @pytest.mark.parametrize("report", [FirstResponse(), ResponseTime()])
    def test_is_the_sum_of_its_rows(self, golden: Callable[[], None], report: FirstResponse) -> None:
        golden()
        for line in report.figures(TODAY):
            seconds = [row.seconds for row in report.rows(TODAY, line.key)]
            assert len(seconds) == line.values["count"]
            assert sum(seconds) / len(seconds) == line.values["mean"]
            assert sum(s > 360 for s in seconds) == line.values["slow"]

    def test_belongs_to_a_day_in_the_viewers_zone(self, shop: Shop, mei: User) -> None:
        """23:59 of the 17th and 00:01 of the 18th in Hong Kong; both are the 17th in London."""
        before, after = datetime.fromisoformat("2026-11-17T23:59:00+08:00"), datetime.fromisoformat("2026-11-18T00:01:00+08:00")
        wait(shop, mei, 100, before)
        wait(shop, mei, 200, after)

        def mean(period: str, zone: str) -> float | None:
            lines = FirstResponse().figures(Filters(until=NOON, period=period, zone=zone))
            return lines[0].values["mean"] if lines else None

        assert mean("today", "Asia/Hong_Kong") == 200.0
        assert mean("today", "Europe/London") is None
        assert mean("7d", "Europe/London") == 150.0

    @pytest.mark.parametrize(("period", "first_day"), [("today", "18"), ("7d", "12"), ("30d", "20")])
    def test_period_begins_at_a_midnight(self, period: str, first_day: str) -> None:
        since = Filters(until=NOON, period=period, zone="Asia/Tokyo").since
        month = "10" if period == "30d" else "11"
        assert since == datetime.fromisoformat(f"2026-{month}-{first_day}T00:00:00+09:00")

    def test_can_be_narrowed_to_a_connection_or_a_team(self, golden: Callable[[], None], shop: Shop, mei: User, ken: User) -> None:
        golden()
        Team.objects.create(name="台北").members.add(mei, ken)
        other = Connection.objects.create(slug="xinyi", label="信義店", kind="channel", adapter="whatsapp", account_id="1002")

        def keys(**chosen: int) -> set[str]:
            return {line.key for line in FirstResponse().figures(Filters(until=NOON, period="today", zone="Asia/Hong_Kong", **chosen))}

        assert keys(connection=shop.connection.pk) == {TOTAL, str(mei.pk), str(ken.pk)}
        assert keys(connection=other.pk) == set()
        assert keys(team=Team.objects.get(name="香港").pk) == {TOTAL, str(mei.pk)}
        assert keys(team=Team.objects.get(name="台北").pk) == {TOTAL, str(mei.pk), str(ken.pk)}

    def test_of_people_who_left_stays_on_its_own_line(self, shop: Shop, mei: User) -> None:
        wait(shop, mei, 90)
        mei.delete()
        lines = FirstResponse().figures(TODAY)
        assert [(line.key, line.values["count"]) for line in lines] == [(TOTAL, 1), (NOBODY, 1)]
        assert [row.seconds for row in FirstResponse().rows(TODAY, NOBODY)] == [90]

    @pytest.mark.parametrize("key", ["", "x", "-1", "٣", "9" * 19])
    def test_has_no_rows_behind_a_line_that_cannot_be(self, key: str) -> None:
        with pytest.raises(LookupError):
            FirstResponse().rows(TODAY, key)


class TestMedian:
    def test_is_equal_in_the_database_and_in_python(self, shop: Shop, mei: User, ken: User) -> None:
        random.seed(20261118)
        for number, agent in ((7, mei), (8, ken), (1, None)):
            for _ in range(number):
                wait(shop, agent, random.randint(0, 2000))
        rows = Response.objects.all()
        expected = python_medians(rows, "seconds", "agent_id")
        assert len(expected) == 3
        assert medians(rows, "seconds", "agent_id") == expected
        if database.vendor == "postgresql":
            assert database_medians(rows, "seconds", "agent_id") == expected

    @pytest.mark.parametrize(("seconds", "middle"), [([], None), ([5], 5.0), ([9, 1], 5.0), ([1, 9, 2], 2.0), ([4, 1, 3, 2], 2.5)])
    def test_of_a_few(self, shop: Shop, mei: User, seconds: list[int], middle: float | None) -> None:
        for number in seconds:
            wait(shop, mei, number)
        assert median(Response.objects.all(), "seconds") == middle
