"""When a connection is called, told by its row alone: each worker holds its own, possibly old, copy of it."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import connections

from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable
from scrm.connections.breaker import PROBE_LEASE, pause_after
from scrm.connections.models import Alert, Connection, ConnectionChange
from scrm.connections.services import callable_q, is_callable_now, pause, report_failure, report_success, resume
from scrm.core import clock

TRANSPORT: list[ConnectorError] = [Unreachable("refused", code="ConnectError"), OutcomeUnknown("no answer", code="ReadTimeout")]


def later(**wait: float) -> None:
    clock.advance(timedelta(**wait))


def now(row: Connection) -> Connection:
    return Connection.objects.get(pk=row.pk)


def fail(row: Connection, times: int) -> None:
    for number in range(times):
        report_failure(row, TRANSPORT[number % 2])


def listed(row: Connection) -> bool:
    return Connection.objects.filter(callable_q(clock.now()), pk=row.pk).exists()


class TestBreaker:
    def test_four_failures_in_a_row_are_borne(self, crm: Connection) -> None:
        fail(crm, 4)
        assert is_callable_now(crm)
        assert now(crm).state == "active"

    def test_the_fifth_opens_for_30_seconds(self, crm: Connection) -> None:
        fail(crm, 5)
        assert not is_callable_now(crm)
        assert not listed(crm)
        row = now(crm)
        assert (row.state, row.resume_at) == ("waiting", clock.now() + timedelta(seconds=30))
        assert row.state_reason == "5 failures in a row, the last: ConnectError: refused"
        later(seconds=29)
        assert not is_callable_now(crm)

    def test_a_success_between_begins_the_count_anew(self, crm: Connection) -> None:
        fail(crm, 4)
        report_success(crm)
        fail(crm, 4)
        assert is_callable_now(crm)

    @pytest.mark.parametrize("answer", [Rejected("no"), Gone("away"), TryLater("pair limit", after=timedelta(seconds=6))])
    def test_an_answer_that_concerns_one_record_shows_that_the_platform_lives(self, crm: Connection, answer: ConnectorError) -> None:
        fail(crm, 4)
        report_failure(crm, answer)
        assert now(crm).failures == 0

    def test_after_the_pause_exactly_one_caller_tries(self, crm: Connection) -> None:
        fail(crm, 5)
        later(seconds=30)
        copies = [Connection.objects.get(pk=crm.pk) for _ in range(5)]
        assert [is_callable_now(copy) for copy in copies] == [True, False, False, False, False]
        assert not listed(crm)

    def test_a_prober_that_died_is_replaced(self, crm: Connection) -> None:
        fail(crm, 5)
        later(seconds=30)
        assert is_callable_now(crm)
        clock.advance(PROBE_LEASE)
        assert is_callable_now(crm)

    def test_a_good_probe_closes_it(self, crm: Connection) -> None:
        fail(crm, 5)
        later(seconds=30)
        assert is_callable_now(crm)
        report_success(crm)
        row = now(crm)
        assert (row.state, row.state_reason, row.failures, row.resume_at, row.probe_until) == ("active", "", 0, None, None)
        assert is_callable_now(crm)

    def test_each_bad_probe_doubles_the_pause_up_to_ten_minutes(self, crm: Connection) -> None:
        fail(crm, 5)
        pauses = []
        for _ in range(7):
            resume_at = now(crm).resume_at
            assert resume_at is not None
            pauses.append((resume_at - clock.now()).total_seconds())
            clock.advance(resume_at - clock.now())
            assert is_callable_now(crm)
            fail(crm, 1)
        assert pauses == [30, 60, 120, 240, 480, 600, 600]
        assert pause_after(10_000) == timedelta(minutes=10)

    def test_failures_of_calls_that_began_before_it_opened_do_not_lengthen_the_pause(self, crm: Connection) -> None:
        fail(crm, 12)
        row = now(crm)
        assert (row.failures, row.resume_at) == (5, clock.now() + timedelta(seconds=30))

    def test_a_late_success_does_not_close_it(self, crm: Connection) -> None:
        fail(crm, 5)
        report_success(crm)
        assert not is_callable_now(crm)

    def test_an_old_copy_of_the_row_is_not_believed(self, crm: Connection) -> None:
        old = now(crm)
        fail(crm, 5)
        assert old.failures == 0
        assert not is_callable_now(old)


class TestPatience:
    def test_the_platforms_wait_is_kept_and_shown(self, crm: Connection) -> None:
        report_failure(crm, TryLater("slow down", after=timedelta(seconds=90), scope="connection", code="RATE_LIMITS"))
        row = now(crm)
        assert (row.state, row.state_reason, row.resume_at) == ("waiting", "RATE_LIMITS: slow down", clock.now() + timedelta(seconds=90))
        assert not is_callable_now(crm)
        later(seconds=90)
        assert is_callable_now(crm)
        report_success(crm)
        assert now(crm).state == "active"

    def test_a_shorter_wait_does_not_replace_a_longer_one(self, crm: Connection) -> None:
        for seconds in (90, 10):
            report_failure(crm, TryLater("slow down", after=timedelta(seconds=seconds), scope="connection"))
        assert now(crm).resume_at == clock.now() + timedelta(seconds=90)

    def test_no_platform_silences_us_for_more_than_an_hour(self, crm: Connection) -> None:
        report_failure(crm, TryLater("tomorrow", after=timedelta(days=1), scope="connection"))
        assert now(crm).resume_at == clock.now() + timedelta(hours=1)

    def test_a_success_of_an_earlier_call_does_not_end_the_wait(self, crm: Connection) -> None:
        report_failure(crm, TryLater("slow down", after=timedelta(seconds=90), scope="connection"))
        report_success(crm)
        assert not is_callable_now(crm)


class TestPeopleAreNeeded:
    @pytest.mark.parametrize(
        ("error", "state"), [(NeedsLogin("expired", code="190"), "needs_login"), (Misconfigured("no scope", code="403"), "misconfigured")]
    )
    def test_the_connection_stops_until_somebody_acts(self, crm: Connection, error: ConnectorError, state: str) -> None:
        report_failure(crm, error)
        row = now(crm)
        assert (row.state, row.state_reason, row.state_changed_at) == (state, str(error), clock.now())
        later(days=3)
        report_success(crm)
        fail(crm, 9)
        assert not is_callable_now(crm)
        assert now(crm).state == state

    def test_a_persons_pause_outlasts_every_report(self, crm: Connection) -> None:
        assert pause(crm, by="mei", reason="moving house")
        assert not pause(crm, by="mei")
        for error in (*TRANSPORT, NeedsLogin("expired"), TryLater("x", after=timedelta(seconds=1), scope="connection")):
            report_failure(crm, error)
        report_success(crm)
        assert (now(crm).state, now(crm).state_reason) == ("paused", "mei: moving house")
        assert resume(crm)
        assert not resume(crm)
        assert is_callable_now(crm)

    def test_every_change_of_state_is_logged_without_secrets(self, crm: Connection, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            fail(crm, 5)
            later(seconds=30)
            report_success(crm)
            report_failure(crm, NeedsLogin("expired"))
        assert [record.getMessage() for record in caplog.records] == [
            "connection crm: active -> waiting 5 failures in a row, the last: ConnectError: refused",
            "connection crm: waiting -> active ",
            "connection crm: active -> needs_login expired",
        ]

    def test_a_deleted_connection_is_not_callable(self, crm: Connection) -> None:
        pk = crm.pk
        crm.delete()
        crm.pk = pk
        assert not is_callable_now(crm)
        report_success(crm)
        fail(crm, 1)


class TestCost:
    def test_a_success_as_usual_is_one_read(self, crm: Connection, django_assert_num_queries: object) -> None:
        with django_assert_num_queries(1):  # type: ignore[operator]
            report_success(crm)


class TestErrorRate:
    def test_more_than_half_of_twenty_calls_within_a_minute_open_it(self, crm: Connection) -> None:
        for number in range(19):
            later(seconds=2)
            report_failure(crm, TRANSPORT[0]) if number % 2 else report_success(crm)
        assert is_callable_now(crm)
        fail(crm, 2)
        row = now(crm)
        assert (row.state, row.failures) == ("waiting", 5)
        assert row.state_reason.startswith("more than half of a minute's calls failed")
        assert not is_callable_now(crm)

    def test_half_of_them_are_borne(self, crm: Connection) -> None:
        for _ in range(60):
            report_success(crm)
            fail(crm, 1)
        assert now(crm).state == "active"

    def test_calls_of_more_than_a_minute_ago_do_not_count(self, crm: Connection) -> None:
        for _ in range(5):
            fail(crm, 4)
            report_success(crm)
            later(seconds=25)
        assert now(crm).state == "active"

    def test_a_persons_word_begins_the_count_anew(self, crm: Connection) -> None:
        for _ in range(3):
            fail(crm, 4)
            report_success(crm)
        pause(crm, by="mei")
        resume(crm)
        fail(crm, 4)
        report_success(crm)
        fail(crm, 1)
        assert is_callable_now(crm)


class TestRecord:
    def states(self) -> list[tuple[str, str]]:
        return list(ConnectionChange.objects.filter(kind="state").order_by("pk").values_list("before", "after"))

    def test_keeps_every_change_of_state(self, crm: Connection) -> None:
        fail(crm, 5)
        later(seconds=30)
        is_callable_now(crm)
        report_success(crm)
        pause(crm, by="mei", reason="moving house")
        resume(crm)
        report_failure(crm, NeedsLogin("expired", code="190"))
        assert self.states() == [
            ("active", "waiting"),
            ("waiting", "active"),
            ("active", "paused"),
            ("paused", "active"),
            ("active", "needs_login"),
        ]
        assert list(ConnectionChange.objects.order_by("pk").values_list("reason", flat=True)) == [
            "5 failures in a row, the last: ConnectError: refused",
            "",
            "mei: moving house",
            "",
            "190: expired",
        ]

    def test_leaves_short_waits_out(self, crm: Connection) -> None:
        for _ in range(5):
            report_failure(crm, TryLater("slow down", after=timedelta(seconds=3), scope="connection"))
            later(seconds=3)
            is_callable_now(crm)
            report_success(crm)
        assert self.states() == []

    def test_keys_that_are_refused_open_one_alert(self, crm: Connection) -> None:
        for _ in range(5):
            report_failure(crm, NeedsLogin("expired"))
        row = Alert.objects.get()
        assert (row.key, row.level, row.times, row.connection) == ("login:crm", "error", 1, crm)


@pytest.mark.django_db(transaction=True)
class TestTwentyWorkers:
    """The half-open breaker and the alert, with workers that meet at the same moment."""

    @pytest.fixture(autouse=True)
    def on_a_server(self) -> None:
        if database.vendor != "postgresql":
            pytest.skip("SQLite has one writer and hides this race")

    def at_once(self, work: object) -> list[object]:
        start, found = threading.Barrier(20), []

        def run() -> None:
            try:
                start.wait()
                found.append(work())  # type: ignore[operator]
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def test_make_exactly_one_probe(self, crm: Connection) -> None:
        fail(crm, 5)
        later(seconds=30)
        for _ in range(5):
            found = self.at_once(lambda: is_callable_now(Connection.objects.get(pk=crm.pk)))
            assert (len(found), found.count(True)) == (20, 1)
            clock.advance(PROBE_LEASE)

    def test_that_all_are_refused_stop_the_connection_once(self, crm: Connection) -> None:
        self.at_once(lambda: report_failure(Connection.objects.get(pk=crm.pk), NeedsLogin("expired")))
        assert now(crm).state == "needs_login"
        assert Alert.objects.get().times == 1
        assert ConnectionChange.objects.count() == 1

    def test_whose_calls_all_fail_open_it_once(self, crm: Connection) -> None:
        self.at_once(lambda: fail(Connection.objects.get(pk=crm.pk), 1))
        row = now(crm)
        assert (row.state, row.failures, row.resume_at) == ("waiting", 5, clock.now() + timedelta(seconds=30))
        assert ConnectionChange.objects.filter(kind="state").count() == 1
