"""Sending: once, or known not to be known."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from connectors.contracts import Receipt, StatusUpdate
from connectors.errors import NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable
from scrm.connections.work_sentences import BROKE_OFF_BEFORE, BROKE_OFF_SENDING
from scrm.contacts.models import Consent
from scrm.conversations import outbox, services, statuses
from scrm.conversations.models import Decision, Message, MessageTemplate, OrphanStatus, Quota
from scrm.core import clock, jobs
from tests.people import NOON, agent, conversation, customer, hong_kong

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with clock.frozen(NOON):
        yield


def queued(chat=None, text="多謝您嘅查詢", **more):
    chat = chat or conversation(at=NOON)
    return services.queue_message(
        chat, **{"text": text, "source": "agent", "by": agent(), "idempotency_key": f"key {text}", **more}
    ).message


def told(message, status, ref=True, **more):
    given = {
        "key": f"s:{message.pk}:{status}",
        "account_id": "",
        "external_id": message.external_id or "wamid.LATE",
        "status": status,
        "occurred_at": clock.now(),
    }
    return StatusUpdate(**given, client_ref=statuses.client_ref(message) if ref else "", **more)


class Sending:
    def test_hands_the_message_over_once_with_our_reference(self, channel):
        message = queued()
        outbox.send_due()
        outbox.send_due()
        message.refresh_from_db()
        assert [m.client_ref for m in channel.sent] == [statuses.client_ref(message)]
        assert (message.state, message.external_id) == ("accepted", "wamid.OUT000001")
        assert channel.sent[0].to.value == "85291234567"

    def test_looks_once_in_a_step_that_found_less_than_it_could_carry(self, channel, settings, monkeypatch):
        settings.JOBS_ENABLED = True
        looks = []
        monkeypatch.setattr(outbox, "claim", lambda room, real=outbox.claim: looks.append(room) or real(room))
        for number in range(3):
            queued(conversation(customer(phone=f"8529123456{number}"), at=NOON), f"已寄出 {number}")
        assert (outbox._send_side_by_side(), len(channel.sent), len(looks)) == (3, 3, 1)

    def test_does_not_wait_for_a_clock_that_is_behind(self, channel):
        """A worker's, of what a web process with another clock queued: at once is at once."""
        deferred = queued(text="later")
        Message.objects.filter(pk=deferred.pk).update(due_at=NOON + timedelta(hours=2))
        queued(conversation(customer(phone="85291234568"), at=NOON), "now")
        with clock.frozen(NOON - timedelta(hours=1)):
            outbox.send_due()
            assert not channel.sent
            jobs.periodics()["expire leases"].run()
            outbox.send_due()
        assert [m.content["body"] for m in channel.sent] == ["now"]

    def test_keeps_the_order_within_a_conversation(self, channel):
        chat = conversation(at=NOON)
        for text in ("one", "two", "three"):
            queued(chat, text)
        while outbox.send_due():
            pass
        assert [m.content["body"] for m in channel.sent] == ["one", "two", "three"]

    def test_asks_the_law_again_at_the_moment_of_sending(self, channel):
        chat = conversation(at=NOON)
        message = services.queue_message(chat, text="自動回覆", source="rule", idempotency_key="r").message
        services.queue_message(chat, text="我嚟幫您", source="agent", by=agent(), idempotency_key="a")
        while outbox.send_due():
            pass
        message.refresh_from_db()
        assert (message.state, message.error_code) == ("blocked", "human_pause")
        assert [m.content["body"] for m in channel.sent] == ["我嚟幫您"]
        assert Decision.objects.filter(message=message, moment="send", rule="human_pause").exists()

    def test_does_not_send_a_reply_whose_window_closed_while_it_waited(self, channel):
        message = queued()
        clock.advance(timedelta(hours=23, minutes=59, seconds=59))
        type(message.conversation).objects.update(window_expires_at=clock.now())
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, message.error_code, channel.sent) == ("blocked", "window_closed", [])
        assert Quota.objects.get().used == 0

    def test_uploads_a_picture_first_and_only_once(self, channel, tmp_path, settings):
        settings.MEDIA_ROOT = str(tmp_path)
        (tmp_path / "serum.jpg").write_bytes(b"jpeg")
        channel.answers = [TryLater("busy", after=timedelta(seconds=1), code="131016")]
        queued(kind="image", text="", content={"file": "serum.jpg", "caption": "呢款", "mime_type": "image/jpeg"})
        outbox.send_due()
        clock.advance(timedelta(minutes=5))
        outbox.send_due()
        assert channel.uploaded == ["serum.jpg"]
        assert channel.sent[-1].content == {"id": "media-1", "caption": "呢款", "mime_type": "image/jpeg"}

    def test_holds_a_template_that_the_platform_paused(self, channel):
        MessageTemplate.objects.create(
            connection=hong_kong(), name="order_update", language="ja", category="UTILITY", status="PAUSED", synced_at=NOON
        )
        message = queued(kind="template", content={"name": "order_update", "language": "ja", "components": []}, category="utility")
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, message.error_code, channel.sent) == ("queued", "132015", [])

    def test_leaves_messages_of_a_paused_connection_queued(self, channel):
        message = queued()
        type(message.connection).objects.update(state="paused")
        assert outbox.send_due() == 0
        message.refresh_from_db()
        assert message.state == "queued"


