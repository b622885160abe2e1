"""POST /{phone}/messages as the platform answers it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from scrm.sandbox import play
from scrm.sandbox.models import Chat, Message, MessageTemplate, Number, Person
from tests.sandbox.conftest import Graph, error_code, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HELLO = {"body": "陳先生，你好"}
BUTTONS = {
    "type": "button",
    "body": {"text": "滿意嗎？"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "滿意"}}]},
}
ORDER_UPDATE = {
    "name": "order_update",
    "language": {"code": "zh_HK"},
    "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "陳生"}, {"type": "text", "text": "A1024"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "A1024"}]},
    ],
}


def rows(count: int) -> list[dict[str, str]]:
    return [{"id": f"r{i}", "title": f"選項 {i}"} for i in range(count)]


def list_of(*sections: dict[str, Any]) -> dict[str, Any]:
    return {"type": "list", "body": {"text": "請選擇"}, "action": {"button": "選擇", "sections": list(sections)}}


class TestAcceptedSends:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("text", HELLO),
            ("text", {"body": "字" * 4096, "preview_url": True}),
            ("image", {"link": "https://cdn.example.com/serum.jpg", "caption": "精華"}),
            ("document", {"link": "https://cdn.example.com/a.pdf", "filename": "收據.pdf"}),
            ("location", {"latitude": 22.2783, "longitude": "114.1747", "name": "銅鑼灣店"}),
            ("contacts", [{"name": {"formatted_name": "門市"}, "phones": [{"phone": "+85228901234"}]}]),
            ("interactive", BUTTONS),
            ("interactive", list_of({"rows": rows(10)})),
            (
                "interactive",
                {
                    "type": "cta_url",
                    "body": {"text": "看"},
                    "action": {"name": "cta_url", "parameters": {"display_text": "看", "url": "https://a.example/"}},
                },
            ),
            ("interactive", {"type": "location_request_message", "body": {"text": "你在哪裡？"}, "action": {"name": "send_location"}}),
            ("template", ORDER_UPDATE),
        ],
    )
    def test_every_kind_of_the_contract_is_accepted(self, graph: Graph, tai_man: Person, kind: str, content: Any) -> None:
        answer = graph("messages", message(tai_man, kind, content))
        assert answer.status_code == 200, answer.content
        assert json.loads(answer.content)["contacts"][0]["wa_id"] == tai_man.phone

    def test_message_ids_are_unique_although_nothing_makes_a_repeat_idempotent(self, graph: Graph, tai_man: Person) -> None:
        body = message(tai_man, "text", HELLO, biz_opaque_callback_data="outbox-7")
        ids = {json.loads(graph("messages", body).content)["messages"][0]["id"] for _ in range(3)}
        assert len(ids) == 3

    def test_somebody_without_a_phone_number_is_reached_by_user_id(self, graph: Graph, wing_lam: Person) -> None:
        answer = json.loads(graph("messages", message(wing_lam, "text", HELLO)).content)
        assert answer["contacts"] == [{"input": wing_lam.user_id, "user_id": wing_lam.user_id}]

    def test_a_number_without_plus_gets_the_senders_country_code(self, graph: Graph, tai_man: Person) -> None:
        assert tai_man.phone is not None
        body = message(tai_man, "text", HELLO) | {"to": tai_man.phone.removeprefix("852")}
        assert graph("messages", body).status_code == 200

    def test_a_reply_in_context_must_quote_a_message_of_this_chat(self, graph: Graph, tai_man: Person, wing_lam: Person) -> None:
        own = Message.objects.get(person=tai_man).wamid
        foreign = Message.objects.get(person=wing_lam).wamid
        assert graph("messages", message(tai_man, "text", HELLO, context={"message_id": own})).status_code == 200
        assert error_code(graph("messages", message(tai_man, "text", HELLO, context={"message_id": foreign}))) == 131009


class TestRefusedSends:
    @pytest.mark.parametrize(
        ("kind", "content", "code"),
        [
            ("text", {"body": ""}, 100),
            ("text", {"body": "字" * 4097}, 100),
            ("text", {}, 131008),
            ("text", {"body": "好", "colour": "red"}, 100),
            ("text", {"body": 5}, 100),
            ("image", {"id": "1", "link": "https://a.example/x.jpg"}, 100),
            ("image", {}, 131008),
            ("image", {"id": "999999"}, 131009),
            ("image", {"link": "ftp://a.example/x.jpg"}, 100),
            ("interactive", BUTTONS | {"action": {"buttons": BUTTONS["action"]["buttons"] * 4}}, 131009),  # type: ignore[index]
            ("interactive", BUTTONS | {"action": {"buttons": BUTTONS["action"]["buttons"] * 2}}, 131009),  # type: ignore[index]
            ("interactive", list_of({"title": "甲", "rows": rows(6)}, {"title": "乙", "rows": rows(5)}), 131009),
            ("interactive", {"type": "hologram"}, 131009),
            ("location", {"latitude": 22.2}, 131008),
            ("contacts", [], 131009),
            ("reaction", {"message_id": "wamid.none", "emoji": "👍"}, 131009),
            ("carrier_pigeon", {"body": "x"}, 100),
        ],
    )
    def test_what_breaks_the_contract_is_refused_with_its_code(
        self, graph: Graph, tai_man: Person, kind: str, content: Any, code: int
    ) -> None:
        answer = graph("messages", message(tai_man, kind, content))
        assert (answer.status_code, error_code(answer)) == (400, code), answer.content

    def test_product_and_recipient_are_required(self, graph: Graph, tai_man: Person) -> None:
        whole = message(tai_man, "text", HELLO)
        for missing in ("messaging_product", "to"):
            assert error_code(graph("messages", {k: v for k, v in whole.items() if k != missing})) == 100

    def test_somebody_unknown_is_undeliverable(self, graph: Graph, tai_man: Person) -> None:
        assert error_code(graph("messages", message(tai_man, "text", HELLO) | {"to": "+85290000001"})) == 131026

    def test_outside_the_window_only_templates_pass(self, graph: Graph, tai_man: Person) -> None:
        Chat.objects.update(last_inbound_at=timezone.now() - timedelta(hours=24, seconds=1))
        assert error_code(graph("messages", message(tai_man, "text", HELLO))) == 131047
        assert graph("messages", message(tai_man, "template", ORDER_UPDATE)).status_code == 200

    def test_the_window_belongs_to_one_number(self, graph: Graph) -> None:
        yui = Person.objects.get(name="佐藤 結衣")
        play.say(yui, "sandbox-jp", text="こんにちは")
        assert error_code(graph("messages", message(yui, "text", HELLO))) == 131047

    def test_marketing_templates_stop_for_those_who_stopped_them(self, graph: Graph, tai_man: Person) -> None:
        offer = {"name": "weekly_offer", "language": {"code": "zh_HK"}}
        offer |= {"components": [{"type": "body", "parameters": [{"type": "text", "text": "陳生"}, {"type": "text", "text": "10%"}]}]}
        assert graph("messages", message(tai_man, "template", offer)).status_code == 200
        play.stop_marketing(tai_man, "sandbox-hk")
        assert error_code(graph("messages", message(tai_man, "template", offer))) == 131050
        assert graph("messages", message(tai_man, "template", ORDER_UPDATE)).status_code == 200

    def test_a_wrong_token_is_190_and_a_foreign_number_does_not_exist(self, graph: Graph, tai_man: Person) -> None:
        body = message(tai_man, "text", HELLO)
        wrong = graph("messages", body, token="EAAwrong")
        assert (wrong.status_code, error_code(wrong)) == (401, 190)
        foreign = graph(f"/{Number.objects.get(slug='sandbox-tw').phone_number_id}/messages", body)
        assert json.loads(foreign.content)["error"]["error_subcode"] == 33

    @pytest.mark.parametrize("raw", ["", "[]", "null", "{", "[" * 100_000, '{"messaging_product": "whatsapp", "to": "\\ud800"}', "\x00"])
    def test_bodies_that_are_no_proper_json_are_refused(self, client: Client, hongkong: Number, raw: str) -> None:
        address = f"/sandbox/graph/v25.0/{hongkong.phone_number_id}/messages"
        headers = {"Authorization": f"Bearer {hongkong.access_token}"}
        assert client.post(address, raw, content_type="application/json", headers=headers).status_code == 400


class TestTemplates:
    def change(self, **parts: Any) -> dict[str, Any]:
        return ORDER_UPDATE | parts

    def test_a_missing_language_is_132001_with_http_404(self, graph: Graph, tai_man: Person) -> None:
        answer = graph("messages", message(tai_man, "template", self.change(language={"code": "ko"})))
        assert (answer.status_code, error_code(answer)) == (404, 132001)

    def test_too_few_parameters_are_132000(self, graph: Graph, tai_man: Person) -> None:
        short = [{"type": "body", "parameters": [{"type": "text", "text": "陳生"}]}, ORDER_UPDATE["components"][1]]  # type: ignore[index]
        assert error_code(graph("messages", message(tai_man, "template", self.change(components=short)))) == 132000
        without_link = [ORDER_UPDATE["components"][0]]  # type: ignore[index]
        assert error_code(graph("messages", message(tai_man, "template", self.change(components=without_link)))) == 132000

    def test_a_line_break_in_a_parameter_is_132018(self, graph: Graph, tai_man: Person) -> None:
        broken = [{"type": "body", "parameters": [{"type": "text", "text": "陳\n生"}, {"type": "text", "text": "A"}]}]
        assert error_code(graph("messages", message(tai_man, "template", self.change(components=broken)))) == 132018

    @pytest.mark.parametrize(("status", "code"), [("PENDING", 132001), ("PAUSED", 132015), ("DISABLED", 132016)])
    def test_a_template_that_is_not_approved_is_refused(self, graph: Graph, tai_man: Person, status: str, code: int) -> None:
        MessageTemplate.objects.update(status=status)
        assert error_code(graph("messages", message(tai_man, "template", ORDER_UPDATE))) == code

    def test_the_marketing_endpoint_takes_templates_only(self, graph: Graph, tai_man: Person) -> None:
        assert graph("marketing_messages", message(tai_man, "template", ORDER_UPDATE)).status_code == 200
        assert error_code(graph("marketing_messages", message(tai_man, "text", HELLO))) == 131055


class TestLimits:
    def test_a_pair_may_borrow_45_messages_and_no_more(self, graph: Graph, tai_man: Person) -> None:
        Number.objects.update(throughput=1000)
        codes = [graph("messages", message(tai_man, "text", HELLO)).status_code for _ in range(45)]
        assert set(codes) == {200}
        assert error_code(graph("messages", message(tai_man, "text", HELLO))) == 131056

    def test_another_customer_is_not_slowed_by_a_full_pair(self, graph: Graph, tai_man: Person, wing_lam: Person) -> None:
        Chat.objects.filter(person=tai_man).update(pair_mark=timezone.now().timestamp() + 1000)
        assert error_code(graph("messages", message(tai_man, "text", HELLO))) == 131056
        assert graph("messages", message(wing_lam, "text", HELLO)).status_code == 200

    def test_a_number_sends_no_more_than_its_throughput(self, graph: Graph, tai_man: Person) -> None:
        Number.objects.update(throughput=3, rate_mark=timezone.now().timestamp() + 30)
        answer = graph("messages", message(tai_man, "text", HELLO))
        assert (answer.status_code, error_code(answer)) == (400, 130429)
        Number.objects.update(rate_mark=0)
        codes = [graph("messages", message(tai_man, "text", HELLO)).status_code for _ in range(3)]
        assert codes == [200, 200, 200]


class TestMarkRead:
    def test_read_marks_everything_earlier_and_shows_typing(self, graph: Graph, tai_man: Person) -> None:
        last = play.say(tai_man, "sandbox-hk", text="請快點")
        later = play.say(tai_man, "sandbox-hk", text="還在嗎", sent_at=last.sent_at + timedelta(seconds=5))
        read = {"messaging_product": "whatsapp", "status": "read", "message_id": last.wamid, "typing_indicator": {"type": "text"}}
        assert json.loads(graph("messages", read).content) == {"success": True}
        assert Message.objects.filter(state="read").count() == 2
        later.refresh_from_db()
        assert later.state == "posted"
        assert Chat.objects.get(person=tai_man).typing_until > timezone.now().timestamp() + 20
        graph("messages", message(tai_man, "text", HELLO))
        assert Chat.objects.get(person=tai_man).typing_until == 0

    def test_an_unknown_message_cannot_be_read(self, graph: Graph, tai_man: Person) -> None:
        read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.none"}
        assert error_code(graph("messages", read)) == 131009
