from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from scrm.automation import engine, shipped
from scrm.automation.actions import ACTIONS
from scrm.automation.actions.contract import Occasion, Outcome
from scrm.automation.models import Rule, Run
from scrm.commerce.services import ShipmentInput, upsert_order
from scrm.connections.work_sentences import BROKE_OFF_ACTING
from scrm.contacts import events
from scrm.contacts.models import Event, EventDelivery
from scrm.conversations.models import Conversation, Message
from scrm.core import clock, jobs
from scrm.staff.models import Team, User
from scrm.tags import shipped as shipped_tags
from scrm.tags.models import Tag, TagAssignment
from tests.tags.customers import NOON, conversation, received, shop_number, writes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rules_are_read_each_time(settings: Any) -> None:
    settings.RULES_RECHECK_SECONDS = 0


@pytest.fixture
def order_rule() -> Rule:
    shipped_tags.install()
    shipped.install()
    return Rule.objects.get(name="Order status")


def deliver() -> int:
    """One batch of each lane; how many events."""
    return sum(events.deliver(lane) for lane in events.lanes_of("automation"))


def ask(*messages: Message) -> None:
    """Record what the pipeline records and let the rules settle."""
    with clock.frozen(NOON):
        events.record([received(message) for message in messages])
    with clock.frozen(NOON + timedelta(minutes=5)):
        while deliver():
            pass


def reply_rule(**fields: Any) -> Rule:
    values: dict[str, Any] = {"name": "Greeting", "action": "reply", "options": {"text": "Hello {name}"}, "enabled": True}
    return Rule.objects.create(**{**values, **fields})


def order_for(talk: Conversation, number: str = "HK-10234", status: str = "shipped", **fields: Any) -> None:
    shipment = ShipmentInput(
        "SF Express", "SF1029384756", "https://sf.example/SF1029384756", "in transit", NOON + timedelta(days=1, hours=2)
    )
    values: dict[str, Any] = {"currency": "HKD", "total": Decimal("588.00"), "placed_at": NOON - timedelta(days=2), "shipment": shipment}
    upsert_order(number, contact=talk.identity.contact, status=status, **{**values, **fields})


