"""The push engine's rules: what is written, when it is tried again, and what never happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from scrm.core import clock, jobs
from scrm.sync import engine, queue
from scrm.sync.asking import ask
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push
from scrm.sync.services import discard_pushes, replay_pushes, want
from tests.sync.conftest import NOON, Shop, later
from tests.sync.fake_crm import Killed, keys


def drain() -> int:
    """Step until nothing is due, as a drain does."""
    total = 0
    while taken := engine.push_due():
        total += taken
    return total


def prepare(shop: Shop) -> None:
    """Let the connection have worked once."""
    shop.due("contact", [shop.customer("先客").pk])
    drain()


class TestWriting:
    def test_a_new_contact_stands_in_the_crm(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])
        drain()
        record = shop.far.record("contact", str(chan.pk))
        assert (record["firstname"], record["lastname"]) == ("大文", "陳")
        push = shop.push("contact", chan.pk)
        assert (push.state, push.written, push.attempts, push.lease_until) == ("done", 1, 0, None)
        assert ExternalRecord.objects.get(key=str(chan.pk)).base == record

    def test_what_equals_the_agreed_values_is_not_sent(self, shop: Shop) -> None:
        chan = shop.customer()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert len(shop.far.calls) == 1
        assert shop.push("contact", chan.pk).written == 2

    def test_does_not_wait_for_a_clock_that_is_behind(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        with clock.frozen(NOON + timedelta(hours=1)):
            want(shop.crm, "contact", str(chan.pk))
            ask(shop.crm.pk, [("contact", "0031")])
            ask(shop.crm.pk, [("contact", "0032")], at=NOON + timedelta(hours=2))
        jobs.periodics()["sync.hurry"].run()
        drain()
        assert shop.push("contact", chan.pk).state == "done"
        assert dict(Pull.objects.values_list("external_id", "due_at")) == {"0031": NOON, "0032": NOON + timedelta(hours=2)}

    def test_an_update_sends_only_what_changed(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])
        drain()
        shop.far.record("contact", str(chan.pk))["phone"] = "typed by a colleague in the CRM"
        chan.name = "陳小文"
        chan.save()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert shop.far.writes()[-1].fields == {"firstname": "小文"}

    def test_a_value_that_we_wrote_and_lost_is_cleared_and_no_other(self, shop: Shop) -> None:
        FieldMapping.objects.create(connection=shop.crm, kind="contact", source="email", target="email")
        FieldMapping.objects.create(connection=shop.crm, kind="contact", source="company", target="company")
        chan = shop.customer()
        email = chan.identities.create(kind="email", value="chan@example.hk", verified="typed", valid_from=clock.now())
        shop.due("contact", [chan.pk])
        drain()
        email.delete()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert shop.far.writes()[-1].fields == {"email": ""}

    def test_a_contact_goes_before_its_communication_and_both_are_joined(self, shop: Shop) -> None:
        chan = shop.customer()
        talk = shop.conversation(chan)
        shop.message(talk, "私の荷物はどこですか?")
        shop.due("communication", [f"{talk.pk}:2026-11-22"])
        drain()
        assert keys(shop.far.writes()) == [("contact", str(chan.pk)), ("communication", f"{talk.pk}:2026-11-22")]
        communication = shop.far.ids["communication", f"{talk.pk}:2026-11-22"]
        assert shop.far.joined[communication] == {("contact", shop.far.ids["contact", str(chan.pk)])}

    def test_a_further_message_updates_the_same_communication(self, shop: Shop) -> None:
        talk = shop.conversation(shop.customer())
        key = f"{talk.pk}:2026-11-22"
        for text in ("早晨", "請問幾時送到?"):
            shop.message(talk, text)
            want(shop.crm, "communication", key)
            later(seconds=1)
            drain()
        assert shop.far.record("communication", key)["body"] == "11:30 陳大文: 早晨\n11:30 陳大文: 請問幾時送到?"
        assert sum(kind == "communication" for kind, _ in shop.far.ids) == 1

    def test_a_deal_is_joined_with_the_person_and_the_day(self, shop: Shop) -> None:
        chan = shop.customer()
        talk = shop.conversation(chan)
        shop.message(talk, "I want 20 of them, what is the price?")
        shop.due("communication", [f"{talk.pk}:2026-11-22"])
        shop.due("deal", [f"conversation:{talk.pk}"])
        drain()
        deal = shop.far.ids["deal", f"conversation:{talk.pk}"]
        assert {kind for kind, _ in shop.far.joined[deal]} == {"contact", "communication"}

    def test_an_object_that_is_no_more_is_in_step(self, shop: Shop) -> None:
        shop.due("contact", [4711])
        shop.due("communication", ["nonsense"])
        drain()
        assert shop.far.calls == []
        assert set(Push.objects.values_list("state", flat=True)) == {"done"}

    def test_the_crm_is_prepared_once_for_a_set_of_credentials(self, shop: Shop) -> None:
        for name in ("陳大文", "黃美玲"):
            shop.due("contact", [shop.customer(name).pk])
            drain()
        assert shop.far.prepared == 1
        shop.crm.refresh_from_db()
        shop.crm.secrets = {"token": "of another account"}
        shop.crm.save()
        shop.due("contact", [shop.customer("李嘉欣").pk])
        drain()
        assert shop.far.prepared == 2


class TestCoalescing:
    def test_a_burst_is_one_write_within_three_seconds(self, shop: Shop) -> None:
        chan = shop.customer()
        for _ in range(5):
            want(shop.crm, "contact", str(chan.pk))
            later(milliseconds=100)
        assert drain() == 0
        later(milliseconds=400)
        drain()
        assert len(shop.far.calls) == 1
        assert shop.push("contact", chan.pk).written == 5

    def test_a_change_during_the_call_is_written_by_a_second_one(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])

        def rename() -> None:
            chan.name = "陳小文"
            chan.save()
            want(shop.crm, "contact", str(chan.pk))

        shop.far.meanwhile = rename
        drain()
        assert (shop.push("contact", chan.pk).state, shop.push("contact", chan.pk).written) == ("due", 1)
        later(seconds=1)
        drain()
        assert shop.far.record("contact", str(chan.pk))["firstname"] == "小文"
        assert shop.push("contact", chan.pk).state == "done"


class TestRetries:
    def test_a_refused_record_is_tried_after_5_10_and_15_minutes_and_then_dead(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.far.refused[str(chan.pk)] = "Property phone is not a valid number"
        shop.due("contact", [chan.pk])
        waits = []
        for _ in range(3):
            drain()
            push = shop.push("contact", chan.pk)
            assert push.state == "due"
            waits.append(push.due_at - clock.now())
            later(seconds=waits[-1].total_seconds() - 1)
            assert drain() == 0
            later(seconds=1)
        drain()
        push = shop.push("contact", chan.pk)
        assert (push.state, push.last_error) == ("dead", "Property phone is not a valid number")
        assert len(shop.far.calls) == 4
        assert all(timedelta(minutes=4.5) <= wait <= timedelta(minutes=5.5) for wait in waits)

    def test_the_pauses_of_many_differ(self, shop: Shop) -> None:
        pauses = {queue.retry_pause() for _ in range(50)}
        assert len(pauses) > 40
        assert all(timedelta(minutes=4.5) <= pause <= timedelta(minutes=5.5) for pause in pauses)

    def test_one_bad_row_in_a_hundred_holds_up_none(self, shop: Shop) -> None:
        people = [shop.customer(f"客人{number}") for number in range(100)]
        shop.far.refused[str(people[41].pk)] = "bad"
        shop.due("contact", [person.pk for person in people])
        drain()
        assert Push.objects.filter(state="done").count() == 99
        assert Push.objects.get(state="due").key == str(people[41].pk)

    def test_a_row_over_which_the_server_breaks_is_found_and_dies_alone(self, shop: Shop) -> None:
        people = [shop.customer(f"客人{number}") for number in range(20)]
        shop.far.choking.add(str(people[7].pk))
        shop.due("contact", [person.pk for person in people])
        for _ in range(6):
            drain()
            later(minutes=6)
        assert Push.objects.filter(state="done").count() == 19
        dead = Push.objects.get(state="dead")
        assert (dead.key, dead.last_error) == (str(people[7].pk), "HTTP 500: The server broke")

    def test_a_row_that_cannot_be_prepared_holds_up_none(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.sync import people as people_module

        bad, good = shop.customer("陳大文"), shop.customer("黃美玲")

        def split(name: str, **_hints: str) -> tuple[str, str]:
            if name == "陳大文":
                raise ValueError("no such name")
            return name, ""

        monkeypatch.setattr(people_module, "split_name", split)
        shop.due("contact", [bad.pk, good.pk])
        drain()
        assert shop.push("contact", good.pk).state == "done"
        assert "no such name" in shop.push("contact", bad.pk).last_error

    def test_a_change_gives_a_dead_record_new_attempts(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        Push.objects.update(state="dead", attempts=4)
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert shop.push("contact", chan.pk).state == "done"

    def test_what_hangs_on_a_refused_contact_waits_for_it_and_tells_why(self, shop: Shop) -> None:
        chan = shop.customer()
        talk = shop.conversation(chan)
        shop.message(talk, "Hello")
        shop.far.refused[str(chan.pk)] = "bad number"
        shop.due("communication", [f"{talk.pk}:2026-11-22"])
        for _ in range(9):
            drain()
            later(minutes=6)
        assert shop.push("contact", chan.pk).state == "dead"
        communication = shop.push("communication", f"{talk.pk}:2026-11-22")
        assert (communication.state, communication.last_error) == ("dead", "Its contact is not in the CRM: bad number")
        shop.far.refused.clear()
        assert replay_pushes(Push.objects.all(), by="mei") == 2
        drain()
        assert set(Push.objects.values_list("state", flat=True)) == {"done"}


class TestDeadLetters:
    def test_replay_works_once(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        Push.objects.update(state="dead", attempts=4, last_error="bad")
        assert replay_pushes(Push.objects.all(), by="mei") == 1
        assert replay_pushes(Push.objects.all(), by="mei") == 0
        drain()
        assert len(shop.far.calls) == 1
        assert shop.push("contact", chan.pk).last_error == ""
        assert replay_pushes(Push.objects.all(), by="mei") == 0

    def test_a_replayed_record_has_four_attempts_again(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.far.refused[str(chan.pk)] = "bad"
        shop.due("contact", [chan.pk])
        Push.objects.update(state="dead", attempts=4)
        replay_pushes(Push.objects.all(), by="mei")
        for _ in range(10):
            drain()
            later(minutes=6)
        assert len(shop.far.calls) == 4
        assert shop.push("contact", chan.pk).state == "dead"

    def test_a_discarded_write_is_left_alone_until_the_record_changes(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        Push.objects.update(state="dead")
        assert discard_pushes(Push.objects.all(), by="mei", note="test customer") == 1
        drain()
        assert shop.far.calls == []
        assert shop.push("contact", chan.pk).last_error == "Discarded by mei: test customer"
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert shop.push("contact", chan.pk).state == "done"


class TestOutages:
    @pytest.mark.parametrize("error", [Unreachable("refused"), OutcomeUnknown("no answer", code="ReadTimeout")])
    def test_an_hour_of_outage_kills_no_record(self, shop: Shop, error: Exception) -> None:
        prepare(shop)
        shop.due("contact", [shop.customer(f"客人{number}").pk for number in range(30)])
        shop.far.down = error  # type: ignore[assignment]
        for _ in range(360):
            engine.push_due()
            later(seconds=10)
        assert not Push.objects.filter(state="dead").exists()
        assert 5 < len(shop.far.calls) < 30
        shop.far.down = None
        later(minutes=11)
        for _ in range(40):
            drain()
            later(seconds=30)
        assert Push.objects.filter(state="done").count() == 31

    def test_five_failures_open_the_breaker_and_one_probe_closes_it(self, shop: Shop) -> None:
        prepare(shop)
        shop.due("contact", [shop.customer().pk])
        shop.far.down = Unreachable("refused")
        for _ in range(20):
            engine.push_due()
            later(seconds=6)
            shop.crm.refresh_from_db()
            if shop.crm.failures == 5:
                break
        assert (shop.crm.failures, shop.crm.state) == (5, "waiting")
        assert engine.push_due() == 0
        shop.far.down = None
        later(seconds=30)
        assert engine.push_due() == 1
        shop.crm.refresh_from_db()
        assert (shop.crm.failures, shop.crm.state, shop.crm.resume_at) == (0, "active", None)

    def test_a_request_for_patience_is_obeyed_and_costs_no_attempt(self, shop: Shop) -> None:
        prepare(shop)
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        shop.far.down = TryLater("slow down", after=timedelta(seconds=90), scope="connection", times=None)
        engine.push_due()
        shop.far.down = None
        later(seconds=89)
        assert engine.push_due() == 0
        assert shop.push("contact", chan.pk).attempts == 0
        later(seconds=2)
        drain()
        assert shop.push("contact", chan.pk).state == "done"

    def test_a_crm_that_cannot_be_prepared_opens_the_breaker_too(self, shop: Shop) -> None:
        shop.due("contact", [shop.customer().pk])
        shop.far.down = Unreachable("refused")
        for _ in range(8):
            assert engine.push_due() == 0
        shop.crm.refresh_from_db()
        assert shop.crm.failures == 5
        assert Push.objects.get().attempts == 0

    def test_a_lost_login_stops_the_connection_and_keeps_the_queue(self, shop: Shop) -> None:
        shop.due("contact", [shop.customer().pk])
        drain()
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        shop.far.down = NeedsLogin("token withdrawn", code="401")
        drain()
        shop.crm.refresh_from_db()
        assert (shop.crm.state, shop.crm.state_reason) == ("needs_login", "401: token withdrawn")
        later(hours=10)
        assert engine.push_due() == 0
        push = shop.push("contact", chan.pk)
        assert (push.state, push.attempts) == ("due", 0)

    def test_one_crm_that_is_down_does_not_stop_another(self, shop: Shop) -> None:
        from scrm.connections.models import Connection
        from tests.sync.fake_crm import FAR_SIDES, FarSide

        other = Connection.objects.create(slug="crm-tw", label="CRM TW", kind="crm", adapter="fake", secrets={"token": "t"})
        far = FAR_SIDES["crm-tw"] = FarSide()
        FieldMapping.objects.create(connection=other, kind="contact", source="full_name", target="name")
        shop.far.down = Unreachable("refused")
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        want(other, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert far.record("contact", str(chan.pk)) == {"name": "陳大文"}


class TestCrashes:
    def test_a_crash_between_the_answer_and_our_note_repeats_the_write_harmlessly(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        shop.far.dies_after = True
        with pytest.raises(Killed):
            engine.push_due()
        assert not ExternalRecord.objects.exists()
        assert engine.push_due() == 0
        later(minutes=2.1)
        drain()
        assert len(shop.far.fields) == 1
        assert shop.push("contact", chan.pk).state == "done"
        assert ExternalRecord.objects.get().external_id in shop.far.fields

    def test_a_record_that_kills_its_worker_each_time_is_dead_after_four(self, shop: Shop) -> None:
        chan = shop.customer()
        shop.due("contact", [chan.pk])
        for _ in range(4):
            shop.far.dies_after = True
            with pytest.raises(Killed):
                engine.push_due()
            later(minutes=2.1)
        drain()
        assert shop.push("contact", chan.pk).state == "dead"
        assert len(shop.far.calls) == 4

    def test_a_second_drain_does_not_write_what_the_first_is_writing(self, shop: Shop) -> None:
        shop.due("contact", [shop.customer(f"客人{number}").pk for number in range(10)])
        taken: list[int] = []
        shop.far.meanwhile = lambda: taken.append(engine.push_due())
        drain()
        assert taken == [0]
        assert len(shop.far.writes()) == 10

    def test_a_stalled_worker_does_not_overwrite_what_its_successor_noted(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])

        def stall() -> None:
            later(minutes=3)
            chan.name = "陳小文"
            chan.save()
            assert engine.push_due() == 1

        shop.far.meanwhile = stall
        engine.push_due()
        push = shop.push("contact", chan.pk)
        assert (push.state, push.fence) == ("done", 2)
        assert ExternalRecord.objects.get().base["firstname"] == "小文"


class TestTheirSide:
    def test_a_deleted_record_is_made_again_once(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])
        drain()
        shop.far.delete("contact", str(chan.pk))
        chan.name = "陳小文"
        chan.save()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert shop.far.record("contact", str(chan.pk))["firstname"] == "小文"
        assert shop.far.record("contact", str(chan.pk))["lastname"] == "陳"
        assert ExternalRecord.objects.get().external_id == shop.far.ids["contact", str(chan.pk)]

    def test_a_merged_record_is_followed_to_its_new_id(self, shop: Shop) -> None:
        chan = shop.customer("陳大文")
        shop.due("contact", [chan.pk])
        drain()
        new = shop.far.merge("contact", str(chan.pk))
        chan.name = "陳小文"
        chan.save()
        want(shop.crm, "contact", str(chan.pk))
        later(seconds=1)
        drain()
        assert ExternalRecord.objects.get().external_id == new
        assert shop.far.fields[new]["firstname"] == "小文"

    def test_two_of_ours_in_one_record_of_theirs_are_told(self, shop: Shop) -> None:
        first, second = shop.customer("陳大文"), shop.customer("黃美玲")
        shop.due("contact", [first.pk])
        drain()
        shop.far.ids["contact", str(second.pk)] = shop.far.ids["contact", str(first.pk)]
        shop.due("contact", [second.pk])
        drain()
        assert f"same record ({shop.far.ids['contact', str(first.pk)]}) as contact {first.pk}" in shop.push("contact", second.pk).last_error
        assert ExternalRecord.objects.get().key == str(first.pk)

    def test_a_contact_that_vanished_under_its_communication_comes_back(self, shop: Shop) -> None:
        chan = shop.customer()
        talk = shop.conversation(chan)
        shop.message(talk, "早晨")
        shop.due("contact", [chan.pk])
        drain()
        shop.far.delete("contact", str(chan.pk))
        key = f"{talk.pk}:2026-11-22"
        shop.due("communication", [key])
        for _ in range(3):
            drain()
            later(minutes=6)
        assert shop.push("communication", key).state == "done"
        assert ("contact", shop.far.ids["contact", str(chan.pk)]) in shop.far.joined[shop.far.ids["communication", key]]


class TestCost:
    def test_a_batch_of_a_hundred_takes_a_handful_of_queries(self, shop: Shop, django_assert_max_num_queries: object) -> None:
        shop.due("contact", [shop.customer(f"客人{number}").pk for number in range(100)])
        drain_once = engine.push_due
        with django_assert_max_num_queries(45):  # type: ignore[operator]
            assert drain_once() == 100
