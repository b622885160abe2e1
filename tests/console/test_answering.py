"""A customer gets one answer: who is answering is shown to all, the second is told before they send, and taking over is a choice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from scrm.conversations import claims
from scrm.conversations.models import Claim, Conversation, Message
from scrm.staff.models import User
from tests import people
from tests.console.conftest import allow, seated
from tests.console.test_inbox_live import ask
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db
FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def kenji(db: None) -> User:
    rights = ["conversations.view_conversation", "conversations.change_conversation"]
    return allow(people.agent("kenji", display_name="佐藤健二"), *rights)


def begin(client: Client, conversation: Conversation, **more: str) -> Any:
    return client.post(f"/admin/inbox/{conversation.pk}/claim/", more, headers=FETCH)


def send(client: Client, conversation: Conversation, text: str, **more: Any) -> Any:
    body = {"mode": "text", "text": text, "idempotency_key": str(uuid.uuid4()), "seen": "0", **more}
    return client.post(f"/admin/inbox/{conversation.pk}/send/", body, headers=FETCH).json()


def waits(name: str, phone: str, minutes: int) -> Conversation:
    chat = people.conversation(people.customer(name, phone))
    Conversation.objects.filter(pk=chat.pk).update(waiting_since=timezone.now() - timedelta(minutes=minutes))
    return chat


class SomebodyAnswers:
    def test_and_everybody_sees_it_at_the_next_look(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        said(chat, "幾時送到?")
        etag = ask(desk, chat)["ETag"]
        assert begin(seated(kenji), chat).json()["claim"] == ""
        answer = ask(desk, chat, etag).json()
        assert "佐藤健二 is answering here" in answer["conversation"]["company"] and answer["conversation"]["claim"] == "佐藤健二"
        assert "ix-claimed" in answer["list"] and "佐藤健二" in answer["list"]
        assert "Take over" in desk.get(f"/admin/inbox/{chat.pk}/").content.decode()

    def test_and_all_look_as_before_when_it_has_ended(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        begin(seated(kenji), chat)
        etag = ask(desk, chat)["ETag"]
        Claim.objects.update(until=timezone.now() - timedelta(seconds=1))
        answer = ask(desk, chat, etag).json()
        assert "is answering" not in answer["conversation"]["company"] and "ix-claimed" not in answer["list"]

    def test_and_the_second_is_told_as_they_begin(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        begin(seated(kenji), chat)
        told = begin(desk, chat).json()
        assert told["claim"] == "佐藤健二" and "Take over" in told["company"]

    def test_and_the_second_is_asked_before_they_send(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        begin(seated(kenji), chat)
        asked = send(desk, chat, "明天送到")
        assert asked["ok"] is False and "佐藤健二 is answering here just now" in asked["ask"]
        assert not Message.objects.exists()
        assert send(desk, chat, "明天送到", anyway="1")["ok"] is True
        assert claims.held(chat.pk) is not None, "who was first goes on answering, and is asked in turn"

    def test_until_the_answer_has_gone(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        begin(seated(kenji), chat)
        assert send(seated(kenji), chat, "明天送到")["ok"] is True
        assert claims.held(chat.pk) is None

    def test_and_a_note_is_nobodys_surprise(self, desk: Client, kenji: User) -> None:
        chat = people.conversation()
        begin(seated(kenji), chat)
        assert send(desk, chat, "熟客", mode="note")["ok"] is True

    def test_in_another_team_is_not_told_to_those_who_may_not_see_it(self, desk: Client, kenji: User) -> None:
        assert desk.post("/admin/inbox/999999/claim/", headers=FETCH).status_code == 404


class TakingOver:
    def test_tells_who_was_answering(self, desk: Client, kenji: User) -> None:
        chat, theirs = people.conversation(), seated(kenji)
        begin(theirs, chat)
        etag = ask(theirs, chat)["ETag"]
        assert begin(desk, chat, over="1").json()["notice"] == "You are answering here now."
        answer = ask(theirs, chat, etag).json()["conversation"]
        assert answer["claim"] == "陳美儀" and "陳美儀 is answering here" in answer["company"]
        assert "陳美儀" in send(theirs, chat, "明天送到")["ask"]


class NextPlease:
    def test_gives_two_agents_two_conversations(self, desk: Client, kenji: User) -> None:
        second, first = waits("林怡君", "85291230002", 5), waits("陳大文", "85291230001", 30)
        assert f"/inbox/{first.pk}/" in desk.post("/admin/inbox/next/", headers=FETCH).json()["url"]
        assert f"/inbox/{second.pk}/" in seated(kenji).post("/admin/inbox/next/", headers=FETCH).json()["url"]

    def test_goes_on_from_the_open_one_and_gives_it_back(self, desk: Client) -> None:
        second, first = waits("林怡君", "85291230002", 5), waits("陳大文", "85291230001", 30)
        desk.post("/admin/inbox/next/", headers=FETCH)
        assert f"/inbox/{second.pk}/" in desk.post("/admin/inbox/next/", {"after": first.pk}, headers=FETCH).json()["url"]
        assert claims.held(first.pk) is None and claims.held(second.pk) is not None

    def test_passes_by_what_is_a_colleagues(self, desk: Client, kenji: User) -> None:
        chat = waits("陳大文", "85291230001", 30)
        Conversation.objects.filter(pk=chat.pk).update(assignee=kenji)
        answer = desk.post("/admin/inbox/next/", headers=FETCH).json()
        assert "url" not in answer and "Nobody waits" in answer["notice"]

    def test_is_for_those_who_may_answer(self, kenji: User) -> None:
        reader = allow(people.agent("reader"), "conversations.view_conversation")
        assert seated(reader).post("/admin/inbox/next/", headers=FETCH).status_code == 403
        assert "data-next" not in seated(reader).get("/admin/inbox/").content.decode()
