"""LINE's webhook through the whole pipeline: people, threads, reply tokens, reachability, names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from connectors import signatures
from connectors.contracts import Address, OutboundMessage, Profile, Receipt
from connectors.errors import ConnectorError, Gone, NeedsLogin, OutcomeUnknown, TryLater
from connectors.timestamps import milliseconds
from scrm.connections.models import Alert, Connection
from scrm.connections.services import explain_error
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.services import Sender, resolve_identity
from scrm.conversations import outbox, profiles
from scrm.conversations.models import Attachment, Conversation, Message, ProfileLookup, ReadReceipt
from scrm.conversations.receipts import ask_for_read_receipt
from scrm.conversations.services import queue_message
from scrm.core import clock
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.people import NOON, conversation

pytestmark = pytest.mark.django_db

BOT, YUKI, ICHING = "U" + "b0" * 16, "U" + "4a" * 16, "U" + "7c" * 16
GROUP = "C" + "56" * 16
SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
_numbers = itertools.count(1)


def taipei(**fields: Any) -> Connection:
    values = {
        "slug": "tw-line",
        "label": "Harbour Beauty LINE",
        "kind": "channel",
        "adapter": "line",
        "account_id": BOT,
        "settings": {"base_url": "http://127.0.0.1:9", "data_url": "http://127.0.0.1:9"},
        "secrets": {"channel_access_token": "line-token", "channel_secret": SECRET},
        "country": "TW",
        "time_zone": "Asia/Taipei",
        **fields,
    }
    return Connection.objects.filter(slug=values["slug"]).first() or Connection.objects.create(**values)


def event(kind: str, *, at: datetime = NOON, user: str = YUKI, token: str = "", **parts: Any) -> dict[str, Any]:
    given = {
        "type": kind,
        "mode": "active",
        "timestamp": milliseconds(at),
        "source": {"type": "user", "userId": user},
        "webhookEventId": f"01KAYR7M3H8Z6W2Q4N5T9V{next(_numbers):04d}",
        "deliveryContext": {"isRedelivery": False},
        **parts,
    }
    return given | ({"replyToken": token} if token else {})


def words(text: str = "請問有現貨嗎？", *, id: str = "", **parts: Any) -> dict[str, Any]:
    return event(
        "message", message={"id": id or str(4_683_000_000 + next(_numbers)), "type": "text", "text": text, "quoteToken": "q"}, **parts
    )


def post(*events: Any, secret: str = SECRET) -> int:
    raw = json.dumps({"destination": BOT, "events": events}, ensure_ascii=False).encode()
    headers = {"x-line-signature": signatures.sign_base64(raw, secret)}
    return Client().post(f"/webhooks/line/{taipei().slug}/", data=raw, content_type="application/json", headers=headers).status_code


def receive(*events: Any, at: datetime = NOON) -> None:
    """Post the events together and take them in."""
    with clock.frozen(at):
        assert post(*events) == 200
        while pipeline.drain():
            pass


def person(user: str = YUKI) -> Identity:
    return Identity.objects.select_related("contact").get(kind="line_user", value=user)


def chat() -> Conversation:
    return Conversation.objects.get(connection=taipei())


def answer(text: str) -> Message:
    """An agent's answer, queued."""
    return queue_message(chat(), kind="text", text=text, content={"body": text}, source="agent", idempotency_key=f"agent:{text}").message


def balanced() -> bool:
    return all(line.balanced for line in ledger.sums())