class EvaluateRules:
    def test_records_what_did_not_match_with_the_value_of_each_condition(self) -> None:
        rule = reply_rule(
            conditions={
                "all": [{"term": "message.kind", "op": "is", "value": "image"}, {"term": "contact.country", "op": "is", "value": "HK"}]
            }
        )
        message = writes(conversation("hk"), "早晨")
        ask(message)
        run = Run.objects.get()
        assert (run.rule, run.rule_version, run.verdict, run.contact) == (rule, 1, "not_matched", message.conversation.identity.contact)
        assert run.trace == [
            {"term": "message.kind", "op": "is", "wanted": "image", "actual": "text", "truth": False},
            {"term": "contact.country", "op": "is", "wanted": "HK", "actual": "HK", "truth": True},
        ]
        assert not Message.objects.filter(direction="out").exists()

    def test_a_rule_without_conditions_always_matches(self) -> None:
        rule = reply_rule()
        ask(writes(conversation("sg"), "hi"))
        answer = Message.objects.get(direction="out")
        assert (answer.text, answer.source, answer.cause) == ("Hello Tan Wei Ming", "rule", f"rule:{rule.pk}:v1")
        assert Run.objects.get().result["message"] == answer.pk

    def test_switched_off_rules_are_not_asked(self) -> None:
        reply_rule(enabled=False)
        ask(writes(conversation(), "hi"))
        assert not Run.objects.exists()
        assert not EventDelivery.objects.filter(consumer__in=events.lanes_of("automation")).exists()

    def test_a_clock_that_is_ahead_lets_rules_wait_for_their_own_time_only(self) -> None:
        reply_rule()
        event = received(writes(conversation(), "hi"))
        with clock.frozen(NOON + timedelta(hours=1)):
            events.record([event])
        with clock.frozen(NOON):
            jobs.periodics()["events.hurry"].run()
            assert deliver() == 0
            clock.advance(timedelta(seconds=4))
            jobs.periodics()["events.hurry"].run()
            assert deliver() == 0
            clock.advance(timedelta(seconds=1))
            assert deliver() == 1
        assert Run.objects.get().verdict == "done"

    def test_what_failed_waits_no_longer_for_a_clock_that_is_ahead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reply_rule()
        with clock.frozen(NOON):
            events.record([received(writes(conversation(), "hi"))])
        with monkeypatch.context() as broken, clock.frozen(NOON + timedelta(hours=1)):
            broken.setattr(engine, "rules_by_trigger", lambda: 1 / 0)
            assert deliver() == 1
        with clock.frozen(NOON + timedelta(minutes=1)):
            assert deliver() == 0
            jobs.periodics()["events.hurry"].run()
            clock.advance(timedelta(seconds=5))
            assert deliver() == 1
        assert Run.objects.get().verdict == "done"

    def test_two_batches_at_a_time_hold_different_people(self) -> None:
        reply_rule()
        talks = [conversation() for _ in range(6)]
        with clock.frozen(NOON):
            events.record([received(writes(talk, text)) for text in ("hi", "早晨") for talk in talks])
        told = EventDelivery.objects.filter(consumer__in=events.lanes_of("automation")).values_list("event__contact_id", "consumer")
        lanes = {person: {lane for who, lane in told if who == person} for person, _ in told}
        assert len(lanes) == 6 and all(len(mine) == 1 for mine in lanes.values())
        assert len(set().union(*lanes.values())) == (1 if database.vendor == "sqlite" else 2)
        with clock.frozen(NOON + timedelta(minutes=5)):
            while deliver():
                pass
        assert Run.objects.count() == 12 and not EventDelivery.objects.filter(consumer__in=events.lanes_of("automation")).exists()

    def test_an_event_delivered_twice_is_answered_once(self) -> None:
        reply_rule()
        message = writes(conversation(), "hi")
        ask(message)
        event = Event.objects.get(kind="message.received")
        Run.objects.all().delete()
        with clock.frozen(NOON + timedelta(minutes=6)):
            engine.handle([event])
        assert Message.objects.filter(direction="out").count() == 1

    def test_an_earlier_answer_stops_later_rules_and_says_so(self) -> None:
        first = reply_rule(order=1)
        reply_rule(name="Second", order=2)
        reply_rule(name="Other", order=3, conditions={"term": "message.kind", "op": "is", "value": "image"})
        ask(writes(conversation(), "hi"))
        assert dict(Run.objects.values_list("rule__name", "verdict")) == {"Greeting": "done", "Second": "stopped", "Other": "not_matched"}
        assert Run.objects.get(rule__name="Second").result["rule"] == first.pk

    def test_rules_that_do_not_stop_let_the_next_one_act(self) -> None:
        Tag.objects.create(slug="vip", name="VIP")
        Rule.objects.create(name="Tag", action="add_tag", options={"tag": "vip"}, enabled=True, order=1, stop_processing=False)
        reply_rule(order=2)
        ask(writes(conversation(), "hi"))
        assert set(Run.objects.values_list("verdict", flat=True)) == {"done"}

    def test_a_failing_action_leaves_nothing_and_stops_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Explode:
            name, label, options = "explode", "Explode", ()

            def run(self, occasion: Occasion) -> Outcome:
                Tag.objects.create(slug="half-done", name="Half done")
                raise ValueError("no such shop")

        monkeypatch.setitem(ACTIONS, "explode", Explode())
        Rule.objects.create(name="Broken", action="explode", enabled=True, order=1, stop_processing=False)
        reply_rule(order=2)
        ask(writes(conversation("hk"), "hi"), writes(conversation("tw"), "hi"))
        assert sorted(Run.objects.values_list("rule__name", "verdict")) == [("Broken", "failed")] * 2 + [("Greeting", "done")] * 2
        assert Run.objects.filter(rule__name="Broken").first().result == {"error": f"{BROKE_OFF_ACTING}: ValueError: no such shop"}  # type: ignore[union-attr]
        assert not Tag.objects.exists()

    def test_conditions_that_cannot_be_used_fail_in_words(self) -> None:
        reply_rule(conditions={"term": "weather", "op": "is", "value": "rain"})
        ask(writes(conversation(), "hi"))
        run = Run.objects.get()
        assert run.verdict == "failed"
        (fault,) = run.result["faults"]
        assert "no term 'weather'" in run.result["error"] == fault["text"] % fault["values"]

    def test_a_batch_of_silent_messages_costs_few_queries(self, order_rule: Rule) -> None:
        batch = events.record([received(writes(conversation(place), "早晨")) for place in ("hk", "tw", "jp", "sg") for _ in range(5)])
        with CaptureQueriesContext(database) as queries:
            engine.handle(batch)
        # The rules of tags are looked at for each message here, because the test reads them each time.
        others = [query for query in queries if "tags_tagrule" not in query["sql"]]
        assert len(others) <= 4, [query["sql"][:80] for query in others]
        assert Run.objects.count() == 40