class Errors:
    def send(self, channel, error, **more):
        channel.answers = [error]
        message = queued(**more)
        outbox.send_due()
        message.refresh_from_db()
        return message

    def test_an_unknown_outcome_is_never_sent_again_by_a_timer(self, channel):
        message = self.send(channel, OutcomeUnknown("no answer in 10 s"))
        clock.advance(timedelta(hours=2))
        outbox.expire_leases()
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, len(channel.sent)) == ("unknown", 1)
        assert Quota.objects.get().used == 1

    def test_a_fault_of_ours_while_it_may_have_left_is_unknown_and_says_where(self, channel):
        message = self.send(channel, KeyError("https://graph.example/?token=secret"))
        assert (message.state, message.error_code) == ("unknown", "outcomeunknown")
        assert message.error_title.startswith(f"{BROKE_OFF_SENDING}: KeyError at ")
        assert "secret" not in message.error_title

    def test_a_fault_of_ours_before_it_left_is_tried_twice_more(self, channel, monkeypatch):
        def broken(*given):
            raise KeyError("bucket")

        monkeypatch.setattr(channel, "upload", broken)
        monkeypatch.setattr(outbox.default_storage, "open", lambda name: io.BytesIO(b"jpeg"))
        message = queued(kind="image", text="", content={"file": "serum.jpg", "mime_type": "image/jpeg"})
        states = []
        for _ in range(3):
            outbox.send_due()
            message.refresh_from_db()
            states.append(message.state)
            clock.advance(timedelta(minutes=10))
        assert (states, channel.sent, message.attempts) == (["queued", "queued", "failed"], [], 3)
        assert message.error_title.startswith(f"{BROKE_OFF_BEFORE}: KeyError at ")

    def test_an_unknown_outcome_is_settled_by_its_status(self, channel):
        message = self.send(channel, OutcomeUnknown("no answer in 10 s"))
        statuses.apply_statuses(message.connection, [told(message, "delivered")])
        message.refresh_from_db()
        assert (message.state, message.external_id, message.error_code) == ("delivered", "wamid.LATE", "")

    def test_a_final_refusal_fails_with_its_code_and_gives_the_slot_back(self, channel):
        message = self.send(channel, Rejected("Message undeliverable", code="131026"))
        assert (message.state, message.error_code, message.error_title) == ("failed", "131026", "Message undeliverable")
        assert Quota.objects.get().used == 0

    def test_a_passing_one_is_tried_twice_more_with_growing_pauses_and_then_fails(self, channel):
        busy = [TryLater("busy", after=timedelta(seconds=1), times=2, code="131016") for _ in range(3)]
        channel.answers = list(busy)
        message = queued()
        sent_at = []
        for _ in range(400):
            before = len(channel.sent)
            outbox.send_due()
            if len(channel.sent) > before:
                sent_at.append(clock.now() - NOON)
            clock.advance(timedelta(seconds=1))
        message.refresh_from_db()
        assert sent_at == [timedelta(0), timedelta(seconds=20), timedelta(seconds=110)]
        assert (message.state, message.error_code) == ("failed", "131016")

    def test_without_a_connection_the_message_waits_and_no_attempt_is_counted(self, channel):
        message = self.send(channel, Unreachable("refused"))
        assert (message.state, message.attempts) == ("queued", 0)
        clock.advance(timedelta(seconds=20))
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "accepted"

    def test_dead_credentials_stop_the_channel_and_keep_the_queue(self, channel):
        message = self.send(channel, NeedsLogin("token expired", code="190"))
        message.connection.refresh_from_db()
        assert (message.state, message.connection.state) == ("queued", "needs_login")
        clock.advance(timedelta(hours=1))
        assert outbox.send_due() == 0

    def test_a_platforms_opt_out_is_obeyed(self, channel):
        self.send(channel, Rejected("User stopped marketing messages", code="131050", remedy="opt_out"))
        assert Consent.objects.get().purpose == "marketing"