class Names:
    """A platform that tells names, or fails as told."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {YUKI: "田中 由紀"}
        self.asked: list[str] = []
        self.failure: ConnectorError | None = None

    def profile(self, address: Address) -> Profile:
        self.asked.append(address.value)
        if self.failure:
            raise self.failure
        if address.value not in self.known:
            raise Gone("LINE does not know this person", code="404")
        return Profile(self.known[address.value], "ja")


class Wire:
    """LINE as the outbox sees it: takes everything, unless a failure is next."""

    def __init__(self) -> None:
        self.sent: list[OutboundMessage] = []
        self.failures: list[ConnectorError] = []

    def send(self, message: OutboundMessage) -> Receipt:
        self.sent.append(message)
        if self.failures:
            raise self.failures.pop(0)
        return Receipt(f"4612409{len(self.sent):07d}")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    fake = Wire()
    monkeypatch.setattr(outbox, "channel_of", lambda connection: fake)
    yield fake


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    fake = Names()
    monkeypatch.setattr(profiles, "channel_of", lambda connection: fake)
    yield fake


class Webhook:
    def test_takes_a_signed_body_in(self) -> None:
        assert post(words()) == 200
        assert InboundEvent.objects.count() == 1

    @pytest.mark.parametrize("secret", ["wrong", SECRET.upper()])
    def test_refuses_a_wrong_signature(self, secret: str) -> None:
        assert post(words(), secret=secret) == 403
        assert not InboundEvent.objects.exists()

    def test_has_nothing_to_answer_to_get(self) -> None:
        assert Client().get(f"/webhooks/line/{taipei().slug}/", {"hub.mode": "subscribe"}).status_code == 403

    def test_connection_check_is_kept_and_changes_nothing(self) -> None:
        receive()
        assert InboundItem.objects.get().kind == "empty" and not Contact.objects.exists() and balanced()


class Messages:
    def test_open_a_conversation_with_the_person(self) -> None:
        receive(words("請問有現貨嗎？", id="4683000001"))
        message = Message.objects.get()
        assert (message.text, message.external_id, message.sent_at, message.direction) == ("請問有現貨嗎？", "4683000001", NOON, "in")
        assert message.conversation.unread_count == 1 and message.conversation.identity == person()
        assert person().contact.country == "TW"

    def test_that_share_an_id_leave_the_second_parked_in_words(self) -> None:
        receive(words("第一句", id="4683000001"))
        receive(words("第二句", id="4683000001"), words("第三句", id="4683000002"))
        assert sorted(Message.objects.values_list("text", flat=True)) == ["第一句", "第三句"] and balanced()
        parked = InboundItem.objects.get(state="parked")
        assert parked.reason == "another message is stored under this one's id, 4683000001"

    def test_redelivered_are_stored_once(self) -> None:
        first = words()
        receive(first)
        receive({**first, "deliveryContext": {"isRedelivery": True}})
        assert Message.objects.count() == 1 and balanced()

    def test_files_are_noted_for_download(self) -> None:
        receive(event("message", message={"id": "4683000009", "type": "file", "fileName": "訂單.pdf", "fileSize": 21_483}))
        attachment = Attachment.objects.get()
        assert (attachment.external_id, attachment.kind, attachment.filename, attachment.size) == (
            "4683000009",
            "document",
            "訂單.pdf",
            21_483,
        )

    def test_of_a_group_belong_to_who_wrote_them(self) -> None:
        receive({**words(token="t" * 32), "source": {"type": "group", "groupId": GROUP, "userId": ICHING}})
        assert Message.objects.get().content["group_id"] == GROUP
        assert chat().identity == person(ICHING) and chat().reply_token == ""

    def test_that_name_nobody_are_parked_and_harm_nobody(self) -> None:
        receive({**words(), "source": {"type": "group", "groupId": GROUP}}, words("こんにちは"))
        assert Message.objects.get().text == "こんにちは"
        assert "names nobody" in InboundItem.objects.get(state="parked").reason and balanced()

    def test_for_another_account_are_parked(self) -> None:
        taipei(account_id="U" + "99" * 16)
        receive(words())
        assert InboundItem.objects.get().state == "parked" and not Message.objects.exists()

    def test_for_another_account_never_reach_it(self) -> None:
        other = taipei(slug="hk-line", account_id=BOT, secrets={"channel_access_token": "t", "channel_secret": "another"})
        Connection.objects.create(
            slug="tw-line", label="TW", kind="channel", adapter="line", account_id="U" + "99" * 16, secrets={"channel_secret": SECRET}
        )
        receive(words())
        assert not Message.objects.exists() and not Conversation.objects.filter(connection=other).exists()
        assert InboundItem.objects.get().connection.slug == "tw-line"

    def test_tapped_button_is_a_message_and_keeps_what_was_chosen(self) -> None:
        receive(event("postback", postback={"data": '{"type":"button_reply","id":"yes","title":"好的"}'}))
        message = Message.objects.get()
        assert (message.kind, message.text, message.content["id"]) == ("interactive", "好的", "yes")


class ReplyTokens:
    TOKEN = "0f3779fba3b349968c5d07db31eab56f"

    def test_lie_on_the_conversation_for_as_long_as_they_live(self) -> None:
        receive(words(token=self.TOKEN))
        assert (chat().reply_token, chat().reply_token_until) == (self.TOKEN, NOON + timedelta(seconds=50))
        assert "reply_token" not in Message.objects.get().content

    def test_newest_counts_in_whatever_order_they_come(self) -> None:
        later = NOON + timedelta(seconds=20)
        receive(words(token="newer", at=later), at=later)
        receive(words(token="older"), at=later)
        assert (chat().reply_token, chat().reply_token_until) == ("newer", later + timedelta(seconds=50))

    def test_that_come_too_late_are_left(self) -> None:
        receive(words(token=self.TOKEN), at=NOON + timedelta(minutes=5))
        assert chat().reply_token == ""

    def test_longer_than_the_column_are_left(self) -> None:
        receive(words(token="t" * 101))
        assert chat().reply_token == "" and Message.objects.count() == 1


class Reachability:
    def block(self, at: datetime) -> None:
        receive(event("unfollow", at=at), at=at)

    def test_ends_with_a_block(self) -> None:
        receive(words())
        self.block(NOON + timedelta(hours=1))
        assert (person().unreachable_since, person().unreachable_reason) == (NOON + timedelta(hours=1), "blocked")
        assert Event.objects.get(kind="identity.unfollowed").contact == person().contact

    def test_comes_back_with_a_follow(self) -> None:
        receive(words())
        self.block(NOON + timedelta(hours=1))
        receive(event("follow", at=NOON + timedelta(hours=2), follow={"isUnblocked": True}))
        assert (person().unreachable_since, person().unreachable_reason) == (None, "")
        assert Event.objects.get(kind="identity.followed").data["unblocked"] is True

    def test_comes_back_with_a_message(self) -> None:
        receive(words())
        self.block(NOON + timedelta(hours=1))
        receive(words(at=NOON + timedelta(hours=2)), at=NOON + timedelta(hours=2))
        assert person().unreachable_since is None

    def test_does_not_come_back_with_words_in_a_group_or_older_ones(self) -> None:
        receive(words())
        self.block(NOON + timedelta(hours=1))
        later = NOON + timedelta(hours=2)
        receive({**words(at=later), "source": {"type": "group", "groupId": GROUP, "userId": YUKI}}, at=later)
        receive(words("遲到", at=NOON + timedelta(minutes=30)), at=later)
        assert person().unreachable_reason == "blocked"

    @pytest.mark.parametrize("sign", ["message", "follow"])
    def test_block_that_is_told_late_does_not_undo_what_is_newer(self, sign: str) -> None:
        receive(words())
        later = NOON + timedelta(hours=2)
        receive(words(at=later) if sign == "message" else event("follow", at=later, follow={"isUnblocked": False}), at=later)
        self.block(NOON + timedelta(hours=1))
        assert person().unreachable_since is None

    def test_block_by_a_stranger_makes_nobody(self) -> None:
        self.block(NOON)
        assert not Contact.objects.exists() and InboundItem.objects.get().kind == "unfollow"


class Notices:
    def test_follow_of_somebody_new_makes_a_person(self) -> None:
        receive(event("follow", token="t", follow={"isUnblocked": False}))
        assert person().contact.country == "TW" and ProfileLookup.objects.get().identity == person()

    @pytest.mark.parametrize(("result", "kind"), [("ok", "account.linked"), ("failed", "account.link_failed")])
    def test_account_link_stands_on_the_timeline_and_joins_nobody(self, result: str, kind: str) -> None:
        known = resolve_identity(Sender((Address("phone", "+886912345678"),), name="林怡君"))
        receive(words(), event("accountLink", link={"result": result, "nonce": "Y2xpZW50LTgx"}))
        told = Event.objects.get(kind=kind)
        assert told.contact == person().contact != known.contact and told.data["nonce"] == "Y2xpZW50LTgx"

    def test_suspended_account_is_told_until_it_is_resumed(self) -> None:
        receive(event("botSuspended", source=None))
        assert Alert.objects.get(closed_at=None).connection == taipei()
        receive(event("botResumed", source=None))
        assert not Alert.objects.filter(closed_at=None).exists()

    @pytest.mark.parametrize(
        "kind",
        ["join", "leave", "memberJoined", "memberLeft", "videoPlayComplete", "beacon", "membership", "module", "delivery", "telepathy"],
    )
    def test_others_are_kept_and_change_nobody(self, kind: str) -> None:
        receive(event(kind, **{kind: {"members": [], "type": "joined"}}))
        row = InboundItem.objects.get()
        assert row.state == "processed" and row.data["webhookEventId"] and not Contact.objects.exists() and balanced()


class NamesOfPeople:
    def test_are_asked_for_in_the_background(self, names: Names) -> None:
        receive(words(), words())
        assert names.asked == [] and person().contact.name == ""
        with clock.frozen(NOON):
            assert profiles.fetch_due() == 1
        assert person().contact.name == "田中 由紀" and names.asked == [YUKI] and not ProfileLookup.objects.exists()
        receive(words())
        assert not ProfileLookup.objects.exists()
        assert list(Contact.objects.search("由紀")) == [person().contact]

    def test_given_by_a_person_meanwhile_stay(self, names: Names) -> None:
        receive(words())
        Contact.objects.update(name="由紀さん（VIP）")
        with clock.frozen(NOON):
            profiles.fetch_due()
        assert person().contact.name == "由紀さん（VIP）" and names.asked == []

    def test_of_people_whom_the_platform_hides_are_given_up(self, names: Names) -> None:
        receive(words(user=ICHING))
        with clock.frozen(NOON):
            profiles.fetch_due()
        assert not ProfileLookup.objects.exists() and person(ICHING).contact.name == ""

    @pytest.mark.parametrize("failure", [TryLater("slow down", after=timedelta(seconds=1)), NeedsLogin("the token does not work")])
    def test_are_asked_for_five_times_at_most(self, names: Names, failure: ConnectorError) -> None:
        names.failure = failure
        receive(words())
        at = NOON
        for _ in range(9):
            with clock.frozen(at):
                profiles.fetch_due()
                profiles.fetch_due()
            at += timedelta(hours=7)
        assert len(names.asked) == 5 and not ProfileLookup.objects.exists()

    def test_of_whatsapp_people_come_with_their_messages(self, names: Names) -> None:
        made = conversation()
        Contact.objects.update(name="")
        made.identity.contact.refresh_from_db()
        profiles.ask_for_names([(made.identity, made.connection)])
        assert not ProfileLookup.objects.exists()


class Answers:
    def test_are_sent_free_of_charge_while_the_token_lives_and_pushed_after(self, wire: Wire) -> None:
        receive(words(token="0f3779fba3b3"))
        for seconds in (10, 20):
            with clock.frozen(NOON + timedelta(seconds=seconds)):
                answer(f"有現貨 {seconds}")
                outbox.send_due()
        assert [(each.reply_token, each.to.value) for each in wire.sent] == [("0f3779fba3b3", YUKI), ("", YUKI)]
        assert set(Message.objects.filter(direction="out").values_list("state", flat=True)) == {"accepted"}

    def test_of_which_nobody_knows_are_repeated_only_as_pushes(self, wire: Wire) -> None:
        receive(words(token="0f3779fba3b3"))
        wire.failures = [OutcomeUnknown("LINE did not answer in time"), OutcomeUnknown("LINE did not answer in time")]
        with clock.frozen(NOON + timedelta(seconds=10)):
            first = answer("有")
            outbox.send_due()
            second = answer("貨")
            outbox.send_due()
        assert Message.objects.get(pk=first.pk).state == "unknown"
        with clock.frozen(NOON + timedelta(minutes=10)):
            outbox.send_due()
        assert Message.objects.get(pk=second.pk).state == "accepted"
        assert len({each.client_ref for each in wire.sent[1:]}) == 1

    def test_mark_as_read_by_the_token_of_the_message(self) -> None:
        receive(event("message", message={"id": "4683000001", "type": "text", "text": "你好", "markAsReadToken": "30yhdy232"}))
        ask_for_read_receipt(chat().pk)
        assert ReadReceipt.objects.get().external_id == "30yhdy232"

    @pytest.mark.parametrize("code", ["monthly_limit", "429"])
    def test_that_fail_are_explained(self, code: str) -> None:
        meaning, advice = explain_error(taipei(), code)
        assert "LINE" in meaning and code not in meaning and advice.endswith(".")


class Withdrawals:
    def test_leave_the_row_and_remove_what_it_said(self) -> None:
        receive(words("卡號是 4111", id="4683000001"), words("你好", id="4683000002"))
        receive(event("unsend", unsend={"messageId": "4683000001"}, at=NOON + timedelta(seconds=9)), at=NOON + timedelta(seconds=9))
        taken, left = Message.objects.get(external_id="4683000001"), Message.objects.get(external_id="4683000002")
        assert (taken.text, taken.content) == ("", {"withdrawn": True}) and left.text == "你好"
        assert not Message.objects.search("4111") and chat().last_preview != "卡號是 4111"
        assert balanced()

    def test_take_the_files_along(self, settings: Any, tmp_path: Any, django_capture_on_commit_callbacks: Any) -> None:
        settings.MEDIA_ROOT = str(tmp_path)
        receive(event("message", message={"id": "4683000003", "type": "image", "contentProvider": {"type": "line"}}))
        attachment = Attachment.objects.get()
        attachment.file.save("身分證.jpg", ContentFile(b"\xff\xd8"))
        Attachment.objects.update(state="stored")
        with django_capture_on_commit_callbacks(execute=True):
            receive(event("unsend", unsend={"messageId": "4683000003"}, at=NOON + timedelta(seconds=9)))
        attachment.refresh_from_db()
        assert (attachment.state, attachment.file.name, attachment.external_id) == ("failed", "", "")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("together", [True, False])
    def test_that_come_before_their_message_empty_it_as_it_comes(self, together: bool) -> None:
        said = words("寫錯了", id="4683000001")
        unsent = event("unsend", unsend={"messageId": "4683000001"}, at=NOON + timedelta(seconds=9))
        if together:
            receive(unsent, said)
        else:
            receive(unsent)
            receive(said, at=NOON + timedelta(minutes=5))
        taken = Message.objects.get(external_id="4683000001")
        assert (taken.text, taken.content["withdrawn"]) == ("", True)
        assert "寫錯了" not in chat().last_preview

    @pytest.mark.parametrize("late", [False, True])
    def test_take_changes_of_the_message_along(self, late: bool) -> None:
        edited = event("messageEdited", at=NOON + timedelta(seconds=5), message={"id": "4683000001", "type": "text", "text": "卡號 4112"})
        unsent = event("unsend", at=NOON + timedelta(seconds=9), unsend={"messageId": "4683000001"})
        receive(words("卡號 4111", id="4683000001"))
        for each in (unsent, edited) if late else (edited, unsent):
            receive(each, at=NOON + timedelta(minutes=1))
        assert Message.objects.count() == 3 and not Message.objects.exclude(text="").exists()
        assert "411" not in json.dumps(list(Message.objects.values_list("content", flat=True)))

    def test_of_messages_that_were_never_here_are_kept(self) -> None:
        receive(words("你好"), event("unsend", unsend={"messageId": "1"}))
        assert Message.objects.get(kind="text").text == "你好" and Message.objects.get(kind="revoke").content["original_id"] == "1"

    def test_of_a_customer_do_not_touch_what_we_wrote(self) -> None:
        receive(words("你好"))
        ours = Message.objects.create(
            conversation=chat(), connection=taipei(), direction="out", kind="text", text="您好", external_id="77", sent_at=NOON,
            created_at=NOON, state="accepted", source="agent",
        )  # fmt: skip
        receive(event("unsend", unsend={"messageId": "77"}))
        ours.refresh_from_db()
        assert ours.text == "您好"
