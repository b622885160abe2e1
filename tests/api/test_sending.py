from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from scrm.api.scopes import SCOPES
from scrm.api.services import issue_token
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.conversations.models import Decision, Message, MessageTemplate
from scrm.core import clock
from tests.api.people import NOON, Partner

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def question(hong_kong: Connection, customer: Callable[..., Identity], writes: Callable[..., Message]) -> Message:
    return writes(customer("陳大文", "+85291234567"), hong_kong, "我的包裹在哪裡？")


def sent() -> int:
    return Message.objects.filter(direction="out").count()


class TestSending:
    def test_queues_a_message_with_its_decision(self, partner: Partner, question: Message) -> None:
        with clock.frozen(LATER):
            answer = partner.send({"conversation": question.conversation_id, "text": "包裹明天送到。"})
        assert answer.status_code == 201
        content = answer.json()
        assert (content["message"]["state"], content["message"]["source"], content["message"]["text"]) == (
            "queued",
            "api",
            "包裹明天送到。",
        )
        assert (content["decision"]["verdict"], content["decision"]["message"]) == ("allow", content["message"]["id"])

    def test_finds_a_contacts_conversation_also_through_a_merge(self, partner: Partner, question: Message) -> None:
        survivor = question.conversation.identity.contact
        times = {"last_activity_at": NOON, "created_at": NOON, "updated_at": NOON}
        duplicate = Contact.objects.create(name="Chan Tai Man", merged_into=survivor, **times)
        with clock.frozen(LATER):
            answer = partner.send({"contact": duplicate.pk, "text": "包裹明天送到。"})
        assert answer.status_code == 201
        assert answer.json()["message"]["conversation"] == question.conversation_id

    def test_with_the_same_key_sends_once(self, partner: Partner, question: Message) -> None:
        body = {"conversation": question.conversation_id, "text": "包裹明天送到。"}
        with clock.frozen(LATER):
            first, again = partner.send(body), partner.send(body)
            by_contact = partner.send({"contact": question.conversation.identity.contact_id, "text": body["text"]})
        assert (first.status_code, again.status_code, by_contact.status_code) == (201, 200, 200)
        assert first.json() == again.json() == by_contact.json()
        assert sent() == 1

    def test_with_the_same_key_for_another_text_is_an_error(self, partner: Partner, question: Message) -> None:
        with clock.frozen(LATER):
            partner.send({"conversation": question.conversation_id, "text": "包裹明天送到。"})
            answer = partner.send({"conversation": question.conversation_id, "text": "包裹已送到。"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_used")
        assert sent() == 1

    def test_keeps_the_keys_of_partners_apart(self, partner: Partner, question: Message) -> None:
        other = Partner(issue_token("Make", SCOPES)[1])
        with clock.frozen(LATER):
            assert partner.send({"conversation": question.conversation_id, "text": "包裹明天送到。"}).status_code == 201
            assert other.send({"conversation": question.conversation_id, "text": "多謝！"}).status_code == 201
        assert sent() == 2

    @pytest.mark.parametrize("key", ["", "k" * 81, "two words", "鍵"])
    def test_without_a_usable_key_is_refused(self, partner: Partner, question: Message, key: str) -> None:
        answer = partner.send({"conversation": question.conversation_id, "text": "你好"}, key=key.encode().decode("latin-1"))
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json()["error"]["fields"]
        assert sent() == 0

    def test_that_a_rule_forbids_is_409_with_its_name_each_time(self, partner: Partner, question: Message) -> None:
        body = {"conversation": question.conversation_id, "text": "包裹明天送到。"}
        with clock.frozen(NOON + timedelta(hours=25)):
            answers = [partner.send(body), partner.send(body)]
        for answer in answers:
            assert answer.status_code == 409
            assert answer.json()["error"]["rule"] == "window_closed"
            assert "next_allowed_at" in answer.json()["error"]
        blocked = Message.objects.get(pk=answers[0].json()["error"]["message_id"])
        assert (blocked.state, sent()) == ("blocked", 1)
        assert Decision.objects.filter(message=blocked, verdict="refuse").count() == 1

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"text": "你好"},
            {"conversation": 1},
            {"conversation": 1, "contact": 1, "text": "你好"},
            {"conversation": 987654321, "text": "你好"},
            {"contact": 987654321, "text": "你好"},
            {"conversation": "x", "text": "你好"},
            {"conversation": 2**63 - 1, "text": "你好"},
            {"conversation": 0, "text": "你好"},
            {"conversation": 1, "text": ""},
            {"conversation": 1, "text": " \n　"},
            {"conversation": 1, "text": "長" * 4097},
            {"conversation": 1, "text": ["你好"]},
            {"conversation": 1, "text": "你好", "source": "agent"},
            {"conversation": 1, "text": "你好", "state": "sent"},
            [],
            [{"conversation": 1, "text": "你好"}],
            "你好",
            1,
            None,
            True,
        ],
    )
    def test_of_a_wrong_shape_is_400(self, partner: Partner, body: object) -> None:
        import json

        answer = partner.send(json.dumps(body))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
        assert sent() == 0