class Leases:
    def test_of_a_dead_worker_that_had_not_sent_give_the_message_back(self, channel):
        message = queued()
        outbox.claim(10)
        clock.advance(outbox.LEASE)
        outbox.expire_leases()
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, len(channel.sent)) == ("accepted", 1)

    def test_of_a_dead_worker_that_was_sending_leave_it_unknown(self, channel):
        message = queued()
        (claimed,) = outbox.claim(10)
        outbox.start([claimed])
        clock.advance(outbox.LEASE)
        outbox.expire_leases()
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, channel.sent) == ("unknown", [])

    def test_that_ran_out_keep_a_stalled_worker_from_sending(self, channel):
        queued()
        (claimed,) = outbox.claim(10)
        clock.advance(outbox.LEASE)
        outbox.send(claimed)
        assert channel.sent == []

    def test_belong_to_one_fence_only(self, channel):
        message = queued()
        (stale,) = outbox.claim(10)
        clock.advance(outbox.LEASE)
        outbox.expire_leases()
        (fresh,) = outbox.claim(10)
        outbox.send(stale)
        assert channel.sent == []
        outbox.send(fresh)
        message.refresh_from_db()
        assert message.state == "accepted"


class Statuses:
    def test_before_the_message_is_known_wait_and_are_joined(self, channel):
        message = queued()
        early = told(message, "delivered", ref=False)
        statuses.apply_statuses(message.connection, [early])
        assert OrphanStatus.objects.count() == 1
        channel.answers = [Receipt(early.external_id)]
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "delivered"
        assert not OrphanStatus.objects.exists()

    def test_that_overtake_our_own_bookkeeping_are_not_undone_by_it(self, channel):
        message = queued()
        (claimed,) = outbox.claim(10)
        (started,) = outbox.start([claimed])
        statuses.apply_statuses(message.connection, [told(message, "read")])
        outbox.settle([outbox.Answered(started, Receipt("wamid.LATE"))])
        message.refresh_from_db()
        assert (message.state, message.external_id) == ("read", "wamid.LATE")

    def test_of_another_installation_do_not_fit(self, channel):
        message = queued()
        foreign = told(message, "read", ref=False)
        foreign = StatusUpdate(
            **{**{f: getattr(foreign, f) for f in foreign.__dataclass_fields__}, "client_ref": f"m{message.pk}.0000000000"}
        )
        assert statuses.apply_statuses(message.connection, [foreign]) == 0


class AddressTo:
    def test_prefers_the_number_of_somebody_known_by_user_id_too(self):
        from connectors.contracts import Address
        from scrm.contacts.services import Sender, resolve_identity

        known = customer()
        both = resolve_identity(Sender((Address("whatsapp", "85291234567"), Address("whatsapp_user", "HK.1", "P1"))))
        assert both == known
        user_id = known.contact.identities.get(kind="whatsapp_user")
        assert outbox.address_to(user_id).value == "85291234567"

    def test_reaches_people_without_a_number(self):
        from connectors.contracts import Address
        from scrm.contacts.services import Sender, resolve_identity

        identity = resolve_identity(Sender((Address("whatsapp_user", "HK.2", "P1"),), name="匿名"))
        assert outbox.address_to(identity) == Address("whatsapp_user", "HK.2", "P1")
