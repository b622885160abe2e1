"""What a gateway's webhooks become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from conformance_kits import chat_ack, chat_batch, chat_message

from connectors import conformance
from connectors.channels.chatapi import ChatApi
from connectors.contracts import UNKNOWN_TIME, Account, Address, InboundItem, InboundMessage, Notice, StatusUpdate, Unreadable

CHANNEL = ChatApi(Account("chatapi"))
MEI = Address("whatsapp", "85291234567")
GROUP = "85261112222-1479621234@g.us"


def read(document: Any) -> list[InboundItem]:
    return conformance.check_body(CHANNEL, json.dumps(document).encode())


def one(**parts: Any) -> InboundItem:
    (item,) = conformance.check_body(CHANNEL, chat_batch([chat_message(**parts)]))
    return item


def message(**parts: Any) -> InboundMessage:
    item = one(**parts)
    assert isinstance(item, InboundMessage), item
    return item


class TestMessages:
    def test_text(self) -> None:
        read_ = message(quotedMsgId="true_85291234567@c.us_3EB0OLD")
        assert (read_.kind, read_.text, read_.sender, read_.profile_name) == ("text", "我的包裹在哪裡?", (MEI,), "陳大文")
        assert read_.sent_at == datetime.fromtimestamp(1_795_000_000, UTC) and read_.reply_to == "true_85291234567@c.us_3EB0OLD"
        assert (read_.account_id, read_.external_id) == ("214017", "false_85291234567@c.us_3EB0D8A1")

    def test_picture_with_a_caption(self) -> None:
        read_ = message(type="image", body="https://files.gateway.example/a.jpg", caption="壞了")
        (ref,) = read_.media
        assert (read_.kind, read_.text, ref.kind, ref.url) == ("image", "壞了", "image", "https://files.gateway.example/a.jpg")
        assert ref.external_id == ref.url == read_.content["url"]

    def test_link_that_no_column_holds_leaves_the_id_of_the_message(self) -> None:
        link = "https://files.gateway.example/a.jpg?" + "x" * 300
        (ref,) = message(type="image", body=link).media
        assert ref.url == link and ref.external_id == "false_85291234567@c.us_3EB0D8A1"

    def test_media_without_a_link_is_kept_without_a_file(self) -> None:
        read_ = message(type="video", body="", caption="開箱")
        assert read_.kind == "video" and read_.media == () and read_.content["no_link"] is True

    def test_voice_is_audio(self) -> None:
        read_ = message(type="ptt", body="https://files.gateway.example/b.oga", caption=None)
        assert read_.kind == "audio" and read_.content["voice"] is True

    def test_document_is_named_by_its_link(self) -> None:
        read_ = message(type="document", body="https://files.gateway.example/x/%E7%9B%AE%E9%8C%84.pdf", caption=None)
        assert read_.text == read_.media[0].filename == "目錄.pdf"

    def test_location(self) -> None:
        read_ = message(type="location", body="22.2838;114.1588", caption="中環碼頭")
        assert read_.content == {"latitude": 22.2838, "longitude": 114.1588, "name": "中環碼頭"} and read_.text == "中環碼頭"

    def test_location_in_other_words_is_kept(self) -> None:
        assert message(type="location", body="尖沙咀").content == {"platform_body": "尖沙咀"}

    def test_cards_give_names_and_numbers(self) -> None:
        card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:田中 由紀\r\nitem1.TEL;waid=819012345678:+81 90-1234-5678\r\nEND:VCARD\r\n"
        read_ = message(type="multi_vcard", body=card + card.replace("田中 由紀", "林小姐"))
        assert [each["name"]["formatted_name"] for each in read_.content["contacts"]] == ["田中 由紀", "林小姐"]
        assert read_.content["contacts"][0]["phones"] == [{"phone": "+81 90-1234-5678", "wa_id": "819012345678"}]
        assert "田中 由紀 +81 90-1234-5678" in read_.text

    def test_choices(self) -> None:
        chosen = message(type="list_response", body="尖沙咀", selectedRowId="tst", description="24h")
        assert chosen.kind == "interactive"
        assert chosen.content == {"type": "list_reply", "title": "尖沙咀", "id": "tst", "description": "24h"}

    def test_reaction_and_its_withdrawal(self) -> None:
        given, withdrawn = (message(type="reaction", body=body, quotedMsgId="true_1@c.us_A") for body in ("👍", ""))
        assert given.content == {"message_id": "true_1@c.us_A", "emoji": "👍", "removed": False} and withdrawn.content["removed"]

    def test_withdrawn_message_has_a_key_of_its_own(self) -> None:
        withdrawn = message(type="revoked", body="")
        assert withdrawn.kind == "revoke" and withdrawn.content["original_id"] == withdrawn.external_id
        assert withdrawn.key.startswith("revoke:") and withdrawn.key != message().key

    @pytest.mark.parametrize("kind", ["call_log", "poll_creation", "", "hologram"])
    def test_other_types_are_kept_and_shown(self, kind: str) -> None:
        read_ = message(type=kind, body="3")
        assert read_.kind == "unsupported" and read_.content["platform_type"] == kind and read_.content["body"] == "3"

    def test_forwarded_is_marked(self) -> None:
        assert message(isForwarded=1).content == {"forwarded": True}

    @pytest.mark.parametrize("time", [None, 0, "soon", -5, 10**20])
    def test_time_that_cannot_be_is_said(self, time: Any) -> None:
        read_ = message(time=time)
        assert read_.sent_at == UNKNOWN_TIME and read_.content["clock_suspect"] is True


class TestPeople:
    def test_in_a_group_the_author_speaks_and_the_group_is_kept(self) -> None:
        read_ = message(chatId=GROUP, chatName="團購", author="819012345678@c.us")
        assert read_.sender == (Address("whatsapp", "819012345678"),)
        assert (read_.content["group_id"], read_.content["group_name"]) == (GROUP, "團購")

    def test_who_hides_the_number_has_another_address(self) -> None:
        assert message(chatId="98765432101234@lid", author="98765432101234@lid").sender == (
            Address("whatsapp_user", "98765432101234@lid", "214017"),
        )

    @pytest.mark.parametrize("chat", ["85291234567@s.whatsapp.net", "85291234567:12@c.us", "+85291234567", "85291234567"])
    def test_a_number_in_every_writing(self, chat: str) -> None:
        assert message(chatId=chat, author="").sender == (MEI,)

    @pytest.mark.parametrize("chat", ["status@broadcast", "", None, 7.5])
    def test_nobody_is_said(self, chat: Any) -> None:
        item = one(chatId=chat, author=None)
        assert isinstance(item, Unreadable) and "nobody" in item.reason


class TestEchoes:
    def test_typed_on_the_phone_is_an_echo_of_the_persons_chat(self) -> None:
        read_ = message(fromMe=True, author="85230001234@c.us", id="true_85291234567@c.us_3EB0X", senderName="店")
        assert read_.echo and read_.sender == (MEI,) and read_.profile_name == ""

    def test_what_we_sent_ourselves_is_a_status(self) -> None:
        item = one(fromMe=True, self=1, id="true_85291234567@c.us_3EB0OUT")
        assert isinstance(item, StatusUpdate)
        assert (item.status, item.external_id, item.recipient) == ("sent", "true_85291234567@c.us_3EB0OUT", (MEI,))

    def test_typed_into_a_group_is_a_notice(self) -> None:
        item = one(fromMe=True, chatId=GROUP)
        assert isinstance(item, Notice) and item.kind == "group_echo"


class TestStatuses:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("sent", "sent"),
            ("delivered", "delivered"),
            ("viewed", "read"),
            ("Read", "read"),
            ("played", "read"),
            (3, "read"),
            ("2", "delivered"),
        ],
    )
    def test_words(self, word: Any, status: str) -> None:
        (item,) = read({"instanceId": 214017, "ack": [chat_ack(status=word)]})
        assert isinstance(item, StatusUpdate)
        assert (item.status, item.recipient, item.account_id, item.occurred_at) == (status, (MEI,), "214017", UNKNOWN_TIME)

    def test_failure_keeps_its_code_and_words(self) -> None:
        (item,) = read({"ack": [chat_ack(status="failed", error={"code": 510, "message": "recipient number invalid"})]})
        assert isinstance(item, StatusUpdate)
        assert (item.errors[0].code, item.errors[0].title) == (510, "recipient number invalid")

    def test_unknown_word_is_a_notice(self) -> None:
        (item,) = read({"ack": [chat_ack(status="pending")]})
        assert isinstance(item, Notice) and item.kind == "message_status"

    def test_status_of_no_message_is_parked(self) -> None:
        (item,) = read({"ack": [{"status": "sent"}]})
        assert isinstance(item, Unreadable) and "names no message" in item.reason


class TestBodies:
    def test_everything_of_one_body_is_read(self) -> None:
        items = read(
            {
                "instanceId": "1",
                "messages": [chat_message()],
                "ack": [chat_ack()],
                "chatUpdate": [{"old": None, "new": {"id": "x"}}],
                "instanceStatus": "got qr code",
            }
        )
        assert [type(item) for item in items] == [InboundMessage, StatusUpdate, Notice, Notice]
        assert [item.kind for item in items if isinstance(item, Notice)] == ["chatUpdate", "instanceStatus"]

    @pytest.mark.parametrize("document", [{}, {"instanceId": "1"}, {"messages": []}, {"messages": [], "ack": None}])
    def test_nothing_is_told_as_nothing(self, document: Any) -> None:
        (item,) = read(document)
        assert isinstance(item, Notice) and item.kind == "empty"

    def test_several_envelopes_in_one_body(self) -> None:
        assert len(read([{"messages": [chat_message()]}, {"ack": [chat_ack()]}, 5])) == 3

    def test_a_lone_message_outside_a_list(self) -> None:
        assert isinstance(read({"messages": chat_message()})[0], InboundMessage)
