"""Queueing: the law is asked, the answer is on record, one key is one message."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scrm.contacts.models import Event
from scrm.contacts.services import record_consent
from scrm.conversations import services
from scrm.conversations.models import Decision, Message, Quota, Reservation, Response
from scrm.core import clock
from tests.people import NOON, agent, conversation, customer, hong_kong

pytestmark = pytest.mark.django_db
TEMPLATE = {"name": "order_update", "language": "zh_HK", "components": []}


def reply(chat, text="您好，請問有咩可以幫到您？", **more):
    return services.queue_message(chat, **{"text": text, "source": "agent", "by": agent(), "idempotency_key": f"key of {text!a}", **more})


class QueueMessage:
    def test_puts_an_allowed_message_in_the_outbox_with_its_decision_and_slot(self):
        chat = conversation()
        result = reply(chat)
        assert (result.message.state, result.decision.verdict) == ("queued", "allow")
        assert Reservation.objects.get(message=result.message).identity == chat.identity
        assert Quota.objects.get(connection=chat.connection).used == 1

    def test_blocks_a_reply_outside_the_window_and_says_which_rule(self):
        result = reply(conversation(window_open=False))
        assert (result.message.state, result.decision.rule) == ("blocked", "window_closed")
        assert not Reservation.objects.exists()

    def test_defers_a_second_template_to_the_first_allowed_moment(self):
        with clock.frozen(NOON):
            chat = conversation(at=NOON)
            reply(chat, kind="template", content=TEMPLATE, category="utility", idempotency_key="one")
            clock.advance(timedelta(hours=1))
            second = reply(chat, kind="template", content=TEMPLATE, category="utility", idempotency_key="two")
        assert (second.message.state, second.decision.verdict) == ("queued", "defer")
        assert second.message.due_at == second.decision.until == NOON + timedelta(hours=24)

    def test_with_a_key_used_before_answers_with_the_first_message(self):
        chat = conversation()
        first = reply(chat, idempotency_key="composer-1")
        again = reply(chat, "anything else", idempotency_key="composer-1")
        assert not again.created and again.message == first.message and again.decision == first.decision
        assert Message.objects.count() == 1

    def test_by_an_agent_silences_automation_for_twelve_hours(self):
        with clock.frozen(NOON):
            chat = conversation(at=NOON)
            reply(chat)
            chat.refresh_from_db()
            assert chat.automation_paused_until == NOON + timedelta(hours=12)
            answer = services.queue_message(chat, text="自動回覆", source="rule", cause="rule:1", idempotency_key="rule:1:event:1")
        assert (answer.message.state, answer.decision.rule) == ("blocked", "human_pause")

    def test_by_an_agent_ends_the_customers_wait_and_measures_it(self):
        with clock.frozen(NOON):
            chat = conversation(at=NOON)
            chat.__class__.objects.filter(pk=chat.pk).update(waiting_since=NOON - timedelta(minutes=4, seconds=15), unread_count=3)
            reply(chat)
        measured = Response.objects.get()
        chat.refresh_from_db()
        assert (measured.seconds, measured.first, measured.agent.username) == (255, True, "mei")
        assert (chat.waiting_since, chat.unread_count, chat.assignee.username) == (None, 0, "mei")

    def test_by_a_rule_does_not_end_the_wait_for_a_person(self):
        chat = conversation()
        chat.__class__.objects.filter(pk=chat.pk).update(waiting_since=NOON)
        services.queue_message(chat, text="自動回覆", source="rule", cause="rule:1", idempotency_key="r")
        chat.refresh_from_db()
        assert chat.waiting_since == NOON

    def test_counts_slots_over_all_identities_of_a_person(self):
        first = conversation(customer("陳大文", "85291234567"))
        other = customer("陳生", "85261112222")
        reply(first, kind="template", content=TEMPLATE, category="utility", idempotency_key="one")
        other.contact = first.identity.contact
        other.save()
        second = conversation(other)
        result = reply(second, kind="template", content=TEMPLATE, category="utility", idempotency_key="two")
        assert result.decision.rule == "template_24h"

    def test_puts_what_exceeds_the_days_cap_off_until_tomorrow(self):
        hong_kong(daily_cap=1)
        with clock.frozen(NOON):
            chat = conversation(at=NOON)
            reply(chat, idempotency_key="one")
            second = reply(chat, "and this", idempotency_key="two")
        assert (second.decision.rule, second.decision.verdict) == ("daily_cap", "defer")
        assert Quota.objects.get().used == 1

    def test_obeys_an_opt_out_on_every_path(self):
        chat = conversation()
        record_consent(chat.identity, purpose="all", allowed=False, source="message")
        for source in ("agent", "rule", "campaign", "api"):
            result = services.queue_message(chat, text="hello", source=source, by=agent(), idempotency_key=source)
            assert result.decision.rule == "opted_out", source

    def test_keeps_what_no_database_can_hold_out_of_the_text(self):
        assert reply(conversation(), "a\x00b\ud800c").message.text == "ab?c"

    def test_is_on_the_timeline(self):
        chat = conversation()
        reply(chat)
        assert Event.objects.filter(contact=chat.identity.contact, kind="message.queued").count() == 1


class PreviewDecision:
    def test_says_the_same_and_writes_nothing(self):
        chat = conversation(window_open=False)
        verdict = services.preview_decision(chat, text="hello", source="agent", by=agent())
        assert verdict.rule == "window_closed"
        assert not Decision.objects.exists() and not Message.objects.exists()


class Resend:
    def test_makes_one_new_message_however_often_it_is_pressed(self):
        failed = reply(conversation()).message
        Message.objects.filter(pk=failed.pk).update(state="failed")
        failed.refresh_from_db()
        one, two = services.resend(failed, by=agent()), services.resend(failed, by=agent())
        assert one.created and not two.created and one.message == two.message and one.message != failed

    def test_refuses_what_has_not_failed(self):
        with pytest.raises(services.RefusedState):
            services.resend(reply(conversation()).message, by=agent())


class Cancel:
    def test_takes_a_queued_message_back_with_its_slot(self):
        message = reply(conversation()).message
        services.cancel(message, by=agent())
        message.refresh_from_db()
        assert message.state == "cancelled"
        assert Quota.objects.get().used == 0

    def test_is_too_late_for_one_that_left(self):
        message = reply(conversation()).message
        Message.objects.filter(pk=message.pk).update(state="sending")
        with pytest.raises(services.RefusedState):
            services.cancel(message, by=agent())


class Closing:
    def test_and_writing_again_opens_it(self):
        chat = conversation()
        services.close(chat, by=agent())
        chat.refresh_from_db()
        assert chat.status == "closed"
        reply(chat)
        chat.refresh_from_db()
        assert chat.status == "open"

    def test_reopens_into_the_one_that_was_opened_meanwhile(self):
        chat = conversation()
        services.close(chat, by=agent())
        newer = services.start_conversation(chat.identity, chat.connection)
        assert services.reopen(chat, by=agent()) == newer
