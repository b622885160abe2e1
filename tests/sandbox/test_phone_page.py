"""The phone page and the control API: what a person at the screen, or a test, can do as a customer."""

from __future__ import annotations

import json
from typing import Any

import phonenumbers
import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from scrm.sandbox import people, play
from scrm.sandbox.cast import CAST
from scrm.sandbox.models import Chat, Message, Number, Person
from scrm.sandbox.numbers import connection_settings
from scrm.sandbox.router import SandboxRouter
from tests.sandbox.conftest import Graph, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def content(answer: Any) -> Any:
    return json.loads(answer.content)


class TestSeeding:
    def test_seeding_again_changes_nothing(self) -> None:
        before = (connection_settings(), Person.objects.count())
        assert people.ensure_people() == 0
        assert (connection_settings(), Person.objects.count()) == before

    def test_every_number_is_valid_in_its_country_and_nobodys_twin(self) -> None:
        phones = [(phone, country) for _, phone, _, _, country, _, _, _ in CAST if phone]
        phones += [(number.digits, number.country) for number in Number.objects.all()]
        assert len({phone for phone, _ in phones}) == len(phones)
        for phone, country in phones:
            parsed = phonenumbers.parse(f"+{phone}")
            assert phonenumbers.is_valid_number(parsed), phone
            assert phonenumbers.region_code_for_number(parsed) == country

    def test_the_three_numbers_share_a_portfolio_and_nothing_else(self) -> None:
        rows = connection_settings()
        assert [row["slug"] for row in rows] == ["sandbox-hk", "sandbox-tw", "sandbox-jp"]
        assert len({row["settings"]["portfolio_id"] for row in rows}) == 1
        for kind in ("access_token", "app_secret", "verify_token"):
            assert len({row["secrets"][kind] for row in rows}) == 3

    def test_production_refuses_to_start_with_it(self) -> None:
        with override_settings(PRODUCTION=True), pytest.raises(ImproperlyConfigured):
            apps.get_app_config("sandbox").ready()

    def test_sandbox_tables_live_in_the_sandbox_database_alone(self) -> None:
        router = SandboxRouter()
        assert router.allow_migrate("sandbox", "sandbox") is True
        assert router.allow_migrate("default", "sandbox") is False
        assert router.allow_migrate("sandbox", "auth") is False
        assert router.allow_migrate("default", "auth") is None


