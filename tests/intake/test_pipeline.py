"""From stored bytes to the finished conversation: everything once, nothing lost, one bad item alone."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from scrm.contacts.models import Consent, Contact, Event, Identity
from scrm.conversations import services
from scrm.conversations.models import Attachment, Conversation, Message, OrphanStatus
from scrm.core import clock, jobs
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from scrm.tags import shipped
from scrm.tags.models import TagAssignment
from tests.people import NOON, agent, body, hong_kong, post, status, text_message, tokyo, wamid

pytestmark = pytest.mark.django_db


def run():
    while pipeline.drain():
        pass


def take(*messages, connection=None, **more):
    connection = connection or hong_kong()
    assert post(connection, body(connection, messages=list(messages), **more)) == 200
    run()


def take_status(*said):
    assert post(hong_kong(), body(hong_kong(), statuses=list(said))) == 200
    run()


def line(slug="hk"):
    line = next(line for line in ledger.sums() if line.connection_slug == slug)
    assert line.balanced
    return line


class Messages:
    def test_become_a_contact_a_conversation_and_a_timeline(self):
        take(text_message("你好"), name="陳大文")
        message = Message.objects.get()
        chat = message.conversation
        assert (message.text, message.state, message.direction) == ("你好", "received", "in")
        assert (chat.identity.contact.name, chat.identity.e164) == ("陳大文", "+85291234567")
        assert (chat.unread_count, chat.last_preview) == (1, "你好")
        assert chat.window_expires_at == message.sent_at + timedelta(hours=24)
        assert list(Event.objects.order_by("id").values_list("kind", flat=True)) == [
            "contact.created",
            "conversation.opened",
            "message.received",
        ]

    def test_delivered_twice_change_nothing(self):
        again = text_message("你好", id="wamid.ONE")
        take(again)
        take(again, again)
        assert Message.objects.count() == 1
        assert (line().received, line().processed, line().duplicate) == (3, 1, 2)

    def test_of_a_thousand_in_one_body_are_all_there(self):
        take(*[text_message(f"message {n}", phone=f"8529{n % 50:07d}", id=f"wamid.{n}") for n in range(1000)])
        assert Message.objects.count() == 1000
        assert Conversation.objects.count() == 50
        assert (line().received, line().processed) == (1000, 1000)

    @pytest.mark.parametrize("place", [0, 1, 50, 99])
    def test_with_a_bad_one_among_them_are_all_there_but_that_one(self, place):
        batch = [text_message(f"message {n}", phone=f"8529{n:07d}", id=f"wamid.{n}") for n in range(100)]
        batch[place] = "not even an object"
        take(*batch)
        assert Message.objects.count() == 99
        assert (line().processed, line().parked) == (99, 1)
        assert InboundItem.objects.get(state="parked").reason

    def test_in_any_order_leave_the_same_conversation(self):
        stamps = [NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)]
        for order, phone in zip(itertools.permutations(range(3)), range(6), strict=True):
            for n in order:
                take(text_message(f"word {n}", phone=f"8529000000{phone}", at=stamps[n], id=f"wamid.{phone}.{n}"))
        for chat in Conversation.objects.all():
            assert (chat.last_preview, chat.last_message_at, chat.unread_count) == ("word 2", stamps[2], 3)
            assert chat.window_expires_at == stamps[2] + timedelta(hours=24)
            assert list(chat.messages.order_by("sent_at").values_list("text", flat=True)) == ["word 0", "word 1", "word 2"]

    def test_from_the_future_get_the_time_they_arrived(self):
        with clock.frozen(NOON):
            take(text_message("hello", at=NOON + timedelta(minutes=10)))
        message = Message.objects.get()
        assert message.sent_at == NOON
        assert message.content["platform_time"].startswith("2026-11-18T04:10")

    @pytest.mark.parametrize("stamp", ["0", "-1", "253402300799", "99999999999999", "soon", "", None, 1e30])
    def test_with_nonsense_for_a_time_are_kept(self, stamp):
        with clock.frozen(NOON):
            take({**text_message("hello"), "timestamp": stamp})
        assert Message.objects.get().sent_at == NOON

    def test_with_stamps_in_milliseconds_are_understood(self):
        take({**text_message("hello"), "timestamp": str(int(NOON.timestamp() * 1000))})
        assert Message.objects.get().sent_at == NOON

    def test_of_an_unknown_kind_are_kept_and_shown(self):
        take({"from": "85291234567", "id": wamid(1), "timestamp": str(int(NOON.timestamp())), "type": "hologram", "hologram": {"x": 1}})
        assert Message.objects.get().kind == "unsupported"

    def test_for_a_number_that_is_not_connected_are_parked_until_it_is(self):
        foreign = hong_kong()
        raw = body(foreign, messages=[text_message("你好")]).replace(foreign.account_id.encode(), b"999999999999999")
        assert post(foreign, raw) == 200
        run()
        parked = InboundItem.objects.get()
        assert "999999999999999" in parked.reason
        type(foreign).objects.filter(pk=foreign.pk).update(account_id="999999999999999")
        assert ledger.replay([parked], by="aya") == 1
        assert Message.objects.count() == 1 and line().parked == 0

    def test_for_another_number_of_the_same_account_reach_that_number(self):
        raw = body(tokyo(), messages=[text_message("もしもし", phone="819012345678")])
        assert post(hong_kong(), raw) == 200
        run()
        assert Message.objects.get().connection == tokyo()
        assert line("jp").processed == 1

    def test_with_pictures_wait_for_their_files(self):
        picture = {
            "from": "85291234567",
            "id": wamid(2),
            "timestamp": str(int(NOON.timestamp())),
            "type": "image",
            "image": {"id": "1013859600285441", "mime_type": "image/jpeg", "caption": "呢款"},
        }
        take(picture)
        assert Attachment.objects.get().external_id == "1013859600285441"
        assert Message.objects.get().text == "呢款"

    def test_are_tagged_with_their_evidence(self):
        shipped.install()
        take(text_message("私の荷物はどこですか?"))
        assignment = TagAssignment.objects.select_related("tag", "message").get(tag__slug="order-status")
        assert assignment.message.text[assignment.span_start : assignment.span_end] == assignment.matched == "荷物"

    def test_open_a_new_conversation_when_the_old_one_was_closed(self):
        take(text_message("一"))
        services.close(Conversation.objects.get(), by=agent())
        take(text_message("二"))
        assert Conversation.objects.filter(status="open").count() == 1 and Conversation.objects.count() == 2

    def test_wake_a_snoozed_conversation(self):
        take(text_message("一"))
        services.snooze(Conversation.objects.get(), until=datetime(2030, 1, 1, tzinfo=UTC), by=agent())
        take(text_message("二"))
        assert Conversation.objects.get().status == "open"

    def test_that_say_stop_opt_out_at_once(self):
        take(text_message("配信停止"))
        assert Identity.objects.get().opted_out_at is not None
        assert Consent.objects.get().evidence == f"message:{Message.objects.get().pk}"
        take(text_message("配信再開"))
        assert Identity.objects.get().opted_out_at is None

    def test_of_people_without_a_number_are_theirs(self):
        message = {
            "from_user_id": "HK.13491208655302741918",
            "id": wamid(3),
            "timestamp": str(int(NOON.timestamp())),
            "type": "text",
            "text": {"body": "hi"},
        }
        raw = body(hong_kong(), messages=[message]).replace(
            b'"contacts": []', b'"contacts": [{"profile": {"name": "Ah Ming", "username": "ahming"}, "user_id": "HK.13491208655302741918"}]'
        )
        post(hong_kong(), raw)
        run()
        assert Message.objects.get().conversation.identity.kind == "whatsapp_user"
        assert Contact.objects.get().name == "Ah Ming"


class Echoes:
    def test_from_the_phone_app_mean_that_a_person_stepped_in(self):
        take(text_message("有冇貨？"))
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "85268102244", "phone_number_id": hong_kong().account_id},
            "message_echoes": [
                {
                    "from": "85268102244",
                    "to": "85291234567",
                    "id": wamid(9),
                    "timestamp": str(int(clock.now().timestamp())),
                    "type": "text",
                    "text": {"body": "有呀"},
                }
            ],
        }
        import json

        post(
            hong_kong(),
            json.dumps(
                {
                    "object": "whatsapp_business_account",
                    "entry": [{"id": "1", "changes": [{"field": "smb_message_echoes", "value": value}]}],
                }
            ).encode(),
        )
        run()
        chat = Conversation.objects.get()
        assert chat.automation_paused_until > clock.now()
        assert (chat.unread_count, chat.waiting_since) == (0, None)
        assert Message.objects.get(direction="out").source == "phone_app"


class Statuses:
    def sent(self):
        take(text_message("你好"))
        message = services.queue_message(Conversation.objects.get(), text="您好", source="agent", by=agent(), idempotency_key="a").message
        Message.objects.filter(pk=message.pk).update(state="accepted", external_id="wamid.OUT")
        return message

    @pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
    def test_end_at_the_highest_in_whatever_order(self, order):
        message = self.sent()
        for state in order:
            take_status(status("wamid.OUT", state))
            take_status(status("wamid.OUT", state))
        message.refresh_from_db()
        assert message.state == "read" and message.delivered_at and message.read_at
        assert (line().processed, line().duplicate) == (4, 3)

    def test_that_fail_keep_the_code_and_tell_the_timeline(self):
        message = self.sent()
        take_status(status("wamid.OUT", "failed", code=131026))
        message.refresh_from_db()
        assert (message.state, message.error_code, message.error_title) == ("failed", "131026", "Message undeliverable")
        assert Event.objects.get(kind="message.failed").data["code"] == "131026"

    def test_of_unknown_messages_are_kept(self):
        hong_kong()
        take_status(status("wamid.NOBODY", "delivered"))
        assert OrphanStatus.objects.get().external_id == "wamid.NOBODY"
        assert line().processed == 1


class Crashes:
    def test_after_the_claim_are_taken_over_when_the_lease_is_over(self):
        post(hong_kong(), body(hong_kong(), messages=[text_message("你好")]))
        pipeline.claim(10)
        assert pipeline.drain() == 0
        with clock.frozen(clock.now() + pipeline.LEASE + timedelta(seconds=1)):
            run()
        assert Message.objects.count() == 1

    def test_do_not_let_a_late_worker_write_what_another_has_done(self):
        post(hong_kong(), body(hong_kong(), messages=[text_message("你好")]))
        late = pipeline.claim(10)
        with clock.frozen(clock.now() + pipeline.LEASE + timedelta(seconds=1)):
            run()
        pipeline.process(late)
        assert Message.objects.count() == 1
        assert (line().received, line().processed, line().duplicate) == (1, 1, 0)

    def test_that_repeat_park_the_body_after_three_attempts(self):
        post(hong_kong(), body(hong_kong(), messages=[text_message("你好")]))
        InboundEvent.objects.update(attempts=3)
        run()
        assert InboundItem.objects.get().state == "parked"
        assert line().parked == 1

    def test_count_against_nobody_who_stood_behind_in_the_line(self):
        """Whatever takes workers down again and again: one body was in hand each time, the others were only claimed with it."""
        for number in range(12):
            post(hong_kong(), body(hong_kong(), messages=[text_message(f"第{number}")]))
        for death in range(6):
            with clock.frozen(clock.now() + death * (pipeline.LEASE + timedelta(seconds=1))):
                assert len(pipeline.claim(200)) == (12 if death == 0 else 1)
        with clock.frozen(clock.now() + 7 * (pipeline.LEASE + timedelta(seconds=1))):
            post(hong_kong(), body(hong_kong(), messages=[text_message("剛到")]))
            run()
        assert Message.objects.count() == 12
        assert (line().processed, line().parked) == (12, 1)

    def test_do_not_hold_up_what_is_new(self):
        for number in range(5):
            post(hong_kong(), body(hong_kong(), messages=[text_message(f"第{number}")]))
        pipeline.claim(5)
        with clock.frozen(clock.now() + pipeline.LEASE + timedelta(seconds=1)):
            for number in range(5):
                post(hong_kong(), body(hong_kong(), messages=[text_message(f"新{number}")]))
            assert sorted(body.attempts for body in pipeline.claim(4)) == [1, 1, 1, 2]


class Garbage:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"null",
            b"[]",
            b"{",
            b"[" * 100_000,
            b'{"entry": 5}',
            b"\xff\xfe",
            b'{"entry":[{"changes":[{"value":{"messages":[{"id":"\\ud800\\u0000"}]}}]}]}',
            b"9" * 5000,
        ],
    )
    def test_is_kept_parked_or_processed_and_counted(self, raw):
        assert post(hong_kong(), raw) == 200
        run()
        assert line().received == line().processed + line().parked >= 1


class Discarding:
    def test_settles_a_parked_item_with_a_name_and_a_reason(self):
        post(hong_kong(), b"{")
        run()
        assert ledger.discard(InboundItem.objects.all(), by="aya", note="test of the platform") == 1
        item = InboundItem.objects.get()
        assert item.discarded_by == "aya" and "test of the platform" in item.reason
        assert (line().parked, line().processed) == (0, 1)


class Queries:
    def test_do_not_grow_with_the_batch(self, django_assert_max_num_queries, settings):
        settings.RULES_RECHECK_SECONDS = 60
        shipped.install()
        take(text_message("warm up"))
        post(hong_kong(), body(hong_kong(), messages=[text_message(f"where is my order {n}", phone=f"8529{n:07d}") for n in range(200)]))
        # SQLite takes 999 values a statement, so that a batch is several statements there.
        with django_assert_max_num_queries(100):
            run()


class Jobs:
    def test_bring_everything_to_an_end(self, channel):
        shipped.install()
        take(text_message("私の荷物はどこですか?"))
        jobs.run_everything_due()
        assert not InboundEvent.objects.exclude(state="done").exists()
