"""Calls to a gateway: what leaves, and what its answers become."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from conformance_kits import CHAT_SENT, INSTANCE, PICTURE, TOKEN, answer, chatapi, chatapi_with_a_header, out, refused

from connectors.channels.chatapi import ChatApi, classify, explain
from connectors.conformance import Answer
from connectors.contracts import Address, MediaRef, OutboundMessage
from connectors.errors import Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater

CHAT = "85291234567@c.us"


@pytest.fixture
def channel(loopback: Any) -> ChatApi:
    loopback.always(CHAT_SENT)
    made = chatapi(loopback).channel()
    assert isinstance(made, ChatApi)
    return made


def sent(channel: ChatApi, loopback: Any, message: OutboundMessage) -> tuple[str, Any]:
    channel.send(message)
    return loopback.seen[-1].path.removeprefix(f"/instance{INSTANCE}/"), loopback.seen[-1].json


class TestSend:
    def test_text_with_a_quote(self, channel: ChatApi, loopback: Any) -> None:
        receipt = channel.send(out("text", {"body": "你好"}, reply_to="false_1"))
        (seen,) = loopback.seen
        assert (seen.method, seen.path, seen.query) == ("POST", f"/instance{INSTANCE}/sendMessage", {"token": TOKEN})
        assert seen.json == {"chatId": CHAT, "body": "你好", "quotedMsgId": "false_1"}
        assert receipt.external_id == "true_85291234567@c.us_3EB0OUT"

    def test_token_in_a_header_is_not_in_the_address(self, loopback: Any) -> None:
        loopback.always(CHAT_SENT)
        chatapi_with_a_header(loopback).channel().send(out("text", {"body": "你好"}))
        assert loopback.seen[0].query == {} and loopback.seen[0].headers["x-api-key"] == TOKEN

    def test_token_in_authorization_follows_bearer(self, loopback: Any) -> None:
        loopback.always(CHAT_SENT)
        kit = chatapi(loopback)
        replace(kit, account=replace(kit.account, settings={"token_header": "Authorization"})).channel().send(out("text", {"body": "你好"}))
        assert loopback.seen[0].headers["authorization"] == f"Bearer {TOKEN}"

    def test_file_by_its_link(self, channel: ChatApi, loopback: Any) -> None:
        content = {"link": "https://shop.example.hk/a/目錄.pdf?v=2", "caption": "新品"}
        assert sent(channel, loopback, out("document", content)) == (
            "sendFile",
            {"chatId": CHAT, "body": content["link"], "filename": "目錄.pdf", "caption": "新品"},
        )

    def test_uploaded_file_travels_in_the_call(self, channel: ChatApi, loopback: Any) -> None:
        uploaded = channel.upload(PICTURE, "image/jpeg", "a.jpg")
        method, body = sent(channel, loopback, out("image", {"id": uploaded}))
        assert method == "sendFile" and body["filename"] == "image.jpg" and body["body"].startswith("data:image/jpeg;base64,")
        assert base64.b64decode(body["body"].partition(",")[2]) == PICTURE and len(loopback.seen) == 1

    def test_voice(self, channel: ChatApi, loopback: Any) -> None:
        assert sent(channel, loopback, out("audio", {"link": "https://shop.example.hk/a.ogg", "voice": True}))[0] == "sendPTT"

    def test_location_and_people(self, channel: ChatApi, loopback: Any) -> None:
        place = {"latitude": 22.2838, "longitude": "114.1588", "name": "IFC", "address": "中環"}
        assert sent(channel, loopback, out("location", place)) == (
            "sendLocation",
            {"chatId": CHAT, "lat": "22.2838", "lng": "114.1588", "address": "IFC, 中環"},
        )
        cards = [{"phones": [{"phone": "+81 90-1234-5678"}]}, {"phones": [{"wa_id": "886912345678", "phone": "x"}]}]
        assert sent(channel, loopback, out("contacts", {"contacts": cards}))[1]["contactId"] == ["819012345678@c.us", "886912345678@c.us"]

    def test_who_hides_the_number_can_be_answered(self, channel: ChatApi, loopback: Any) -> None:
        to = Address("whatsapp_user", "98765432101234@lid", INSTANCE)
        assert sent(channel, loopback, replace(out("text", {"body": "你好"}), to=to))[1]["chatId"] == "98765432101234@lid"

    def test_queued_without_an_id_is_sent(self, channel: ChatApi, loopback: Any) -> None:
        loopback.say({"sent": True, "queueNumber": 12})
        assert channel.send(out("text", {"body": "你好"})).external_id == "queue:12:out-17"

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("text", {"body": " "}),
            ("image", {}),
            ("image", {"id": "1273"}),
            ("image", {"link": "ftp://shop.example.hk/a.jpg"}),
            ("audio", {"link": "https://shop.example.hk/a.ogg", "caption": "聽"}),
            ("location", {"latitude": 91, "longitude": 0}),
            ("location", {"latitude": "nan", "longitude": 0}),
            ("contacts", {"contacts": []}),
            ("template", {"name": "order_update", "language": "zh_HK"}),
            ("interactive", {"type": "button"}),
        ],
    )
    def test_what_it_cannot_send_never_leaves(self, channel: ChatApi, loopback: Any, kind: str, content: dict[str, Any]) -> None:
        with pytest.raises(Rejected):
            channel.send(out(kind, content))
        assert loopback.seen == []


class TestRefusals:
    def test_invalid_number_keeps_its_code_and_says_what_to_do(self, channel: ChatApi, loopback: Any) -> None:
        loopback.always(refused("510 recipient number invalid"))
        with pytest.raises(Rejected) as caught:
            channel.send(out("text", {"body": "你好"}))
        assert (caught.value.code, caught.value.detail, caught.value.remedy) == ("510", "510 recipient number invalid", "mark_address")
        assert explain(510) == (
            "The recipient's number is invalid, or has no WhatsApp.",
            "Check the number and reach the person another way.",
        )

    def test_unknown_code_is_kept_and_admitted(self) -> None:
        error = classify(777, "out of cheese")
        assert (type(error), error.code, error.detail) == (Rejected, "777", "out of cheese") and "777" in explain(777)[0]

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("Wrong token. Please provide token as a GET parameter.", NeedsLogin),
            ("token is required", NeedsLogin),
            ("Phone is not connected", NeedsLogin),
            ("Instance is not paid, please extend", Misconfigured),
            ("instance214017 not found", Misconfigured),
            ("Rate limit exceeded", TryLater),
            ("Phone 85212 doesn't exist", Rejected),
            ("The number is not on WhatsApp", Rejected),
            ("Unsupported mime type", Rejected),
        ],
    )
    def test_words_decide_where_there_is_no_code(self, words: str, kind: type[Exception]) -> None:
        assert type(classify(0, words)) is kind

    @pytest.mark.parametrize("document", [{"message": "ok"}, {"sent": "yes"}, {"sent": True}, {"sent": None}, {"id": ""}])
    def test_neither_yes_nor_no_leaves_it_open(self, channel: ChatApi, loopback: Any, document: Any) -> None:
        loopback.always(answer(document))
        with pytest.raises(OutcomeUnknown):
            channel.send(out("text", {"body": "你好"}))


class TestCheck:
    def test_waiting_for_the_code_needs_a_person(self, channel: ChatApi, loopback: Any) -> None:
        loopback.always(answer({"accountStatus": "got qr code", "qrCode": "data:image/png;base64,iVBOR"}))
        with pytest.raises(NeedsLogin, match="QR code") as caught:
            channel.check()
        assert "iVBOR" not in str(caught.value)

    @pytest.mark.parametrize(
        ("status", "words"), [("loading", "is loading"), ("init", "is starting"), ("expired", "says 'expired'"), ("", "says ''")]
    )
    def test_not_ready_is_not_well(self, channel: ChatApi, loopback: Any, status: str, words: str) -> None:
        loopback.always(answer({"accountStatus": status}))
        health = channel.check()
        assert not health.ok and words in health.detail and health.facts == {"status": status}

    @pytest.mark.parametrize(
        "body", [b"", b"<html>404</html>", b'{"error": "Not found"}', b'{"sent": false, "message": "no", "code": 404}']
    )
    def test_an_unknown_call_stops_no_channel_but_an_unknown_instance_does(self, channel: ChatApi, loopback: Any, body: bytes) -> None:
        loopback.always(Answer(404, body))
        with pytest.raises(Rejected):
            channel.send(out("audio", {"link": "https://shop.example.hk/a.ogg", "voice": True}))
        with pytest.raises(Misconfigured, match="base_url"):
            channel.check()


class TestFiles:
    def test_of_another_host_are_fetched_when_it_is_named(self, loopback: Any) -> None:
        kit = chatapi(loopback)
        made = replace(kit, account=replace(kit.account, settings={"media_hosts": "wasabisys.com,\n.storage.example"})).channel()
        assert isinstance(made, ChatApi)
        assert made._may_fetch("https://s3.eu-central-1.wasabisys.com/in/a.jpg") is False
        for link in (
            "https://evilwasabisys.com/a",
            "http://s3.wasabisys.com/a",
            "https://169.254.169.254/latest",
            "https://wasabisys.com.evil.example/",
        ):
            with pytest.raises(Misconfigured, match="media_hosts"):
                made._may_fetch(link)

    def test_own_files_see_no_token_in_their_address(self, channel: ChatApi, loopback: Any) -> None:
        loopback.always(Answer(200, PICTURE, {"Content-Type": "image/jpeg"}))
        link = f"{loopback.url}/instance{INSTANCE}/files/a.jpg"
        assert channel.download(MediaRef(link, "image")).content == PICTURE
        assert loopback.seen[0].query == {}

    def test_message_id_in_the_place_of_a_link_is_gone(self, channel: ChatApi, loopback: Any) -> None:
        with pytest.raises(Gone):
            channel.download(MediaRef("false_85291234567@c.us_3EB0D8A1", "image"))
        assert loopback.seen == []

    def test_too_large_an_upload_is_refused(self, channel: ChatApi) -> None:
        with pytest.raises(Rejected, match="16 MB"):
            channel.upload(bytes(16 * 1024 * 1024 + 1), "video/mp4", "a.mp4")


class TestReading:
    def test_marks_the_chat_that_the_message_names(self, channel: ChatApi, loopback: Any) -> None:
        channel.mark_read("false_85291234567@c.us_3EB0D8A1", typing=True)
        calls = [(seen.path.rpartition("/")[2], json.loads(seen.body)["chatId"]) for seen in loopback.seen]
        assert calls == [("readChat", CHAT), ("typing", CHAT)]

    def test_an_id_without_a_chat_is_told(self, channel: ChatApi, loopback: Any) -> None:
        with pytest.raises(Rejected):
            channel.mark_read("3EB0D8A1")
        assert loopback.seen == []
