"""Webhooks out: signed bytes, statuses, batches, repeats."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import override_settings

from scrm.sandbox import faults, history, play, receipts, updates
from scrm.sandbox.deliverer import Answer, Deliverer, claim_due, gap_after, record
from scrm.sandbox.models import Chat, Message, Number, PendingUpdate, Person, WebhookDelivery
from tests.sandbox.conftest import Graph, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LATER = 3600.0


def packed() -> list[dict[str, Any]]:
    """All that is waiting, as bodies."""
    updates.pack_due(now=time.time() + LATER)
    return [json.loads(bytes(d.body)) for d in WebhookDelivery.objects.order_by("pk")]


def values(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [change["value"] for body in bodies for entry in body["entry"] for change in entry["changes"]]


def played() -> list[dict[str, Any]]:
    return [sent for value in values(packed()) for sent in value.get("messages", [])]


def statuses() -> list[dict[str, Any]]:
    return [status for value in values(packed()) for status in value.get("statuses", [])]


class TestBodies:
    def test_a_message_carries_number_person_and_text(self, hongkong: Number, tai_man: Person) -> None:
        (value,) = values(packed())
        assert value["metadata"] == {"display_phone_number": "85268102244", "phone_number_id": hongkong.phone_number_id}
        assert value["contacts"] == [{"profile": {"name": "陳大文"}, "wa_id": tai_man.phone, "user_id": tai_man.user_id}]
        (sent,) = value["messages"]
        assert sent["from"] == tai_man.phone
        assert sent["text"] == {"body": "我的包裹到哪裡了？"}
        assert sent["timestamp"].isdecimal()

    def test_somebody_without_a_phone_number_has_no_from_and_no_wa_id(self, wing_lam: Person) -> None:
        (value,) = values(packed())
        assert "wa_id" not in value["contacts"][0]
        assert value["contacts"][0]["profile"]["username"] == wing_lam.username
        assert "from" not in value["messages"][0]
        assert value["messages"][0]["from_user_id"] == wing_lam.user_id

    def test_bytes_are_ascii_with_escapes_and_the_signature_covers_them(self, hongkong: Number, tai_man: Person) -> None:
        play.say(tai_man, hongkong, text="多謝😊")
        packed()
        delivery = WebhookDelivery.objects.order_by("-pk")[0]
        body = bytes(delivery.body)
        assert max(body) < 0x80
        assert rb"\ud83d\ude0a" in body
        expected = hmac.new(hongkong.app_secret.encode(), body, hashlib.sha256).hexdigest()
        assert delivery.signature == f"sha256={expected}"

    def test_a_button_answer_quotes_the_message_that_offered_it(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        buttons = [{"type": "reply", "reply": {"id": "y", "title": "滿意"}}]
        interactive = {"type": "button", "body": {"text": "滿意嗎？"}, "action": {"buttons": buttons}}
        graph("messages", message(tai_man, "interactive", interactive))
        asked = Message.objects.get(kind="interactive")
        play.tap_button(tai_man, asked, "y")
        sent = played()[-1]
        assert sent["interactive"] == {"type": "button_reply", "button_reply": {"id": "y", "title": "滿意"}}
        assert sent["context"] == {"from": hongkong.digits, "id": asked.wamid}
        with pytest.raises(ValueError, match="no choice"):
            play.tap_button(tai_man, asked, "z")

    def test_a_templates_quick_reply_comes_as_a_button_with_its_payload(self, graph: Graph, tai_man: Person) -> None:
        components = [
            {"type": "body", "parameters": [{"type": "text", "text": "陳生"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [{"type": "payload", "payload": "LATER"}]},
        ]
        graph("messages", message(tai_man, "template", {"name": "continue_chat", "language": {"code": "zh_HK"}, "components": components}))
        play.tap_button(tai_man, Message.objects.get(kind="template"), "1")
        sent = played()[-1]
        assert (sent["type"], sent["button"]) == ("button", {"text": "遲些再說", "payload": "LATER"})

    def test_a_changed_number_brings_a_new_user_id(self, tai_man: Person) -> None:
        before = tai_man.user_id
        play.change_phone(tai_man, "85291112222")
        notice = played()[-1]
        assert notice["system"]["previous_user_id"] == before
        assert notice["system"]["user_id"] == tai_man.user_id != before


class TestStatuses:
    def test_sent_and_delivered_follow_and_echo_the_senders_reference(self, graph: Graph, tai_man: Person) -> None:
        graph("messages", message(tai_man, "text", {"body": "好"}, biz_opaque_callback_data="outbox-7"))
        seen = statuses()
        assert [s["status"] for s in seen] == ["sent", "delivered"]
        assert {s["biz_opaque_callback_data"] for s in seen} == {"outbox-7"}
        assert seen[0]["pricing"]["category"] == "service"
        assert seen[0]["recipient_id"] == tai_man.phone

    def test_opening_the_chat_reads_once(self, graph: Graph, tai_man: Person) -> None:
        graph("messages", message(tai_man, "text", {"body": "好"}))
        chat = Chat.objects.select_related("number__faults", "person").get(person=tai_man)
        assert chat.unread == 1
        assert receipts.read_chat(chat) == 1
        assert receipts.read_chat(Chat.objects.select_related("number__faults", "person").get(pk=chat.pk)) == 0
        assert [s["status"] for s in statuses()] == ["sent", "delivered", "read"]

    def test_some_customers_read_at_once(self, graph: Graph) -> None:
        ka_yan = Person.objects.get(name="李嘉欣", auto_read=True)
        play.say(ka_yan, "sandbox-hk", text="你好")
        graph("messages", message(ka_yan, "text", {"body": "好"}))
        assert [s["status"] for s in statuses()] == ["sent", "delivered", "read"]

    def test_a_failure_comes_with_its_code_and_without_contacts(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"failed_rates": {"131026": 100}})
        answer = graph("messages", message(tai_man, "text", {"body": "好"}))
        assert answer.status_code == 200
        failed = values(packed())[-1]
        assert failed["statuses"][0]["errors"][0]["code"] == 131026
        assert "contacts" not in failed

    def test_receipts_can_be_lost(self, graph: Graph, hongkong: Number, tai_man: Person) -> None:
        faults.apply(hongkong, {"lost_receipt_percent": 100})
        graph("messages", message(tai_man, "text", {"body": "好"}))
        assert statuses() == []


class TestPacking:
    def say_many(self, person: Person, number: Number, count: int) -> None:
        for i in range(count):
            play.say(person, number, text=str(i))

    def texts(self) -> list[str]:
        return [m["text"]["body"] for value in values(packed()) for m in value["messages"]]

    def test_a_body_holds_up_to_the_batch_size(self, hongkong: Number) -> None:
        faults.apply(hongkong, {"batch_size": 4})
        self.say_many(Person.objects.get(name="陳大文"), hongkong, 10)
        assert [len(body["entry"][0]["changes"]) for body in packed()] == [4, 4, 2]

    def test_every_update_is_packed_once(self, hongkong: Number, tai_man: Person) -> None:
        assert len(packed()) == len(packed()) == 1
        assert not PendingUpdate.objects.exists()

    def test_shuffling_and_duplicating_lose_nothing(self, hongkong: Number) -> None:
        faults.apply(hongkong, {"shuffle": True, "duplicate_percent": 100})
        self.say_many(Person.objects.get(name="陳大文"), hongkong, 8)
        texts = self.texts()
        assert sorted(texts) == sorted([str(i) for i in range(8)] * 2)
        assert texts != sorted(texts)

    def test_updates_of_two_numbers_never_share_a_body(self, tai_man: Person) -> None:
        Number.objects.get(slug="sandbox-tw")
        play.say(tai_man, "sandbox-tw", text="台灣")
        assert len({body["entry"][0]["id"] for body in packed()}) == 2


class TestDelivery:
    def test_a_body_is_claimed_once_until_its_lease_ends(self, tai_man: Person) -> None:
        updates.pack_due()
        now = time.time()
        assert len(claim_due(now=now)) == 1
        assert claim_due(now=now + 1) == []
        assert len(claim_due(now=now + 60)) == 1

    @pytest.mark.parametrize("status", [0, 201, 204, 302, 403, 500, 503])
    def test_anything_but_200_is_tried_again(self, tai_man: Person, status: int) -> None:
        updates.pack_due()
        record([(delivery, Answer(status, "")) for delivery in claim_due()])
        (delivery,) = WebhookDelivery.objects.all()
        assert delivery.state == "waiting"
        assert delivery.due_at > time.time() + 0.3
        assert Message.objects.get().state == "posted"

    def test_200_ticks_the_message(self, tai_man: Person) -> None:
        updates.pack_due()
        record([(delivery, Answer(200, "")) for delivery in claim_due()])
        assert Message.objects.get().state == "acknowledged"
        assert history.summary()["inbound_acknowledged"] == 1

    def test_gaps_grow_to_half_a_minute(self) -> None:
        assert [gap_after(n) for n in (1, 2, 3, 4, 7, 100)] == [0.5, 1.0, 2.0, 4.0, 30.0, 30.0]


class Callback(BaseHTTPRequestHandler):
    """A product that fails once, then answers 200."""

    received: list[tuple[bytes, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((body, self.headers["X-Hub-Signature-256"]))
        self.send_response(200 if len(self.received) > 1 else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def callback() -> Iterator[ThreadingHTTPServer]:
    Callback.received = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


class TestOverTheWire:
    def test_a_body_is_repeated_unchanged_until_it_is_taken(self, callback: ThreadingHTTPServer, tai_man: Person) -> None:
        with override_settings(PUBLIC_URL=f"http://127.0.0.1:{callback.server_port}"):
            deliverer = Deliverer()
            assert deliverer.step() == 1
            WebhookDelivery.objects.update(due_at=0)
            assert deliverer.step() == 1
        first, second = Callback.received
        assert first == second
        assert re.fullmatch(r"sha256=[0-9a-f]{64}", first[1])
        assert WebhookDelivery.objects.get().state == "delivered"
        answers = [entry["answer"] for entry in history.page(0, "webhook", 10)]
        assert answers == [500, 200]
