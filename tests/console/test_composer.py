"""What the composer sends."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from scrm.contacts.services import record_consent
from scrm.conversations.models import Conversation, Message, MessageTemplate, QuickReply
from scrm.core import clock
from scrm.staff.models import User
from scrm.tags.models import Tag
from scrm.tags.services import add_tag
from tests import people
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def send(client: Client, conversation: Conversation, text: str = "", **fields: Any) -> Any:
    body = {"mode": "text", "text": text, "idempotency_key": str(uuid.uuid4()), **fields}
    return client.post(f"/admin/inbox/{conversation.pk}/send/", body, headers={"X-Requested-With": "fetch"})


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB") -> SimpleUploadedFile:
    body = io.BytesIO()
    Image.new(mode, size).save(body, kind)
    return SimpleUploadedFile(f"箱子.{kind.lower()}", body.getvalue(), f"image/{kind.lower()}")


def approved(**fields: Any) -> MessageTemplate:
    components = [
        {"type": "HEADER", "format": "TEXT", "text": "{{1}}"},
        {"type": "BODY", "text": "{{name}} 您好,訂單 {{order}} 已寄出。"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://example.hk/{{1}}"}]},
    ]
    row = {
        "connection": people.hong_kong(),
        "name": "order_sent",
        "language": "zh_HK",
        "category": "UTILITY",
        "status": "APPROVED",
        "components": components,
        "synced_at": timezone.now(),
    }
    return MessageTemplate.objects.create(**{**row, **fields})


class Text:
    def test_goes_to_the_outbox_once_however_often_the_button_is_pressed(self, desk: Client, mei: User) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        answers = [send(desk, conversation, "已寄出", idempotency_key=key).json() for _ in range(3)]
        message = Message.objects.get(direction="out")
        assert {answer["message"] for answer in answers} == {message.pk}
        assert (message.text, message.source, message.author, message.state) == ("已寄出", "agent", mei, "queued")

    def test_keeps_its_lines_and_counts_them_as_one_character(self, desk: Client) -> None:
        send(desk, people.conversation(), "茶\r\n" * 2048)
        assert Message.objects.get(direction="out").text == ("茶\n" * 2048).strip()

    @pytest.mark.parametrize(
        "fields", [{"text": "  "}, {"text": "x", "idempotency_key": "1"}, {"text": "x", "mode": "shout"}, {"text": "茶" * 4097}]
    )
    def test_that_makes_no_sense_is_refused_with_a_reason(self, fields: dict[str, str], desk: Client) -> None:
        answer = send(desk, people.conversation(), **fields)
        assert answer.status_code == 422 and answer.json()["error"]
        assert not Message.objects.filter(direction="out").exists()

    def test_after_the_window_is_blocked_with_its_rule_in_words(self, desk: Client) -> None:
        answer = send(desk, people.conversation(window_open=False), "您好").json()
        assert answer["state"] == "blocked"
        assert "only a template may go" in answer["notice"]

    def test_answers_a_message(self, desk: Client) -> None:
        conversation = people.conversation()
        asked = said(conversation, "幾時到?")
        send(desk, conversation, "聽日", reply_to=asked.external_id)
        assert Message.objects.get(direction="out").reply_to == asked.external_id

    def test_from_a_quick_reply_counts_its_use(self, desk: Client) -> None:
        reply = QuickReply.objects.create(shortcut="hours", title="營業時間", text="10:00-19:00")
        send(desk, people.conversation(), "10:00-19:00", quick_reply=str(reply.pk))
        reply.refresh_from_db()
        assert reply.used == 1

    def test_posted_by_a_plain_form_leads_back_to_the_conversation(self, desk: Client) -> None:
        conversation = people.conversation()
        answer = desk.post(
            f"/admin/inbox/{conversation.pk}/send/?queue=mine", {"mode": "text", "text": "您好", "idempotency_key": str(uuid.uuid4())}
        )
        assert (answer.status_code, answer["Location"]) == (302, f"/admin/inbox/{conversation.pk}/?queue=mine")


class Verdict:
    def test_is_told_before_sending(self, desk: Client) -> None:
        conversation = people.conversation()
        url = f"/admin/inbox/{conversation.pk}/verdict/"
        assert desk.get(url).json()["verdict"] == "allow"
        record_consent(conversation.identity, purpose="all", allowed=False, source="message", at=timezone.now() + timedelta(seconds=1))
        said_now = desk.get(url, {"kind": "template", "category": "marketing"}).json()
        assert (said_now["verdict"], said_now["words"]) == ("refuse", "The customer asked for no more messages.")

    def test_names_the_next_time(self, desk: Client) -> None:
        conversation = people.conversation(window_open=False)
        template = approved()
        fields = {
            "mode": "template",
            "template": template.pk,
            "place_header_1": "抹茶堂",
            "place_body_name": "大文",
            "place_body_order": "HK-1",
            "place_button_0": "x",
        }
        send(desk, conversation, **fields)
        words = desk.get(f"/admin/inbox/{conversation.pk}/verdict/", {"kind": "template", "category": "utility"}).json()["words"]
        assert words.startswith("Next allowed: ") and "One template in 24 hours" in words


class Template:
    FIELDS = {
        "mode": "template",
        "place_header_1": "抹茶堂",
        "place_body_name": "大文",
        "place_body_order": "HK-\n1042",
        "place_button_0": "t/1",
    }

    def test_goes_out_with_its_places_filled(self, desk: Client) -> None:
        template = approved()
        assert send(desk, people.conversation(window_open=False), template=template.pk, **self.FIELDS).status_code == 200
        message = Message.objects.get(direction="out")
        assert (message.kind, message.category, message.state) == ("template", "utility", "queued")
        assert message.text == "抹茶堂\n大文 您好,訂單 HK- 1042 已寄出。"
        assert message.content == {
            "name": "order_sent",
            "language": "zh_HK",
            "components": [
                {"type": "header", "parameters": [{"type": "text", "text": "抹茶堂"}]},
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "parameter_name": "name", "text": "大文"},
                        {"type": "text", "parameter_name": "order", "text": "HK- 1042"},
                    ],
                },
                {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "t/1"}]},
            ],
        }

    def test_with_an_empty_place_is_not_sent(self, desk: Client) -> None:
        answer = send(desk, people.conversation(window_open=False), template=approved().pk, **{**self.FIELDS, "place_body_order": " "})
        assert (answer.status_code, Message.objects.count()) == (422, 0)

    @pytest.mark.parametrize("fields", [{"status": "PENDING"}, {"components": [{"type": "HEADER", "format": "IMAGE"}]}])
    def test_that_cannot_be_used_is_not_sent(self, fields: dict[str, Any], desk: Client) -> None:
        answer = send(desk, people.conversation(window_open=False), template=approved(**fields).pk, **self.FIELDS)
        assert (answer.status_code, Message.objects.count()) == (422, 0)

    def test_of_another_number_is_not_offered(self, desk: Client) -> None:
        approved(connection=people.tokyo())
        assert b"no approved template" in desk.get(f"/admin/inbox/{people.conversation().pk}/templates/").content

    def test_of_a_category_that_the_platform_invented_counts_as_a_promotion(self, desk: Client) -> None:
        send(desk, people.conversation(window_open=False), template=approved(category="CAROUSEL").pk, **self.FIELDS)
        assert Message.objects.get(direction="out").category == "marketing"

    def test_preview_shows_markup_as_text(self, desk: Client) -> None:
        approved(components=[{"type": "BODY", "text": "<script>alert(1)</script>"}])
        assert b"<script>alert" not in desk.get(f"/admin/inbox/{people.conversation().pk}/templates/").content


class Picture:
    def test_is_stored_and_sent_as_it_is(self, desk: Client) -> None:
        conversation = people.conversation()
        assert send(desk, conversation, "呢個", file=picture()).status_code == 200
        message = Message.objects.get(direction="out")
        assert (message.kind, message.content["caption"]) == ("image", "呢個")
        shown = desk.get(f"/admin/files/message/{message.pk}/")
        assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")

    @pytest.mark.parametrize(("kind", "mode"), [("WEBP", "RGBA"), ("BMP", "RGB"), ("GIF", "P")])
    def test_of_another_kind_becomes_a_jpeg(self, kind: str, mode: str, desk: Client) -> None:
        send(desk, people.conversation(), file=picture(kind, mode=mode))
        name = Message.objects.get(direction="out").content["file"]
        assert name.endswith(".jpg")

    def test_that_is_none_is_refused(self, desk: Client) -> None:
        for body in (b"<svg onload=alert(1)>", b"", b"\xff\xd8\xff\xe0broken"):
            upload = SimpleUploadedFile("x.jpg", body, "image/jpeg")
            assert send(desk, people.conversation(), file=upload).status_code == 422
        assert not Message.objects.filter(direction="out").exists()

    def test_twice_with_one_key_is_one_message_and_one_file(self, desk: Client, tmp_path: Any) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        for _ in range(2):
            send(desk, conversation, file=picture(), idempotency_key=key)
        assert Message.objects.filter(direction="out").count() == 1
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


class Note:
    def test_stays_in_the_house(self, desk: Client) -> None:
        send(desk, people.conversation(window_open=False), "熟客,畀個折", mode="note")
        note = Message.objects.get()
        assert (note.direction, note.state) == ("note", "received")

    def test_pressed_twice_is_one(self, desk: Client) -> None:
        conversation = people.conversation()
        for _ in range(2):
            send(desk, conversation, "熟客", mode="note")
        assert Message.objects.count() == 1


class QuickReplies:
    @pytest.mark.parametrize(
        ("name", "language", "country", "greeting"),
        [
            ("Rachel Tan", "en", "SG", "Hi Rachel, we"),
            ("Chan Siu Ming", "en", "HK", "Hi Siu Ming, we"),
            ("山田 花子", "ja", "JP", "Hi 山田, we"),
            ("陳大文", "zh-hant", "HK", "Hi 陳大文, we"),
            ("", "en", "SG", "Hi, we"),
        ],
    )
    def test_address_people_as_one_does(self, name: str, language: str, country: str, greeting: str, desk: Client) -> None:
        conversation = people.conversation()
        contact = conversation.identity.contact
        contact.name, contact.language, contact.country = name, language, country
        contact.save()
        QuickReply.objects.create(shortcut="hours", title="Hours", text="Hi {{name}}, we are open.")
        replies = desk.get(f"/admin/inbox/{conversation.pk}/quick-replies/").json()["replies"]
        assert replies[0]["text"].startswith(greeting)

    def test_come_in_the_customers_language_first(self, desk: Client) -> None:
        conversation = people.conversation()
        type(conversation.identity.contact).objects.update(language="ja")
        for language in ("en", "ja"):
            QuickReply.objects.create(shortcut="ship", language=language, title=language, text=language)
        replies = desk.get(f"/admin/inbox/{conversation.pk}/quick-replies/").json()["replies"]
        assert [reply["text"] for reply in replies] == ["ja", "en"]


class Work:
    def test_can_be_taken_given_and_put_back(self, desk: Client, mei: User) -> None:
        conversation, kenji = people.conversation(), people.agent("kenji")
        for to, expected in (("me", mei), (str(kenji.pk), kenji), ("nobody", None)):
            desk.post(f"/admin/inbox/{conversation.pk}/assign/", {"to": to})
            conversation.refresh_from_db()
            assert conversation.assignee == expected

    def test_is_given_to_staff_only(self, desk: Client) -> None:
        conversation = people.conversation()
        outsider = User.objects.create_user("outsider")
        for to in (str(outsider.pk), "x", "-1"):
            assert desk.post(f"/admin/inbox/{conversation.pk}/assign/", {"to": to}).status_code == 404

    @pytest.mark.parametrize(
        ("until", "expected"), [("hour", "2026-11-18T05:00"), ("tomorrow", "2026-11-19T00:00"), ("monday", "2026-11-23T00:00")]
    )
    def test_sleeps_until_nine_oclock_of_the_agents_own_zone(self, until: str, expected: str, mei: User, desk: Client) -> None:
        User.objects.filter(pk=mei.pk).update(time_zone="Asia/Tokyo")
        conversation = people.conversation()
        with clock.frozen(people.NOON):
            desk.post(f"/admin/inbox/{conversation.pk}/snooze/", {"until": until})
        conversation.refresh_from_db()
        assert conversation.status == "snoozed" and conversation.snoozed_until
        assert conversation.snoozed_until.isoformat()[:16] == expected

    def test_is_closed_reopened_and_handed_back(self, desk: Client) -> None:
        conversation = people.conversation()
        for name, status in (("close", "closed"), ("reopen", "open")):
            desk.post(f"/admin/inbox/{conversation.pk}/{name}/")
            conversation.refresh_from_db()
            assert conversation.status == status
        Conversation.objects.filter(pk=conversation.pk).update(automation_paused_until=timezone.now() + timedelta(hours=9))
        desk.post(f"/admin/inbox/{conversation.pk}/hand-back/")
        conversation.refresh_from_db()
        assert conversation.automation_paused_until is None

    def test_sends_a_failed_message_again_once(self, desk: Client) -> None:
        conversation = people.conversation()
        failed = said(conversation, "已寄出", direction="out", state="failed", error_code="131026")
        for _ in range(2):
            desk.post(f"/admin/inbox/messages/{failed.pk}/resend/")
        assert Message.objects.filter(direction="out", state="queued", text="已寄出").count() == 1

    def test_shows_on_the_failed_message_that_it_was_sent_again(self, desk: Client) -> None:
        conversation = people.conversation()
        failed = said(conversation, "已寄出", direction="out", state="failed", error_code="131026")
        other = said(conversation, "另一則", direction="out", state="expired", error_code="expired")
        desk.post(f"/admin/inbox/messages/{failed.pk}/resend/")
        again = Message.objects.get(cause=f"resend:{failed.pk}")
        html = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert f'<a href="#m{again.pk}" data-jump="{again.pk}">Sent again</a>' in html
        assert f"/messages/{failed.pk}/resend/" not in html and f"/messages/{other.pk}/resend/" in html
        desk.post(f"/admin/inbox/messages/{other.pk}/resend/")
        assert Message.objects.filter(cause=f"resend:{other.pk}").count() == 1

    def test_says_why_a_message_cannot_be_sent_again(self, desk: Client) -> None:
        sent = said(people.conversation(), "已寄出", direction="out", state="read")
        answer = desk.post(f"/admin/inbox/messages/{sent.pk}/resend/", headers={"X-Requested-With": "fetch"})
        assert answer.status_code == 422 and answer.json()["error"]

    def test_takes_a_tag_off_only_with_the_right_to(self, desk: Client, owner: Client) -> None:
        conversation = people.conversation()
        tag = add_tag(conversation.identity.contact, Tag.objects.create(slug="vip", name="VIP"))
        assert desk.post(f"/admin/inbox/tags/{tag.pk}/remove/").status_code == 403
        owner.post(f"/admin/inbox/tags/{tag.pk}/remove/", {"conversation": conversation.pk})
        tag.refresh_from_db()
        assert tag.removed_at is not None


class SecondAgents:
    def test_are_asked_before_the_customer_gets_two_answers(self, desk: Client, mei: User) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        asked = said(conversation, "幾時到?")
        wei = people.agent("wei", display_name="林志偉")
        said(conversation, "聽日到", direction="out", author=wei)
        answer = send(desk, conversation, "後日到", seen=str(asked.pk), idempotency_key=key).json()
        assert "林志偉" in answer["ask"] and "聽日到" in answer["ask"]
        assert not Message.objects.filter(author=mei).exists()
        send(desk, conversation, "後日到", seen=str(asked.pk), idempotency_key=key, anyway="1")
        again = send(desk, conversation, "後日到", seen=str(asked.pk), idempotency_key=key).json()
        assert "ask" not in again and Message.objects.filter(author=mei).count() == 1

    def test_are_not_asked_about_what_they_saw_or_wrote_themselves(self, desk: Client, mei: User) -> None:
        conversation = people.conversation()
        asked = said(conversation, "幾時到?")
        own = said(conversation, "等等", direction="out", author=mei)
        assert "ask" not in send(desk, conversation, "聽日到", seen=str(asked.pk)).json()
        theirs = said(conversation, "後日", direction="out", author=people.agent("wei"))
        assert theirs.pk > own.pk and "ask" not in send(desk, conversation, "好", seen=str(theirs.pk)).json()

    def test_take_nothing_from_a_colleague_unawares(self, desk: Client, mei: User) -> None:
        conversation = people.conversation()
        Conversation.objects.filter(pk=conversation.pk).update(assignee=people.agent("wei", display_name="林志偉"))
        address = f"/admin/inbox/{conversation.pk}/assign/"
        late = desk.post(address, {"to": "me", "had": ""}, headers={"X-Requested-With": "fetch"})
        assert late.status_code == 422 and "林志偉" in late.json()["error"]
        knowing = {"to": "me", "had": str(people.agent("wei").pk)}
        assert desk.post(address, knowing, headers={"X-Requested-With": "fetch"}).status_code == 200
        conversation.refresh_from_db()
        assert conversation.assignee == mei