class Settle:
    def test_waits_for_the_longest_of_the_enabled_rules(self, settings: Any) -> None:
        settings.RULE_SETTLE_SECONDS = 5
        reply_rule(settle_seconds=1)
        Rule.objects.create(name="General", action="reply", options={"text": "x"}, enabled=True)
        Rule.objects.create(name="Off", action="reply", options={"text": "x"}, enabled=False, settle_seconds=60)
        message = writes(conversation(), "hi")
        with clock.frozen(NOON):
            events.record([received(message)])
            assert deliver() == 0
            clock.advance(timedelta(seconds=4))
            assert deliver() == 0
            clock.advance(timedelta(seconds=1))
            assert deliver() == 1


class Policy:
    def test_a_person_in_the_conversation_silences_the_rule(self) -> None:
        reply_rule()
        talk = conversation()
        talk.automation_paused_until = NOON + timedelta(hours=3)
        talk.save()
        ask(writes(talk, "hi"))
        run = Run.objects.get()
        assert run.verdict in ("blocked", "deferred")
        assert run.result["policy_rule"]
        assert not Message.objects.filter(direction="out", state="queued", due_at__lte=NOON + timedelta(hours=1)).exists()

    def test_a_closed_window_blocks_and_the_run_says_by_which_rule(self) -> None:
        reply_rule()
        talk = conversation(at=NOON - timedelta(days=2))
        ask(writes(talk, "hi", at=NOON - timedelta(days=2)))
        run = Run.objects.get()
        assert run.verdict == "blocked"
        assert run.result["policy_rule"]
        assert Message.objects.get(direction="out").state == "blocked"


class OrderStatus:
    @pytest.mark.parametrize(
        ("place", "question", "words"),
        [
            (
                "jp",
                "私の荷物はどこですか?",
                ["ご注文 HK-10234", "輸送中", "SF Express", "11月21日（土） 13:00〜17:00", "https://sf.example/SF1029384756"],
            ),
            ("tw", "我的包裹到哪裡了", ["您的訂單 HK-10234", "配送途中", "11月21日（六） 12:00–16:00"]),
            ("hk", "訂單到邊度呀", ["你嘅訂單 HK-10234", "送緊嚟", "11月21日（六） 12:00–16:00"]),
            ("cn", "我的快递到哪了", ["您的订单 HK-10234", "运输途中"]),
            ("sg", "Where is my order?", ["Your order HK-10234: on its way", "Sat 21 Nov, between 12:00 and 16:00"]),
        ],
    )
    def test_answers_in_the_customers_language(self, order_rule: Rule, place: str, question: str, words: list[str]) -> None:
        talk = conversation(place)
        order_for(talk)
        ask(writes(talk, question))
        text = Message.objects.get(direction="out").text
        assert [word for word in words if word not in text] == []
        assert Run.objects.get(rule=order_rule).verdict == "done"

    def test_a_word_of_kanji_alone_is_answered_as_the_shop_speaks(self, order_rule: Rule) -> None:
        talk = conversation("jp", language="")
        order_for(talk)
        ask(writes(talk, "荷物"))
        assert "ご注文 HK-10234" in Message.objects.get(direction="out").text

    def test_answers_again_although_the_tag_was_there_already(self, order_rule: Rule) -> None:
        talk = conversation("sg")
        order_for(talk)
        ask(writes(talk, "where is my parcel"))
        ask(writes(talk, "Where is my order?"))
        assert Message.objects.filter(direction="out").count() == 2

    def test_takes_the_order_under_way_before_a_newer_one_that_is_finished(self, order_rule: Rule) -> None:
        talk = conversation("sg")
        order_for(talk, "SG-20001", status="packed", placed_at=NOON - timedelta(days=9))
        order_for(talk, "SG-20002", status="delivered", placed_at=NOON - timedelta(days=1))
        ask(writes(talk, "Where is my order?"))
        assert "SG-20001" in Message.objects.get(direction="out").text

    def test_takes_the_order_that_is_named(self, order_rule: Rule) -> None:
        talk = conversation("sg")
        order_for(talk, "SG-20001", placed_at=NOON - timedelta(days=9))
        order_for(talk, "SG-20002", status="delivered", placed_at=NOON - timedelta(days=1))
        ask(writes(talk, "where is my order ＃２０００２?"))
        assert "SG-20002: delivered" in Message.objects.get(direction="out").text

    def test_never_tells_of_somebody_elses_order(self, order_rule: Rule) -> None:
        stranger, talk = conversation("hk"), conversation("sg")
        order_for(stranger, "HK-77777")
        ask(writes(talk, "where is my order HK-77777"))
        text = Message.objects.get(direction="out").text
        assert text == "I could not find order HK-77777 under your contact. Could you check the number, please?"

    def test_asks_for_the_number_when_no_order_is_known(self, order_rule: Rule) -> None:
        ask(writes(conversation("hk"), "訂單到邊度呀"))
        assert "訂單編號" in Message.objects.get(direction="out").text
        assert Run.objects.get(rule=order_rule).result["order"] is None

    def test_does_not_promise_a_time_that_has_passed(self, order_rule: Rule) -> None:
        talk = conversation("sg")
        order_for(talk, shipment=ShipmentInput("Ninja Van", "NV1", expected_at=NOON - timedelta(days=1)))
        ask(writes(talk, "Where is my order?"))
        text = Message.objects.get(direction="out").text
        assert "Ninja Van" in text
        assert "Expected" not in text

    def test_other_questions_are_left_to_people(self, order_rule: Rule) -> None:
        ask(writes(conversation("hk"), "早晨"))
        assert set(Run.objects.values_list("verdict", flat=True)) == {"not_matched"}


