"""Webhooks of gateways: let in by a secret in a header or in the address, and read into the same rows as everybody's."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from connectors.conformance import little_patience
from scrm.connections.models import Connection
from scrm.connections.services import explain_error, forget
from scrm.conversations import outbox, services
from scrm.conversations.models import Attachment, Message
from scrm.core import jobs
from scrm.intake import spool, views
from scrm.intake.models import InboundEvent
from tests.people import agent

pytestmark = pytest.mark.django_db

SECRET = "a-long-word-for-webhooks-77"
NUMBER, INSTANCE = "106540352242922", "214017"


def provider(slug: str = "hk-bsp") -> Connection:
    return Connection.objects.create(
        slug=slug,
        label="Harbour Beauty HK",
        kind="channel",
        adapter="whatsapp_bsp",
        account_id=NUMBER,
        settings={"base_url": "http://127.0.0.1:9", "phone_number_id": NUMBER},
        secrets={"api_key": "key-of-the-provider", "webhook_secret": SECRET},
        country="HK",
        time_zone="Asia/Hong_Kong",
    )


def gateway(slug: str = "tw-chat") -> Connection:
    return Connection.objects.create(
        slug=slug,
        label="好物店",
        kind="channel",
        adapter="chatapi",
        account_id=INSTANCE,
        settings={"base_url": f"http://127.0.0.1:9/instance{INSTANCE}"},
        secrets={"token": "token-of-the-gateway", "webhook_secret": SECRET},
        country="TW",
        time_zone="Asia/Taipei",
    )


def cloud_body(text: str = "我的包裹在哪裡?", **message: Any) -> bytes:
    said = {"from": "85291234567", "id": "wamid.BSP1", "timestamp": "1795000000", "type": "text", "text": {"body": text}, **message}
    contact = {"wa_id": "85291234567", "profile": {"name": "陳大文"}}
    value = {"metadata": {"phone_number_id": NUMBER}, "contacts": [contact], "messages": [said]}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    ).encode()


def chat_message(**parts: Any) -> dict[str, Any]:
    return {
        "id": "false_886912345678@c.us_3EB0A1",
        "body": "請問有現貨嗎?",
        "type": "chat",
        "fromMe": False,
        "author": "886912345678@c.us",
        "chatId": "886912345678@c.us",
        "senderName": "林小姐",
        "time": 1_795_000_000,
        **parts,
    }


def chat_body(*messages: dict[str, Any], **parts: Any) -> bytes:
    return json.dumps({"instanceId": INSTANCE, "messages": messages, **parts}).encode()


def post(path: str, body: bytes, **headers: str) -> int:
    return Client().post(path, data=body, content_type="application/json", headers=headers).status_code


class Door:
    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            ("", {"X-Webhook-Token": SECRET}),
            ("", {"Authorization": f"Bearer {SECRET}"}),
            (f"?token={SECRET}", {}),
            (f"?a=1&token={SECRET}", {}),
        ],
    )
    def test_lets_in_who_knows_the_word(self, query, headers):
        provider()
        gateway()
        assert post(f"/webhooks/whatsapp/hk-bsp/{query}", cloud_body(), **headers) == 200
        assert post(f"/webhooks/chatapi/tw-chat/{query}", chat_body(chat_message()), **headers) == 200
        assert InboundEvent.objects.count() == 2

    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            ("", {}),
            ("?token=", {}),
            ("?token=wrong", {}),
            ("?token=%00", {}),
            (f"?Token={SECRET}", {}),
            (f"?token={SECRET}", {"X-Webhook-Token": "wrong"}),
            ("", {"Authorization": f"Basic {SECRET}"}),
            ("", {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
        ],
    )
    def test_refuses_everybody_else_and_stores_nothing(self, query, headers):
        provider()
        gateway()
        assert post(f"/webhooks/whatsapp/hk-bsp/{query}", cloud_body(), **headers) == 403
        assert post(f"/webhooks/chatapi/tw-chat/{query}", chat_body(chat_message()), **headers) == 403
        assert not InboundEvent.objects.exists()

    def test_refuses_everybody_while_no_word_was_entered(self):
        made = gateway()
        made.secrets = {"token": "token-of-the-gateway"}
        made.save()
        assert post("/webhooks/chatapi/tw-chat/?token=", chat_body(chat_message())) == 403

    def test_has_no_subscription_check(self):
        provider()
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": SECRET}
        assert Client().get("/webhooks/whatsapp/hk-bsp/", query).status_code == 403

    @pytest.mark.parametrize("path", ["/webhooks/whatsapp/tw-chat/", "/webhooks/chatapi/hk-bsp/", "/webhooks/line/tw-chat/"])
    def test_is_found_under_its_own_kind_only(self, path):
        provider()
        gateway()
        assert post(path, b"{}", **{"X-Webhook-Token": SECRET}) == 404

    def test_a_word_in_the_address_does_not_help_with_meta(self):
        Connection.objects.create(slug="hk", label="HK", kind="channel", adapter="whatsapp_cloud", secrets={"app_secret": SECRET})
        assert post(f"/webhooks/whatsapp/hk/?token={SECRET}", cloud_body(), **{"X-Webhook-Token": SECRET}) == 403


class Outage:
    @pytest.fixture
    def folder(self, settings, tmp_path):
        settings.SPOOL_DIR = tmp_path / "spool"
        settings.SPOOL_LEAST_FREE_BYTES = 0
        return settings.SPOOL_DIR

    def test_leaves_no_word_on_the_disk(self, folder, monkeypatch):
        def away(*args: object) -> None:
            raise OperationalError("the database system is shutting down")

        gateway()
        post("/webhooks/chatapi/tw-chat/", chat_body(), **{"X-Webhook-Token": SECRET})
        with monkeypatch.context() as patched:
            patched.setattr(views, "_insert", away)
            patched.setattr(views.database, "close", lambda: None)
            assert post("/webhooks/chatapi/tw-chat/", chat_body(chat_message()), **{"X-Webhook-Token": SECRET}) == 200
        (file,) = [each for each in folder.iterdir() if each.suffix == ".body"]
        assert SECRET.encode() not in file.read_bytes()
        assert spool.empty() == 1
        jobs.run_everything_due()
        assert Message.objects.get(direction="in").text == "請問有現貨嗎?"


class Rows:
    def take(self, path: str, body: bytes) -> None:
        assert post(path, body, **{"X-Webhook-Token": SECRET}) == 200
        jobs.run_everything_due()

    def test_of_a_provider_are_those_of_whatsapp(self):
        provider()
        self.take("/webhooks/whatsapp/hk-bsp/", cloud_body())
        message = Message.objects.get()
        assert (message.text, message.external_id, message.connection.slug) == ("我的包裹在哪裡?", "wamid.BSP1", "hk-bsp")
        assert message.conversation.identity.value == "85291234567" and message.conversation.identity.contact.name == "陳大文"

    def test_of_a_gateway_are_a_message_once(self):
        gateway()
        for _ in range(3):
            self.take("/webhooks/chatapi/tw-chat/", chat_body(chat_message()))
        message = Message.objects.get()
        assert (message.text, message.conversation.identity.value) == ("請問有現貨嗎?", "886912345678")

    def test_of_one_person_on_both_are_one_contact(self):
        provider()
        gateway()
        self.take("/webhooks/whatsapp/hk-bsp/", cloud_body())
        self.take("/webhooks/chatapi/tw-chat/", chat_body(chat_message(chatId="85291234567@c.us", author="85291234567@c.us")))
        first, second = Message.objects.order_by("pk")
        assert first.conversation.identity.contact_id == second.conversation.identity.contact_id
        assert first.conversation_id != second.conversation_id

    def test_of_a_file_wait_for_its_fetching(self):
        gateway()
        link = "https://files.gateway.example/a.jpg"
        self.take("/webhooks/chatapi/tw-chat/", chat_body(chat_message(type="image", body=link, caption="壞了")))
        attachment = Attachment.objects.get()
        assert (attachment.external_id, attachment.kind, attachment.message.text) == (link, "image", "壞了")

    def test_of_the_phones_own_typing_are_outgoing(self):
        gateway()
        self.take("/webhooks/chatapi/tw-chat/", chat_body(chat_message(fromMe=True, id="true_886912345678@c.us_3EB0T", body="有的!")))
        message = Message.objects.get()
        assert (message.direction, message.text) == ("out", "有的!")

    def test_of_statuses_for_an_unknown_message_are_kept(self):
        gateway()
        ack = {"id": "true_886912345678@c.us_3EB0X", "chatId": "886912345678@c.us", "status": "viewed"}
        self.take("/webhooks/chatapi/tw-chat/", chat_body(ack=[ack]))
        assert InboundEvent.objects.get().item_count == 1 and not Message.objects.exists()

    def test_of_garbage_are_parked_beside_the_good(self):
        gateway()
        body = json.dumps({"instanceId": INSTANCE, "messages": [None, chat_message(), {"id": []}]}).encode()
        self.take("/webhooks/chatapi/tw-chat/", body)
        assert InboundEvent.objects.get().item_count == 3 and Message.objects.count() == 1

    def test_of_another_instance_are_not_mixed_in(self):
        gateway()
        self.take("/webhooks/chatapi/tw-chat/", json.dumps({"instanceId": "999999", "messages": [chat_message()]}).encode())
        assert not Message.objects.exists()


class Gateway:
    """A gateway on loopback: `answer` decides, `calls` keeps what arrived."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answer: tuple[int, Any] = (200, {"sent": True, "id": "true_886912345678@c.us_3EB0OUT", "message": "ok"})
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
                outer.calls.append((self.path.partition("?")[0], given))
                time.sleep(outer.delay)
                status, document = outer.answer
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):  # who did not wait is gone
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """The test's output stays clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def remote():
    made = Gateway()
    yield made
    made.close()


class Sends:
    def ask(self, remote: Gateway, text: str = "有現貨,明天寄出") -> Message:
        """Lin has asked, an agent answers."""
        connection = Connection.objects.filter(slug="tw-chat").first() or gateway()
        connection.settings = {"base_url": f"{remote.url}/instance{INSTANCE}"}
        connection.save()
        forget()
        if not Message.objects.filter(direction="in").exists():
            post("/webhooks/chatapi/tw-chat/", chat_body(chat_message(time=int(time.time()))), **{"X-Webhook-Token": SECRET})
            jobs.run_everything_due()
        chat = Message.objects.filter(direction="in").get().conversation
        return services.queue_message(chat, text=text, source="agent", by=agent(), idempotency_key=f"key {text}").message

    def test_leave_in_the_dialect_and_their_receipts_are_joined(self, remote):
        message = self.ask(remote)
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, message.external_id) == ("accepted", "true_886912345678@c.us_3EB0OUT")
        (path, sent) = remote.calls[0]
        assert path == f"/instance{INSTANCE}/sendMessage" and sent == {"chatId": "886912345678@c.us", "body": "有現貨,明天寄出"}
        own = chat_message(fromMe=True, self=1, id=message.external_id, body=message.text)
        acks = [{"id": message.external_id, "chatId": "886912345678@c.us", "status": status} for status in ("delivered", "viewed")]
        post("/webhooks/chatapi/tw-chat/", chat_body(own, ack=acks), **{"X-Webhook-Token": SECRET})
        jobs.run_everything_due()
        message.refresh_from_db()
        assert message.state == "read" and Message.objects.filter(direction="out").count() == 1

    def test_outside_a_window_leave_as_well_for_a_gateway_has_none(self, remote):
        message = self.ask(remote)
        type(message.conversation).objects.update(window_expires_at=None)
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "accepted"

    def test_to_an_invalid_number_fail_with_the_code_in_plain_words(self, remote):
        remote.answer = (200, {"sent": False, "message": "510 recipient number invalid"})
        message = self.ask(remote)
        outbox.send_due()
        message.refresh_from_db()
        assert (message.state, message.error_code) == ("failed", "510")
        meaning, advice = explain_error(message.connection, message.error_code)
        assert "invalid" in meaning and "Check the number" in advice

    def test_that_nobody_answered_are_unknown_and_never_repeated(self, remote):
        message = self.ask(remote)
        remote.delay = 0.8
        with little_patience():
            outbox.send_due()
            outbox.send_due()
        message.refresh_from_db()
        assert (message.state, len(remote.calls)) == ("unknown", 1)

    def test_wait_while_the_phone_is_logged_out(self, remote):
        remote.answer = (200, {"sent": False, "message": "Scan the QR code first"})
        message = self.ask(remote)
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "queued" and message.connection.state != "active"
        assert len(remote.calls) == 1
        outbox.send_due()
        assert len(remote.calls) == 1
