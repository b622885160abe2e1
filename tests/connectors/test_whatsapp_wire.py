"""Calls to the Cloud API: what leaves, and what the answers become."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from connectors import conformance, signatures
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.channels.whatsapp.composing import compose
from connectors.conformance import Answer
from connectors.contracts import Account, Address, MediaRef, OutboundMessage
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable

MEI = Address("whatsapp", "85291234567")
MEI_USER = Address("whatsapp_user", "HK.13491208655302741918", "506914307656634")
SENT = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+85291234567", "wa_id": "85291234567", "user_id": "HK.13491208655302741918"}],
    "messages": [{"id": "wamid.out1"}],
}
TOKEN = "EAAG-token-77"


def channel_at(url: str, **settings: str) -> WhatsAppCloud:
    known = {"base_url": url, "phone_number_id": "106540352242922", "waba_id": "102290129340398", "portfolio_id": "506914307656634"}
    return WhatsAppCloud(
        Account("whatsapp_cloud", known | settings, {"access_token": TOKEN, "app_secret": "new\nold", "verify_token": "港"})
    )


def text(body: str = "你好", **parts: Any) -> OutboundMessage:
    return OutboundMessage(**{"client_ref": "out-17", "to": MEI, "kind": "text", "content": {"body": body}, **parts})


def graph(code: int, status: int = 400, **extra: Any) -> Answer:
    headers = {"Retry-After": extra.pop("wait")} if "wait" in extra else {}
    return Answer(status, json.dumps({"error": {"message": f"(#{code})", "code": code, **extra}}).encode(), headers)


@pytest.fixture
def channel(loopback: Any) -> WhatsAppCloud:
    loopback.always(Answer(200, json.dumps(SENT).encode()))
    return channel_at(loopback.url)


SAMPLES = [
    text(),
    *[text(kind=kind, content={"id": "77"}) for kind in ("image", "video", "audio", "document", "sticker")],
    text(
        kind="template",
        content={
            "name": "order_update",
            "language": "zh_HK",
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "A1"}]}],
        },
    ),
    text(kind="interactive", content={"type": "button", "body": "要嗎?", "buttons": [{"id": "y", "title": "要"}]}),
    text(kind="location", content={"latitude": 22.28, "longitude": 114.15, "name": "IFC"}),
    text(kind="contacts", content={"contacts": [{"name": "尖沙咀店", "phones": [{"phone": "+85231230000", "type": "WORK"}]}]}),
    text(kind="reaction", content={"message_id": "wamid.in1", "emoji": "👍"}),
]


class TestConformance:
    def test_signatures(self, channel: WhatsAppCloud) -> None:
        body = b'{"object":"whatsapp_business_account","text":"\\u4f60"}'
        for secret in ("new", "old"):
            headers = {"x-hub-signature-256": signatures.sign_hex(body, secret), "content-type": "application/json"}
            conformance.check_signatures(channel, body, headers, "x-hub-signature-256")

    def test_capabilities(self, channel: WhatsAppCloud, loopback: Any) -> None:
        conformance.check_capabilities(channel, SAMPLES, lambda: len(loopback.seen))

    def test_error_tree(self, channel: WhatsAppCloud, loopback: Any) -> None:
        cases: list[tuple[Answer, type[ConnectorError]]] = [
            (graph(131047), Rejected),
            (graph(131056, wait="90"), TryLater),
            (graph(130429, 429, wait="7200"), TryLater),
            (graph(4, 429, wait="60"), TryLater),
            (Answer(429, b"slow down", {"Retry-After": "30"}), TryLater),
            (graph(190, 401, error_subcode=463), NeedsLogin),
            (graph(368, 403), Misconfigured),
            (graph(132001, 404), Rejected),
            (graph(100, 400, error_subcode=33), Misconfigured),
            (graph(131016, 500), OutcomeUnknown),
            (graph(131047, 500), OutcomeUnknown),
            (graph(131045, 500), Misconfigured),
            (graph(131057, 500), TryLater),
            (graph(131057, 503), OutcomeUnknown),
            (Answer(502, b"<html>Bad Gateway</html>"), OutcomeUnknown),
            (Answer(503), OutcomeUnknown),
            (Answer(408), OutcomeUnknown),
            (Answer(400, b"<html>"), Rejected),
            (Answer(404, b'{"error": "text"}'), Rejected),
            (Answer(200, b"<html>"), OutcomeUnknown),
            (Answer(200, b'{"messages": []}'), OutcomeUnknown),
            (Answer(200, b"[]"), OutcomeUnknown),
            (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), Misconfigured),
            (Answer(0, broken=True), OutcomeUnknown),
        ]
        conformance.check_error_tree(channel, text(), loopback.always, cases)
        assert len(loopback.seen) == len(cases), "a send was repeated"


class TestSend:
    def test_request_and_receipt(self, channel: WhatsAppCloud, loopback: Any) -> None:
        receipt = channel.send(text(reply_to="wamid.in1"))
        (seen,) = loopback.seen
        assert (seen.method, seen.path) == ("POST", "/v25.0/106540352242922/messages")
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.json == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+85291234567",
            "type": "text",
            "text": {"body": "你好"},
            "context": {"message_id": "wamid.in1"},
            "biz_opaque_callback_data": "out-17",
        }
        assert receipt.external_id == "wamid.out1" and not receipt.held
        assert receipt.addresses == (MEI, MEI_USER)

    def test_products_are_in_the_accounts_catalogue(self, channel: WhatsAppCloud, loopback: Any) -> None:
        def header(**more: str) -> dict[str, Any]:
            return {"type": "header", "parameters": [{"type": "product", "product": {"product_retailer_id": "A1", **more}}]}

        cards = [{"card_index": 0, "components": [header()]}, {"card_index": 1, "components": [header(catalog_id="own")]}]
        content = {"name": "new_in", "language": "zh_HK", "components": [header(), {"type": "carousel", "cards": cards}]}
        with pytest.raises(Rejected, match="catalogue's ID is missing"):
            channel.send(text(kind="template", content=content))
        channel_at(loopback.url, catalog_id="9").send(text(kind="template", content=content))
        (seen,) = loopback.seen
        sent = seen.json["template"]["components"]
        of_card = [card["components"][0]["parameters"][0]["product"]["catalog_id"] for card in sent[1]["cards"]]
        assert (sent[0]["parameters"][0]["product"]["catalog_id"], of_card) == ("9", ["9", "own"])

    def test_held_message_is_told(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.say({**SENT, "messages": [{"id": "wamid.out2", "message_status": "held_for_quality_assessment"}]})
        assert channel.send(text()).held

    def test_refused_connection_is_unreachable(self, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            channel_at(refused_url).send(text())

    def test_lost_answer_leaves_one_request(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.always(Answer(0, broken=True))
        with pytest.raises(OutcomeUnknown):
            channel.send(text())
        assert len(loopback.seen) == 1

    def test_detail_is_cut_and_token_unlogged(self, channel: WhatsAppCloud, loopback: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        loopback.always(graph(100, error_data={"details": "x" * 5000}))
        with pytest.raises(Rejected) as caught:
            channel.send(text("祕密"))
        assert len(caught.value.detail) == 500
        assert TOKEN not in caplog.text and "祕密" not in caplog.text and TOKEN not in str(caught.value)

    def test_mark_read_with_typing(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.answers += [Answer(503), Answer(200, b'{"success": true}')]
        channel.mark_read("wamid.in1", typing=True)
        assert loopback.seen[1].json == {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": "wamid.in1",
            "typing_indicator": {"type": "text"},
        }


class TestCompose:
    def test_user_id_is_a_recipient(self) -> None:
        body = compose(text(to=MEI_USER))
        assert body["recipient"] == MEI_USER.value and "to" not in body

    @pytest.mark.parametrize("address", [Address("username", "mei"), Address("line_user", "U1"), Address("whatsapp", "no digits")])
    def test_others_cannot_be_written_to(self, address: Address) -> None:
        with pytest.raises(Rejected):
            compose(text(to=address))

    def test_list(self) -> None:
        content = {
            "type": "list",
            "header": "分店",
            "body": "選一間",
            "button": "看",
            "sections": [{"title": "九龍", "rows": [{"id": "tst", "title": "尖沙咀", "description": "24h"}]}],
        }
        built = compose(text(kind="interactive", content=content))["interactive"]
        assert built == {
            "type": "list",
            "header": {"type": "text", "text": "分店"},
            "body": {"text": "選一間"},
            "action": {"button": "看", "sections": [{"title": "九龍", "rows": [{"id": "tst", "title": "尖沙咀", "description": "24h"}]}]},
        }

    def test_buttons_with_a_picture(self) -> None:
        content = {
            "type": "button",
            "header": {"type": "image", "id": "5"},
            "body": "b",
            "footer": "f",
            "buttons": [{"id": "1", "title": "要"}, {"id": "2", "title": "不要"}],
        }
        built = compose(text(kind="interactive", content=content))["interactive"]
        assert built["header"] == {"type": "image", "image": {"id": "5"}} and built["footer"] == {"text": "f"}
        assert [each["reply"]["id"] for each in built["action"]["buttons"]] == ["1", "2"]

    def test_location_request_and_link_button(self) -> None:
        assert compose(text(kind="interactive", content={"type": "location_request", "body": "在哪?"}))["interactive"] == {
            "type": "location_request_message",
            "body": {"text": "在哪?"},
            "action": {"name": "send_location"},
        }
        link = compose(text(kind="interactive", content={"type": "cta_url", "body": "b", "label": "追蹤", "url": "https://t.example/1"}))[
            "interactive"
        ]
        assert link["action"] == {"name": "cta_url", "parameters": {"display_text": "追蹤", "url": "https://t.example/1"}}

    def test_template_and_media(self) -> None:
        assert compose(SAMPLES[6])["template"]["language"] == {"code": "zh_HK"}
        assert compose(text(kind="document", content={"link": "https://x.example/a.pdf", "caption": "發票", "filename": "a.pdf"}))[
            "document"
        ] == {
            "link": "https://x.example/a.pdf",
            "caption": "發票",
            "filename": "a.pdf",
        }

    def test_withdrawn_reaction_has_no_context(self) -> None:
        body = compose(text(kind="reaction", content={"message_id": "wamid.in1", "emoji": ""}, reply_to="wamid.in1"))
        assert body["reaction"] == {"message_id": "wamid.in1", "emoji": ""} and "context" not in body

    def test_limits_are_met_exactly(self) -> None:
        assert len(compose(text("字" * 4096))["text"]["body"]) == 4096
        rows = [{"id": str(number), "title": "t" * 24, "description": "d" * 72} for number in range(10)]
        compose(text(kind="interactive", content={"type": "list", "body": "b" * 4096, "button": "b" * 20, "sections": [{"rows": rows}]}))

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("text", {"body": "字" * 4097}),
            ("text", {"body": "  "}),
            ("text", {}),
            ("image", {}),
            ("image", {"id": "1", "link": "https://x.example"}),
            ("image", {"link": "javascript:alert(1)"}),
            ("image", {"id": "1", "caption": "c" * 1025}),
            ("audio", {"id": "1", "caption": "c"}),
            ("template", {"name": "Order Update", "language": "en"}),
            ("template", {"name": "order_update"}),
            ("location", {"latitude": "north", "longitude": 1}),
            ("location", {"latitude": 91, "longitude": 1}),
            ("reaction", {"emoji": "👍"}),
            ("interactive", {"type": "carousel"}),
            ("interactive", {"type": "button", "body": "b", "buttons": []}),
            ("interactive", {"type": "button", "body": "b", "buttons": [{"id": str(number), "title": str(number)} for number in range(4)]}),
            ("interactive", {"type": "button", "body": "b", "buttons": [{"id": "1", "title": "t" * 21}]}),
            ("interactive", {"type": "button", "body": "b", "buttons": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]}),
            ("interactive", {"type": "button", "body": "b" * 1025, "buttons": [{"id": "1", "title": "a"}]}),
            (
                "interactive",
                {
                    "type": "list",
                    "body": "b",
                    "button": "x",
                    "sections": [{"rows": [{"id": str(number), "title": "t"} for number in range(11)]}],
                },
            ),
            ("interactive", {"type": "list", "body": "b", "button": "x", "sections": []}),
            (
                "interactive",
                {
                    "type": "list",
                    "body": "b",
                    "button": "x",
                    "sections": [{"rows": [{"id": "1", "title": "a"}]}, {"rows": [{"id": "2", "title": "b"}]}],
                },
            ),
            ("interactive", {"type": "cta_url", "body": "b", "label": "x", "url": "tel:1"}),
            ("hologram", {}),
        ],
    )
    def test_what_the_platform_would_refuse_is_rejected_here(self, kind: str, content: dict[str, Any]) -> None:
        with pytest.raises(Rejected) as caught:
            compose(text(kind=kind, content=content))
        assert len(caught.value.title) > 10


class TestFiles:
    PICTURE = b"\xff\xd8 picture"
    DIGEST = hashlib.sha256(PICTURE)

    def _describe(self, loopback: Any, **parts: Any) -> None:
        loopback.say({"url": f"{loopback.url}/file/1", "mime_type": "image/jpeg", "id": "77", **parts})

    def test_upload(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.say({"id": "1037543291543636"})
        assert channel.upload(self.PICTURE, "image/jpeg", "照片.jpg") == "1037543291543636"
        (seen,) = loopback.seen
        assert seen.path == "/v25.0/106540352242922/media" and seen.headers["content-type"].startswith("multipart/form-data")
        assert self.PICTURE in seen.body and b'name="messaging_product"' in seen.body and b"image/jpeg" in seen.body

    def test_lost_upload_may_be_repeated(self, channel: WhatsAppCloud, loopback: Any) -> None:
        for answer in (Answer(0, broken=True), Answer(500), Answer(200, b"{}")):
            loopback.always(answer)
            with pytest.raises(TryLater):
                channel.upload(self.PICTURE, "image/jpeg", "a.jpg")

    @pytest.mark.parametrize("stated", ["hex", "base64", "", "a1b2c3d4e5f6..."])
    def test_download_in_two_steps(self, channel: WhatsAppCloud, loopback: Any, stated: str) -> None:
        sha256 = {"hex": self.DIGEST.hexdigest(), "base64": base64.b64encode(self.DIGEST.digest()).decode()}.get(stated, stated)
        self._describe(loopback, sha256=sha256)
        loopback.answers.append(Answer(200, self.PICTURE, {"Content-Type": "image/jpeg"}))
        media = channel.download(MediaRef("77", "image", sha256=sha256))
        assert (media.content, media.sha256, media.mime_type) == (self.PICTURE, self.DIGEST.hexdigest(), "image/jpeg")
        assert [seen.path for seen in loopback.seen] == ["/v25.0/77", "/file/1"]
        assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in loopback.seen)

    def test_damaged_file_is_fetched_again_later(self, channel: WhatsAppCloud, loopback: Any) -> None:
        self._describe(loopback, sha256=self.DIGEST.hexdigest())
        loopback.answers.append(Answer(200, b"other"))
        with pytest.raises(TryLater, match="damaged"):
            channel.download(MediaRef("77", "image"))

    @pytest.mark.parametrize("answer", [Answer(404), graph(100), graph(100, error_subcode=33)])
    def test_expired_id_is_gone(self, channel: WhatsAppCloud, loopback: Any, answer: Answer) -> None:
        loopback.always(answer)
        with pytest.raises(Gone):
            channel.download(MediaRef("77", "image"))

    def test_expired_address_is_gone(self, channel: WhatsAppCloud, loopback: Any) -> None:
        self._describe(loopback)
        loopback.answers.append(Answer(404))
        with pytest.raises(Gone):
            channel.download(MediaRef("77", "image"))

    @pytest.mark.parametrize("external_id", ["../v25.0/me", "1?fields=x", "a/b", "號"])
    def test_id_cannot_lead_elsewhere(self, channel: WhatsAppCloud, loopback: Any, external_id: str) -> None:
        with pytest.raises(Gone):
            channel.download(MediaRef(external_id, "image"))
        assert not loopback.seen

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/x",
            "http://lookaside.fbsbx.com/x",
            "https://fbsbx.com.evil.example/x",
            "https://notfacebook.com/x",
            "http://127.0.0.1:1/x",
            "https://graph.facebook.com@evil.example/",
            "https://[::1/x",
            "file:///etc/passwd",
        ],
    )
    def test_token_goes_to_no_other_host(self, channel: WhatsAppCloud, loopback: Any, url: str) -> None:
        loopback.say({"url": url})
        with pytest.raises(Misconfigured):
            channel.download(MediaRef("77", "image"))
        assert len(loopback.seen) == 1

    @pytest.mark.parametrize("url", ["https://lookaside.fbsbx.com/x", "https://scontent.xx.fbcdn.net/x", "https://graph.facebook.com/x"])
    def test_token_goes_to_metas_hosts(self, channel: WhatsAppCloud, url: str) -> None:
        assert channel._authority_for(url) == {"authorization": f"Bearer {TOKEN}"}


class TestAccount:
    def _page(self, loopback: Any, name: str, after: str = "") -> None:
        paging = (
            {"cursors": {"after": after}, "next": f"https://graph.facebook.com/v25.0/1/message_templates?access_token=x&after={after}"}
            if after
            else {"cursors": {"after": "end"}}
        )
        loopback.say(
            {
                "data": [
                    {
                        "id": 594425479261596,
                        "name": name,
                        "language": "ja",
                        "status": "APPROVED",
                        "category": "UTILITY",
                        "components": [{"type": "BODY"}],
                        "quality_score": {"score": "GREEN"},
                    }
                ],
                "paging": paging,
            }
        )

    def test_templates_of_every_page(self, channel: WhatsAppCloud, loopback: Any) -> None:
        self._page(loopback, "a", "c1")
        self._page(loopback, "b", "c2")
        self._page(loopback, "c")
        found = channel.templates()
        assert [each["name"] for each in found] == ["a", "b", "c"]
        assert [seen.query.get("after") for seen in loopback.seen] == [None, "c1", "c2"]
        assert {
            "external_id": "594425479261596",
            "language": "ja",
            "category": "UTILITY",
            "status": "APPROVED",
            "quality": "GREEN",
        }.items() <= found[0].items()

    def test_cursor_that_turns_in_a_circle_ends(self, channel: WhatsAppCloud, loopback: Any) -> None:
        for _ in range(3):
            self._page(loopback, "a", "c1")
        assert len(channel.templates()) == 2

    def test_failed_page_is_an_error(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.always(Answer(500, b"<html>"))
        with pytest.raises(TryLater):
            channel.templates()

    def test_health(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.say(
            {
                "id": "1",
                "verified_name": "好物店",
                "display_phone_number": "+852 3123 0000",
                "quality_rating": "GREEN",
                "throughput": {"level": "STANDARD"},
                "status": "CONNECTED",
            }
        )
        health = channel.check()
        assert (
            health.ok
            and health.facts["throughput"] == "STANDARD"
            and health.facts["quality_rating"] == "GREEN"
            and "好物店" in health.detail
        )
        assert health.latency > timedelta(0) and "quality_rating" in loopback.seen[0].query["fields"]

    def test_banned_number_is_not_well(self, channel: WhatsAppCloud, loopback: Any) -> None:
        loopback.say({"status": "BANNED"})
        assert not channel.check().ok

    @pytest.mark.parametrize(
        ("answer", "error"), [(graph(190, 401), NeedsLogin), (graph(100, 400, error_subcode=33), Misconfigured), (Answer(503), TryLater)]
    )
    def test_failed_test_call_raises(self, channel: WhatsAppCloud, loopback: Any, answer: Answer, error: type[ConnectorError]) -> None:
        loopback.always(answer)
        with pytest.raises(error):
            channel.check()

    def test_handshake(self, channel: WhatsAppCloud) -> None:
        query = {"hub.mode": "subscribe", "hub.verify_token": "港", "hub.challenge": "1158201444"}
        assert channel.handshake(query) == "1158201444"
        for change in (
            {"hub.mode": "x"},
            {"hub.verify_token": "港x"},
            {"hub.verify_token": ""},
            {"hub.challenge": "<script>"},
            {"hub.challenge": ""},
            {"hub.verify_token": "\ud800"},
        ):
            assert channel.handshake(query | change) is None
        assert channel.handshake({}) is None

    def test_handshake_without_a_token_opens_nothing(self) -> None:
        assert (
            WhatsAppCloud(Account("whatsapp_cloud")).handshake({"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"})
            is None
        )