class HandToPerson:
    def test_says_so_and_then_stays_silent(self, order_rule: Rule) -> None:
        talk = conversation("tw")
        ask(writes(talk, "我要轉人工"))
        ask(writes(talk, "我的包裹到哪裡了"))
        talk.refresh_from_db()
        assert talk.automation_paused_until is not None
        assert talk.waiting_since is not None
        assert Message.objects.filter(direction="out").exclude(state="blocked").count() == 1
        assert Run.objects.get(rule=order_rule, result__has_key="verdict").verdict in ("blocked", "deferred")


class AssignConversation:
    def test_to_a_person_and_a_team(self) -> None:
        User.objects.create(username="aki", is_staff=True)
        Team.objects.create(name="Tokyo")
        Rule.objects.create(name="Tokyo first", action="assign", options={"user": "aki", "team": "Tokyo"}, enabled=True)
        talk = conversation("jp")
        ask(writes(talk, "こんにちは"))
        talk.refresh_from_db()
        assert (str(talk.assignee), str(talk.team)) == ("aki", "Tokyo")
        assert Event.objects.get(kind="conversation.assigned").data["assignee"] == "aki"

    @pytest.mark.parametrize(("take_over", "expected"), [(False, "mei"), (True, "aki")])
    def test_who_has_it_keeps_it_unless_the_rule_takes_over(self, take_over: bool, expected: str) -> None:
        User.objects.create(username="aki")
        talk = conversation("jp")
        talk.assignee = User.objects.create(username="mei")
        talk.save()
        Rule.objects.create(name="Tokyo first", action="assign", options={"user": "aki", "take_over": take_over}, enabled=True)
        ask(writes(talk, "こんにちは"))
        talk.refresh_from_db()
        assert str(talk.assignee) == expected

    def test_a_person_who_left_is_said_aloud(self) -> None:
        Rule.objects.create(name="Gone", action="assign", options={"user": "nobody"}, enabled=True)
        ask(writes(conversation("jp"), "こんにちは"))
        assert (Run.objects.get().verdict, "still there" in Run.objects.get().result["error"]) == ("failed", True)


class AddTag:
    def test_keeps_the_message_as_evidence(self) -> None:
        Tag.objects.create(slug="wholesale", name="Wholesale")
        text = {"term": "message.text", "op": "contains", "value": "批發"}
        Rule.objects.create(name="Wholesale", action="add_tag", options={"tag": "wholesale"}, conditions=text, enabled=True)
        message = writes(conversation("cn"), "可以批发吗")
        ask(message, writes(conversation("cn"), "你好"))
        assert TagAssignment.objects.get().message == message
        assert [leaf["actual"] for run in Run.objects.order_by("event") for leaf in run.trace] == ["批发", ""]


class Reply:
    def test_in_the_customers_language_when_there_is_a_text_for_it(self) -> None:
        reply_rule(options={"text": "Hello", "text_ja": "こんにちは、{name}様"})
        number = shop_number("jp")
        ask(writes(conversation("jp", connection=number), "こんにちは"), writes(conversation("tw", connection=number), "你好嗎，請問"))
        assert set(Message.objects.filter(direction="out").values_list("text", flat=True)) == {"こんにちは、佐藤花子様", "Hello"}