class TestPhonePage:
    def post(self, client: Client, act: str, person: Person, **fields: Any) -> Any:
        return client.post("/sandbox/phone/send/", {"act": act, "person": person.pk, "number": "sandbox-hk", **fields})

    def state(self, client: Client, person: Person, known: str = "") -> Any:
        return client.get("/sandbox/phone/chat/", {"person": person.pk, "number": "sandbox-hk", "known": known})

    def test_the_page_runs_without_inline_script_or_style(self, client: Client) -> None:
        page = client.get("/sandbox/")
        text = page.content.decode()
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "<style" not in text and " style=" not in text and " onclick=" not in text
        assert text.count("<script") == 2  # the module by address, and the data block

    def test_other_machines_are_turned_away(self, client: Client) -> None:
        for address in ("/sandbox/", "/sandbox/control/summary", "/sandbox/graph/v25.0/1"):
            assert client.get(address, REMOTE_ADDR="192.168.1.20").status_code == 403
        with override_settings(SANDBOX_ALLOW_REMOTE=True):
            assert client.get("/sandbox/", REMOTE_ADDR="192.168.1.20").status_code == 200

    def test_pages_of_other_sites_cannot_play(self) -> None:
        strict = Client(enforce_csrf_checks=True)
        person = Person.objects.get(name="陳大文")
        assert self.post(strict, "text", person, text="你好").status_code == 403
        assert strict.post("/sandbox/control/inbound", {"person": person.pk}).status_code == 400

    def test_text_picture_place_and_reaction_reach_the_chat(self, client: Client, graph: Graph, tai_man: Person) -> None:
        graph("messages", message(tai_man, "text", {"body": "你好"}))
        theirs = Message.objects.get(inbound=False)
        assert self.post(client, "text", tai_man, text=" 多謝 ", reply_to=theirs.wamid).status_code == 200
        assert self.post(client, "picture", tai_man, sample="damaged", caption="壞了").status_code == 200
        assert self.post(client, "place", tai_man, latitude="22.28", longitude="114.17", name="銅鑼灣").status_code == 200
        assert self.post(client, "react", tai_man, target=theirs.wamid, emoji="👍").status_code == 200
        bubbles = content(self.state(client, tai_man))["bubbles"]
        assert [b["kind"] for b in bubbles] == ["text", "text", "text", "image", "location"]
        assert bubbles[1]["reactions"] == ["👍"]
        assert bubbles[2]["quote"] == {"mine": False, "text": "你好"}
        assert client.get(bubbles[3]["media"]).headers["Content-Type"] == "image/jpeg"

    def test_a_withdrawn_reaction_disappears(self, client: Client, tai_man: Person) -> None:
        own = Message.objects.get()
        play.react(tai_man, own, "👍")
        play.react(tai_man, own, "")
        assert content(self.state(client, tai_man))["bubbles"][0]["reactions"] == []

    def test_an_unchanged_chat_is_204(self, client: Client, tai_man: Person) -> None:
        known = content(self.state(client, tai_man))["state"]
        assert self.state(client, tai_man, known).status_code == 204
        self.post(client, "text", tai_man, text="還有")
        assert self.state(client, tai_man, known).status_code == 200

    def test_ticks_go_from_sent_to_delivered_to_read(self, client: Client, graph: Graph, tai_man: Person) -> None:
        seen = []
        for state in ("posted", "acknowledged", "read"):
            Message.objects.update(state=state)
            seen.append(content(self.state(client, tai_man))["bubbles"][0]["tick"])
        assert seen == ["sent", "delivered", "read"]

    def test_a_template_shows_filled_with_its_buttons(self, client: Client, graph: Graph, tai_man: Person) -> None:
        parts = [{"type": "body", "parameters": [{"type": "text", "text": "陳生"}, {"type": "text", "text": "A1024"}]}]
        parts.append({"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "A1024"}]})  # type: ignore[dict-item]
        graph("messages", message(tai_man, "template", {"name": "order_update", "language": {"code": "zh_HK"}, "components": parts}))
        bubble = content(self.state(client, tai_man))["bubbles"][-1]
        assert bubble["text"] == "你好 陳生，你的訂單 A1024 已經寄出。"
        assert bubble["links"] == [{"title": "查詢進度", "url": "https://track.example.com/A1024"}]
        assert self.post(client, "tap", tai_man, target=bubble["id"], choice="1").status_code == 200
        assert Message.objects.get(kind="button").content["text"] == "我有問題"

    def test_opening_reads_what_the_business_sent(self, client: Client, graph: Graph, tai_man: Person) -> None:
        graph("messages", message(tai_man, "text", {"body": "你好"}))
        assert content(client.get("/sandbox/phone/people/", {"number": "sandbox-hk"}))["unread"]["sandbox-hk"] == 1
        client.post("/sandbox/phone/open/", {"person": tai_man.pk, "number": "sandbox-hk"})
        assert Chat.objects.get(person=tai_man).unread == 0
        assert Message.objects.get(inbound=False).state == "read"

    def test_a_new_customer_may_show_no_phone_number(self, client: Client) -> None:
        made = client.post("/sandbox/phone/new/", {"name": "黃小姐", "username": "@wong", "country": "HK", "language": "zh_HK"})
        person = Person.objects.get(pk=content(made)["id"])
        assert (person.phone, person.username) == (None, "wong")
        assert person.user_id.startswith("HK.")
        taken = Person.objects.exclude(phone=None)[0].phone
        assert client.post("/sandbox/phone/new/", {"name": "x", "phone": f"+{taken}"}).status_code == 400


class TestControl:
    def post(self, client: Client, path: str, body: Any) -> Any:
        return client.post(f"/sandbox/control/{path}", json.dumps(body), content_type="application/json")

    def test_a_message_of_the_past_keeps_the_window_shut(self, client: Client) -> None:
        newcomer = {"name": "田中 健", "phone": "+819012345678"}
        body = {"number": "sandbox-jp", "person": newcomer, "text": "こんにちは", "sent_at": "2026-01-05T10:00:00+09:00"}
        wamid = content(self.post(client, "inbound", body))["wamid"]
        assert Message.objects.get(wamid=wamid).sent_at.isoformat() == "2026-01-05T01:00:00+00:00"
        chat = Chat.objects.get(person__phone="819012345678")
        assert play.window_left(chat).total_seconds() == 0

    def test_many_at_once_keep_their_order_and_make_each_newcomer_once(self, client: Client) -> None:
        newcomer = {"name": "Tan Mei", "phone": "+6591230001"}
        rows = [{"number": "sandbox-hk", "person": newcomer, "text": f"message {i}"} for i in range(30)]
        wamids = content(self.post(client, "inbound_bulk", {"messages": rows}))["wamids"]
        assert list(Message.objects.order_by("pk").values_list("wamid", flat=True)) == wamids
        assert Person.objects.filter(phone="6591230001").count() == 1

    def test_nonsense_is_told_in_words(self, client: Client) -> None:
        for body in ({}, {"number": "sandbox-hk", "person": "nobody", "text": "x"}, {"number": "moon", "person": 1, "text": "x"}):
            answer = self.post(client, "inbound", body)
            assert (answer.status_code, bool(content(answer)["error"])) == (400, True)

    def test_the_log_pages_by_id_and_kind(self, client: Client, graph: Graph, tai_man: Person) -> None:
        for reference in ("m-1", "m-2", "m-2"):
            graph("messages", message(tai_man, "text", {"body": "好"}, biz_opaque_callback_data=reference))
        graph("messages", message(tai_man, "text", {"body": ""}, biz_opaque_callback_data="m-3"))
        lines = [json.loads(line) for line in client.get("/sandbox/control/log?kind=accepted").content.splitlines()]
        assert [line["reference"] for line in lines] == ["m-1", "m-2", "m-2"]
        rest = client.get(f"/sandbox/control/log?kind=accepted&since={lines[1]['id']}").content.splitlines()
        assert len(rest) == 1
        totals = content(client.get("/sandbox/control/summary"))
        assert (totals["accepted"], totals["accepted_by_ref_duplicates"], totals["refused"]) == (3, 1, 1)
