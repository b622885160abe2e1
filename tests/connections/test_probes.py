"""Looks at the platform, the move to a standby and back, and that a move neither loses nor doubles a message."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections

from connectors.errors import NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from scrm.connections import probes
from scrm.connections.models import Alert, Connection, ConnectionChange, Probe
from scrm.connections.services import by_slug, channel_of, check_now, is_callable_now, pause, report_failure, save_credentials
from scrm.conversations import outbox
from scrm.conversations.models import Message
from scrm.conversations.services import queue_message, start_conversation
from scrm.core import clock
from tests import people
from tests.connections.platform import PRIMARY, STANDBY, address


def fresh(row: Connection) -> Connection:
    return Connection.objects.get(pk=row.pk)


def pass_minutes(minutes: float, step: float = 0.5) -> None:
    """Time goes by, and the periodic job has its turns."""
    for _ in range(round(minutes / step)):
        clock.advance(timedelta(minutes=step))
        probes.look_at_due()


def open_keys() -> list[str]:
    return list(Alert.objects.filter(closed_at=None).order_by("key").values_list("key", flat=True))


def moves() -> list[tuple[str, str]]:
    return list(ConnectionChange.objects.filter(kind="endpoint").order_by("pk").values_list("before", "after"))


class TestLooks:
    def test_come_once_an_hour_in_the_connections_own_minute(self, taipei: Connection) -> None:
        probes.look_at_due()
        due = fresh(taipei).next_probe_at
        assert due == probes.next_hourly("taipei", clock.now())
        pass_minutes(300)
        times = list(Probe.objects.order_by("at").values_list("at", flat=True))
        assert len(times) in (5, 6)
        assert {later - earlier for earlier, later in pairwise(times[1:])} == {timedelta(hours=1)}

    def test_are_spread_over_the_hour(self) -> None:
        minutes = {probes.next_hourly(f"shop-{n}", clock.now()).minute for n in range(200)}
        assert len(minutes) > 40

    def test_keep_what_they_saw(self, taipei: Connection) -> None:
        address(PRIMARY).milliseconds = 430
        probes.look_at_due()
        row = Probe.objects.get()
        assert (row.ok, row.milliseconds, row.endpoint, row.detail, row.at) == (True, 430, "primary", "as usual", clock.now())

    def test_of_a_crm_are_made_alike(self, crm: Connection) -> None:
        probes.look_at_due()
        assert Probe.objects.get().connection == crm

    def test_leave_what_a_person_stopped_and_what_needs_one_alone(self, taipei: Connection, crm: Connection) -> None:
        pause(taipei, by="mei")
        report_failure(crm, NeedsLogin("expired"))
        assert probes.look_at_due() == 0

    def test_do_not_disturb_a_platform_that_asked_for_patience(self, taipei: Connection) -> None:
        report_failure(taipei, TryLater("slow down", after=timedelta(minutes=5), scope="connection"))
        assert probes.look_at_due() == 0
        clock.advance(timedelta(minutes=5))
        assert probes.look_at_due() == 1

    def test_a_refusal_for_haste_is_an_answer(self, taipei: Connection) -> None:
        address(PRIMARY).error = TryLater("slow down", after=timedelta(seconds=5), scope="connection")
        probes.look_at_due()
        assert Probe.objects.get().ok

    def test_old_ones_are_forgotten(self, taipei: Connection) -> None:
        probes.look_at_due()
        clock.advance(timedelta(days=31))
        probes.look(fresh(taipei))
        assert probes.forget_old() == 1
        assert Probe.objects.count() == 1

    def test_a_persons_look_is_on_record_and_one_of_the_three(self, taipei: Connection) -> None:
        address(PRIMARY).milliseconds = 2000
        for _ in range(3):
            assert check_now(fresh(taipei)).ok
        assert fresh(taipei).endpoint == "standby"

    @pytest.mark.django_db(transaction=True)
    def test_of_many_workers_one_looks(self, taipei: Connection) -> None:
        if database.vendor != "postgresql":
            pytest.skip("SQLite has one writer and hides this race")
        start = threading.Barrier(12)

        def work() -> None:
            try:
                start.wait()
                probes.look_at_due()
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Probe.objects.count() == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"milliseconds": 1501},
        {"error": Unreachable("refused")},
        {"error": OutcomeUnknown("no answer", code="ReadTimeout")},
        {"fit": False},
    ],
    ids=["slow", "refused", "silent", "unfit"],
)
class TestThreeBadLooks:
    def test_move_to_the_standby_within_four_minutes_and_say_so(self, taipei: Connection, trouble: dict[str, Any]) -> None:
        vars(address(PRIMARY)).update(trouble)
        probes.look_at_due()
        pass_minutes(3.5)
        row = fresh(taipei)
        assert (row.endpoint, address(PRIMARY).looks, moves()) == ("standby", 3, [("primary", "standby")])
        assert open_keys() == ["standby:taipei"]
        assert row.endpoint_since is not None
        pass_minutes(2)
        assert address(STANDBY).tokens == ["standby key"]

    def test_call_a_person_where_there_is_no_standby(self, taipei: Connection, trouble: dict[str, Any]) -> None:
        Connection.objects.filter(pk=taipei.pk).update(settings={"base_url": PRIMARY})
        vars(address(PRIMARY)).update(trouble)
        probes.look_at_due()
        pass_minutes(15)
        assert (fresh(taipei).endpoint, open_keys(), moves()) == ("primary", ["slow:taipei"], [])
        vars(address(PRIMARY)).update({"milliseconds": 90, "error": None, "fit": True})
        pass_minutes(6)
        assert open_keys() == []


class TestBorderline:
    def test_below_a_second_and_a_half_is_borne(self, taipei: Connection) -> None:
        address(PRIMARY).milliseconds = 1500
        for _ in range(5):
            check_now(fresh(taipei))
        assert fresh(taipei).endpoint == "primary"

    def test_a_good_look_between_begins_the_count_anew(self, taipei: Connection) -> None:
        for milliseconds in (2000, 2000, 100, 2000, 2000):
            address(PRIMARY).milliseconds = milliseconds
            check_now(fresh(taipei))
        assert fresh(taipei).endpoint == "primary"
        assert fresh(taipei).next_probe_at == clock.now() + timedelta(minutes=2)

    def test_refused_credentials_are_no_reason_to_move(self, taipei: Connection) -> None:
        address(PRIMARY).error = NeedsLogin("expired")
        for _ in range(4):
            probes.look(fresh(taipei))
        assert (fresh(taipei).endpoint, fresh(taipei).state, open_keys()) == ("primary", "needs_login", ["login:taipei"])

    def test_looks_before_new_credentials_do_not_count(self, taipei: Connection) -> None:
        address(PRIMARY).error = Unreachable("refused")
        for _ in range(2):
            check_now(fresh(taipei))
        clock.advance(timedelta(seconds=1))
        save_credentials(fresh(taipei), settings={}, secrets={"access_token": "newer key"})
        clock.advance(timedelta(seconds=1))
        check_now(fresh(taipei))
        assert fresh(taipei).endpoint == "primary"


class TestReturn:
    @pytest.fixture
    def moved(self, taipei: Connection) -> Connection:
        address(PRIMARY).error = Unreachable("refused")
        probes.look_at_due()
        pass_minutes(3.5)
        return fresh(taipei)

    def test_comes_after_three_good_looks_at_the_primary(self, moved: Connection) -> None:
        pass_minutes(30)
        assert fresh(moved).endpoint == "standby"
        address(PRIMARY).error = None
        pass_minutes(9)
        assert (fresh(moved).endpoint, open_keys()) == ("primary", [])
        assert moves() == [("primary", "standby"), ("standby", "primary")]
        assert Alert.objects.get().times == 1

    def test_does_not_come_while_the_primary_wavers(self, moved: Connection) -> None:
        for turn in range(12):
            address(PRIMARY).error = Unreachable("refused") if turn % 3 == 2 else None
            probes.look(fresh(moved), "primary")
            clock.advance(timedelta(minutes=1))
        assert fresh(moved).endpoint == "standby"

    def test_a_bad_look_at_the_primary_does_not_stop_the_standby(self, moved: Connection) -> None:
        address(PRIMARY).error = NeedsLogin("expired")
        pass_minutes(30)
        assert (fresh(moved).state, fresh(moved).endpoint) == ("active", "standby")
        assert is_callable_now(fresh(moved))

    def test_when_both_are_away_a_person_is_called_and_nothing_moves_to_and_fro(self, moved: Connection) -> None:
        address(STANDBY).error = Unreachable("refused")
        pass_minutes(120, step=1)
        assert (fresh(moved).endpoint, open_keys()) == ("standby", ["slow:taipei", "standby:taipei"])
        assert len(moves()) == 1

    def test_when_the_standby_fails_and_the_primary_answers_it_goes_back_at_once(self, moved: Connection) -> None:
        address(STANDBY).error = Unreachable("refused")
        address(PRIMARY).error = None
        pass_minutes(9)
        assert fresh(moved).endpoint == "primary"


class TestMove:
    def test_other_processes_work_with_the_other_keys_at_once(self, taipei: Connection) -> None:
        before = by_slug("taipei")
        assert before is not None
        probes.move(taipei, "standby", "test")
        assert channel_of(fresh(taipei)) is not channel_of(before)
        assert dict(channel_of(fresh(taipei)).account.settings) == {"base_url": STANDBY}  # type: ignore[attr-defined]
        assert dict(channel_of(before).account.secrets) == {"access_token": "main key"}  # type: ignore[attr-defined]

    def test_happens_once_whoever_asks(self, taipei: Connection) -> None:
        assert probes.move(fresh(taipei), "standby", "test")
        assert not probes.move(fresh(taipei), "standby", "test")
        assert len(moves()) == 1

    def test_the_breaker_begins_anew(self, taipei: Connection) -> None:
        for _ in range(5):
            report_failure(taipei, Unreachable("refused"))
        assert not is_callable_now(taipei)
        probes.move(fresh(taipei), "standby", "test")
        assert is_callable_now(fresh(taipei))

    def test_failures_of_calls_to_the_old_endpoint_do_not_count(self, taipei: Connection) -> None:
        old = fresh(taipei)
        probes.move(fresh(taipei), "standby", "test")
        for _ in range(5):
            report_failure(old, Unreachable("refused"))
        report_failure(old, NeedsLogin("expired"))
        assert (fresh(taipei).failures, fresh(taipei).state) == (0, "active")

    def test_a_breaker_that_opens_brings_the_first_look_forward(self, taipei: Connection) -> None:
        probes.look_at_due()
        address(PRIMARY).error = Unreachable("refused")
        for _ in range(5):
            report_failure(fresh(taipei), Unreachable("refused"))
        pass_minutes(4)
        assert fresh(taipei).endpoint == "standby"


class TestMessagesDuringAMove:
    def queue(self, taipei: Connection, count: int) -> list[Message]:
        made = []
        for number in range(count):
            identity = people.customer(f"林怡君 {number}", phone=f"88691234567{number}")
            conversation = start_conversation(identity, taipei)
            conversation.window_expires_at = clock.now() + timedelta(hours=24)
            conversation.save()
            result = queue_message(
                conversation, text=f"您的包裹 {number} 已寄出", source="agent", by=people.agent(), idempotency_key=f"parcel {number}"
            )
            assert result.message is not None
            made.append(result.message)
        return made

    def states(self) -> list[str]:
        return list(Message.objects.order_by("pk").values_list("state", flat=True))

    def test_each_goes_out_once_by_one_of_the_two(self, taipei: Connection) -> None:
        self.queue(taipei, 6)
        claims = outbox.claim(10)
        for claimed in claims[:2]:
            outbox.send(claimed)
        address(PRIMARY).send_error = OutcomeUnknown("no answer", code="ReadTimeout")
        outbox.send(claims[2])
        probes.move(fresh(taipei), "standby", "test")
        for claimed in claims[3:]:
            outbox.send(claimed)
        for _ in range(5):
            outbox.send_due()
        refs = [message.client_ref for url in (PRIMARY, STANDBY) for message in address(url).sent]
        assert len(refs) == len(set(refs)) == 5
        assert (len(address(PRIMARY).sent), len(address(STANDBY).sent)) == (2, 3)
        assert self.states() == ["accepted", "accepted", "unknown", "accepted", "accepted", "accepted"]

    def test_what_was_refused_at_the_door_of_the_primary_goes_by_the_standby(self, taipei: Connection) -> None:
        address(PRIMARY).send_error = address(PRIMARY).error = Unreachable("refused")
        self.queue(taipei, 4)
        for _ in range(20):
            outbox.send_due()
            pass_minutes(0.5)
        assert self.states() == ["accepted"] * 4
        refs = [message.client_ref for message in address(STANDBY).sent]
        assert len(refs) == len(set(refs)) == 4
        assert address(PRIMARY).sent == []