NASTY = {
    "nothing": b"",
    "not JSON": b"{text: hello}",
    "cut off": b'{"conversation": 1, "text": "',
    "trailing": b'{"conversation": 1} {"text": "a"}',
    "not UTF-8": '{"conversation": 1, "text": "価格"}'.encode("shift_jis"),
    "UTF-16": '{"conversation": 1, "text": "a"}'.encode("utf-16"),
    "lone surrogate": b'{"conversation": 1, "text": "\\ud83d"}',
    "lone surrogate as a key": b'{"\\udc00": 1}',
    "raw surrogate": b'{"conversation": 1, "text": "\xed\xa0\x80"}',
    "NUL": b'{"conversation": 1, "text": "a\\u0000b"}',
    "NUL as a key": b'{"a\\u0000": 1}',
    "raw NUL": b'{"conversation": 1, "text": "a\x00b"}',
    "NaN": b'{"conversation": NaN, "text": "a"}',
    "Infinity": b'{"conversation": -Infinity, "text": "a"}',
    "infinite by size": b'{"conversation": 1e999, "text": "a"}',
    "huge integer": b'{"conversation": 9' + b"9" * 30 + b', "text": "a"}',
    "a million digits": b'{"conversation": 1' + b"0" * 200_000 + b', "text": "a"}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "deep but short": b"[" * 30 + b"]" * 30,
    "bytes of noise": bytes(range(256)) * 20,
    "BOM": b'\xef\xbb\xbf{"conversation": 1, "text": "a"}',
}


class TestBody:
    @pytest.mark.parametrize("name", NASTY)
    def test_that_is_broken_is_400(self, partner: Partner, name: str) -> None:
        answer = partner.send(NASTY[name])
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]
        assert sent() == 0

    def test_that_is_too_large_is_413(self, partner: Partner) -> None:
        answer = partner.send(b'{"conversation": 1, "text": "' + b"a" * 300_000 + b'"}')
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    def test_in_another_form_is_415(self, partner: Partner) -> None:
        form = {"data": "conversation=1&text=a", "content_type": "application/x-www-form-urlencoded"}
        answer = partner.http.post("/api/v1/messages/", **form, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 415

    def test_as_a_form_without_a_file_is_400(self, partner: Partner) -> None:
        answer = partner.http.post("/api/v1/messages/", {"conversation": 1, "text": "a"}, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["file"])


class TestTemplates:
    @pytest.fixture(autouse=True)
    def order_update(self, hong_kong: Connection) -> MessageTemplate:
        components = [{"type": "BODY", "text": "{{1}}您好，您的訂單 {{2}} 已寄出。"}]
        fields = {"category": "UTILITY", "status": "APPROVED", "components": components, "synced_at": NOON}
        return MessageTemplate.objects.create(connection=hong_kong, name="order_update", language="zh_HK", **fields)

    def body(self, question: Message, **variables: str) -> dict[str, object]:
        return {"conversation": question.conversation_id, "template": {"name": "order_update", "language": "zh_HK", "variables": variables}}

    def test_go_out_with_their_places_filled_in_and_their_category(self, partner: Partner, question: Message) -> None:
        with clock.frozen(LATER):
            answer = partner.send(self.body(question, **{"1": "陳先生", "2": "HK-104233"}))
        assert answer.status_code == 201
        message = Message.objects.get(direction="out")
        assert (message.text, message.kind, message.category) == ("陳先生您好，您的訂單 HK-104233 已寄出。", "template", "utility")
        assert [part["text"] for part in message.content["components"][0]["parameters"]] == ["陳先生", "HK-104233"]

    def test_are_refused_with_the_name_of_a_place_that_has_no_value(self, partner: Partner, question: Message) -> None:
        answer = partner.send(self.body(question, **{"1": "陳先生"}))
        assert answer.status_code == 400 and "2" in str(answer.json())
        assert sent() == 0

    def test_keep_what_is_put_in_as_it_is(self, partner: Partner, question: Message) -> None:
        with clock.frozen(LATER):
            partner.send(self.body(question, **{"1": "{{2}}{{settings.SECRET_KEY}}", "2": "{% debug %}"}))
        assert Message.objects.get(direction="out").text == "{{2}}{{settings.SECRET_KEY}}您好，您的訂單 {% debug %} 已寄出。"

    def test_that_are_unknown_are_an_error(self, partner: Partner, question: Message) -> None:
        answer = partner.send({"conversation": question.conversation_id, "template": {"name": "gone", "language": "ja"}})
        assert answer.status_code == 400 and sent() == 0

    def test_start_the_conversation_of_somebody_who_never_wrote(self, partner: Partner, customer: Callable[..., Identity]) -> None:
        never_wrote = customer("林怡君", "+886912345678")
        with clock.frozen(LATER):
            notice = {"name": "order_update", "language": "zh_HK", "variables": {"1": "林小姐", "2": "TW-1"}}
            asked = {"contact": never_wrote.contact_id, "connection": "causeway-bay", "template": notice}
            assert partner.send(asked).status_code == 201
            text = {"contact": never_wrote.contact_id, "text": "您好"}
            refused = partner.send(text, "order-2")
        assert refused.status_code == 409 and refused.json()["error"]["rule"] == "window_closed", refused.json()

    def test_and_text_exclude_each_other(self, partner: Partner, question: Message) -> None:
        assert partner.send({**self.body(question), "text": "包裹明天送到。"}).status_code == 400
        assert partner.send({"conversation": question.conversation_id}).status_code == 400
