"""Scheduling a reply in the composer, and what the page shows of it."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from scrm.conversations import later
from scrm.conversations.models import Conversation, LaterMessage, Message
from tests import people
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def plan(client: Client, conversation: Conversation, **fields: Any) -> Any:
    body = {"mode": "text", "text": "明天到貨", "idempotency_key": str(uuid.uuid4()), "when": "hour", "hold": "1", **fields}
    return client.post(f"/admin/inbox/{conversation.pk}/send/", body, headers={"X-Requested-With": "fetch"})


def local(**ahead: float) -> str:
    return f"{timezone.localtime() + timedelta(**ahead):%Y-%m-%dT%H:%M}"


class Scheduling:
    def test_keeps_the_reply_until_then(self, desk: Client) -> None:
        conversation = people.conversation()
        answer = plan(desk, conversation).json()
        row = LaterMessage.objects.get()
        assert (row.text, row.hold_on_reply, answer["later"], answer["state"]) == ("明天到貨", True, row.pk, "queued")
        assert abs(row.send_at - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
        assert not Message.objects.filter(direction="out").exists()

    def test_takes_a_typed_time_in_the_agents_own_zone(self, desk: Client) -> None:
        plan(desk, people.conversation(), when="at", send_on=local(hours=3))
        assert abs(LaterMessage.objects.get().send_at - timezone.now() - timedelta(hours=3)) < timedelta(minutes=2)

    @pytest.mark.parametrize("typed", ["", "tomorrow", "2026-13-40T99:99", "2020-01-01T09:00", "2999-01-01T09:00"])
    def test_says_what_is_wrong_with_a_time(self, typed: str, desk: Client) -> None:
        answer = plan(desk, people.conversation(), when="at", send_on=typed)
        assert answer.status_code == 422 and answer.json()["error"]
        assert not LaterMessage.objects.exists()

    def test_pressed_twice_is_one_and_sends_nothing_now(self, desk: Client) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        for _ in range(2):
            plan(desk, conversation, idempotency_key=key)
        assert (LaterMessage.objects.count(), Message.objects.filter(direction="out").count()) == (1, 0)

    def test_warns_when_the_window_will_be_shut_then(self, desk: Client) -> None:
        answer = plan(desk, people.conversation(), when="at", send_on=local(hours=40)).json()
        assert answer["state"] == "blocked" and "only a template may go" in answer["notice"]

    def test_of_a_note_is_refused(self, desk: Client) -> None:
        assert plan(desk, people.conversation(), mode="note").status_code == 422

    def test_of_a_file_keeps_it_and_cancelling_removes_it(self, desk: Client, django_capture_on_commit_callbacks: Any) -> None:
        body = io.BytesIO()
        Image.new("RGB", (30, 20)).save(body, "JPEG")
        plan(desk, people.conversation(), file=SimpleUploadedFile("箱.jpg", body.getvalue(), "image/jpeg"))
        row = LaterMessage.objects.get()
        stored = later.own_file(row)
        assert row.kind == "image" and default_storage.exists(stored)
        with django_capture_on_commit_callbacks(execute=True):
            desk.post(f"/admin/inbox/later/{row.pk}/cancel/", headers={"X-Requested-With": "fetch"})
        assert not default_storage.exists(stored)


class ThePage:
    def test_shows_it_above_the_composer_and_beside_with_its_forecast(self, desk: Client) -> None:
        conversation = people.conversation()
        plan(desk, conversation, when="at", send_on=local(hours=40))
        page = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        beside = desk.get(f"/admin/inbox/{conversation.pk}/beside/").content.decode()
        for html in (page, beside):
            assert "明天到貨" in html and "only a template may go" in html
        assert "Send now" in page

    def test_says_at_once_that_a_reply_will_hold_it(self, desk: Client) -> None:
        conversation = people.conversation()
        plan(desk, conversation)
        now = timezone.now()
        said(conversation, "等等", sent_at=now, created_at=now)
        conversation.identity.contact.last_inbound_at = timezone.now()
        conversation.identity.contact.save()
        page = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert "The customer wrote meanwhile" in page

    def test_shows_what_the_law_put_off_beside_too(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "您的訂單已寄出", direction="out", source="rule")
        Message.objects.filter(pk=message.pk).update(state="queued", due_at=timezone.now() + timedelta(hours=3))
        beside = desk.get(f"/admin/inbox/{conversation.pk}/beside/").content.decode()
        assert "To be sent" in beside and "您的訂單已寄出" in beside

    def test_costs_the_same_for_many_messages_as_for_one(self, desk: Client) -> None:
        conversation = people.conversation()

        def statements(page: str) -> int:
            with CaptureQueriesContext(connection) as asked:
                assert desk.get(f"/admin/inbox/{conversation.pk}/{page}").status_code == 200
            return len(asked)

        def one_more(number: int) -> None:
            plan(desk, conversation, text=f"第{number}件", when="at", send_on=local(hours=3 + 20 * number))
            message = said(conversation, f"您的訂單 {number}", direction="out", source="rule")
            Message.objects.filter(pk=message.pk).update(state="queued", due_at=timezone.now() + timedelta(hours=2 + 20 * number))

        one_more(0)
        statements("beside/")
        once = statements("beside/"), statements("")
        for number in range(1, 8):
            one_more(number)
        many = statements("beside/"), statements("")
        assert LaterMessage.objects.count() == 8 and many[0] <= once[0] + 1 and many[1] <= once[1] + 1

    def test_is_told_of_it_by_the_live_answer(self, desk: Client) -> None:
        conversation = people.conversation()
        plan(desk, conversation)
        answer = desk.get("/admin/inbox/live/", {"c": conversation.pk, "v": "0"}).json()
        assert "明天到貨" in answer["conversation"]["later"]


class Deciding:
    def test_cancelling_gives_the_words_back(self, desk: Client) -> None:
        plan(desk, people.conversation())
        row = LaterMessage.objects.get()
        answer = desk.post(f"/admin/inbox/later/{row.pk}/cancel/", headers={"X-Requested-With": "fetch"}).json()
        row.refresh_from_db()
        assert (answer["draft"], row.state) == ("明天到貨", "cancelled")

    def test_sending_now_sends_it_once(self, desk: Client) -> None:
        plan(desk, people.conversation())
        row = LaterMessage.objects.get()
        for _ in range(2):
            desk.post(f"/admin/inbox/later/{row.pk}/send/", headers={"X-Requested-With": "fetch"})
        assert [message.text for message in Message.objects.filter(direction="out")] == ["明天到貨"]

    def test_cancelling_what_has_gone_says_so(self, desk: Client) -> None:
        plan(desk, people.conversation())
        row = LaterMessage.objects.get()
        desk.post(f"/admin/inbox/later/{row.pk}/send/")
        answer = desk.post(f"/admin/inbox/later/{row.pk}/cancel/", headers={"X-Requested-With": "fetch"})
        assert answer.status_code == 422 and "sent already" in answer.json()["error"]
