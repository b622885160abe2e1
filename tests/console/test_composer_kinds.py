"""What the composer makes beside text: places, choices, reactions, files; the hint that one types; the answer to 'may I send now?'."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from connectors.contracts import ChannelCapabilities
from connectors.errors import Unreachable
from scrm.console.inbox import abilities, composing, reasons, typing_notices
from scrm.console.models import TypingNotice
from scrm.conversations.models import Conversation, Decision, Message
from scrm.core import clock
from tests import people
from tests.console.thread_rows import said

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def send(client: Client, conversation: Conversation, **fields: Any) -> Any:
    body = {"text": "", "idempotency_key": str(uuid.uuid4()), **fields}
    return client.post(f"/admin/inbox/{conversation.pk}/send/", body, headers={"X-Requested-With": "fetch"})


class Place:
    @pytest.mark.parametrize(
        "text",
        [
            "22.298800, 114.172200",
            "(22.2988 114.1722)",
            "https://www.google.com/maps/@22.2988,114.1722,17z",
            "https://maps.google.com/?q=22.2988,114.1722",
            "https://www.openstreetmap.org/?mlat=22.2988&mlon=114.1722#map=17/1.1/2.2",
            "https://www.openstreetmap.org/#map=17/22.2988/114.1722",
        ],
    )
    def test_is_read_from_what_people_paste(self, text: str) -> None:
        assert composing.point_in(text) == (22.2988, 114.1722)

    @pytest.mark.parametrize("text", ["", "油麻地", "95.0, 10.0", "1", "https://example.hk/?q=tea"])
    def test_that_is_none_is_refused(self, text: str, desk: Client) -> None:
        answer = send(desk, people.conversation(), mode="location", point=text)
        assert answer.status_code == 422 and "latitude" in answer.json()["error"]
        assert not Message.objects.filter(direction="out").exists()

    def test_goes_out_with_its_name(self, desk: Client) -> None:
        send(desk, people.conversation(), mode="location", point="22.2988, 114.1722", place_name="尖沙咀店", place_address="廣東道 1 號")
        message = Message.objects.get(direction="out")
        assert (message.kind, message.text) == ("location", "尖沙咀店, 廣東道 1 號")
        assert message.content == {"latitude": 22.2988, "longitude": 114.1722, "name": "尖沙咀店", "address": "廣東道 1 號"}


class Choice:
    def test_of_few_short_answers_is_buttons(self, desk: Client) -> None:
        send(desk, people.conversation(), mode="choice", text="點送?", answer=["送貨", "自取", ""], answer_note=["", "", ""])
        message = Message.objects.get(direction="out")
        assert (message.kind, message.text, message.content["type"]) == ("interactive", "點送?", "button")
        assert [each["title"] for each in message.content["buttons"]] == ["送貨", "自取"]

    @pytest.mark.parametrize(("answers", "notes"), [(["一", "二", "三", "四"], []), (["送貨", "自取"], ["", "尖沙咀店"])])
    def test_of_many_or_explained_answers_is_a_list(self, answers: list[str], notes: list[str]) -> None:
        made = composing.choice("點送?", answers, notes, "選擇")
        assert (made["type"], made["button"], len(made["sections"][0]["rows"])) == ("list", "選擇", len(answers))

    @pytest.mark.parametrize(
        ("answers", "notes", "body", "problem"),
        [
            ([], [], "?", "empty"),
            (["送貨", "送貨"], [], "?", "twice"),
            (["二十一個字的答案實在太長了放不進按鈕裡面去啦"], [], "?", "title"),
            ([str(n) for n in range(11)], [], "?", "many"),
            (["送貨"], ["說" * 73], "?", "note"),
            (["送貨"], [], "長" * 1025, "body"),
        ],
    )
    def test_that_the_platform_would_refuse_is_refused_before(self, answers: list[str], notes: list[str], body: str, problem: str) -> None:
        with pytest.raises(composing.Unclear, match=problem):
            composing.choice(body, answers, notes, "選擇")

    def test_needs_words_above_it(self, desk: Client) -> None:
        assert send(desk, people.conversation(), mode="choice", answer=["送貨"]).status_code == 422


class Reaction:
    def react(self, client: Client, message: Message, emoji: str, key: str = "") -> Any:
        body = {"emoji": emoji, "key": key or str(uuid.uuid4())}
        return client.post(f"/admin/inbox/messages/{message.pk}/react/", body, headers={"X-Requested-With": "fetch"})

    def test_goes_out_once_and_stands_on_its_message(self, desk: Client) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        asked = said(conversation, "收到貨喇")
        for _ in range(2):
            assert self.react(desk, asked, "🙏", key).status_code == 200
        sent = Message.objects.get(direction="out")
        assert (sent.kind, sent.content) == ("reaction", {"message_id": asked.external_id, "emoji": "🙏"})
        html = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert html.count("<article") == 1 and "<span>🙏</span>" in html

    def test_can_be_taken_back(self, desk: Client) -> None:
        conversation = people.conversation()
        asked = said(conversation, "收到貨喇")
        for emoji in ("🙏", ""):
            self.react(desk, asked, emoji)
        assert "ix-reactions" not in desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()

    @pytest.mark.parametrize("emoji", ["ok", "<b>", "🙏" * 40, " 🙏"])
    def test_that_is_no_emoji_is_refused(self, emoji: str, desk: Client) -> None:
        assert self.react(desk, said(people.conversation(), "?"), emoji).status_code == 422

    def test_to_what_the_platform_does_not_know_is_refused(self, desk: Client) -> None:
        assert self.react(desk, said(people.conversation(), "?", external_id=""), "🙏").status_code == 422


class Files:
    @pytest.fixture(autouse=True)
    def media(self, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = str(tmp_path)

    def test_are_sent_as_what_they_are(self, desk: Client) -> None:
        upload = SimpleUploadedFile("報價單.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf")
        assert send(desk, people.conversation(), mode="text", text="請睇", file=upload).status_code == 200
        message = Message.objects.get(direction="out")
        assert (message.kind, message.content["filename"], message.content["mime_type"]) == ("document", "報價單.pdf", "application/pdf")

    @pytest.mark.parametrize("body", [b"<html><script>alert(1)</script></html>", b""])
    def test_that_cannot_go_are_refused_with_what_to_do(self, body: bytes, desk: Client) -> None:
        answer = send(desk, people.conversation(), mode="text", file=SimpleUploadedFile("x.html", body, "text/html"))
        assert answer.status_code == 422 and answer.json()["error"]
        assert not Message.objects.filter(direction="out").exists()


class TypingNotices:
    def ask(self, client: Client, conversation: Conversation) -> bool:
        return client.post(f"/admin/inbox/{conversation.pk}/typing/", headers={"X-Requested-With": "fetch"}).json()["told"]

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
        calls: list[tuple[str, bool]] = []

        class Phone:
            def mark_read(self, external_id: str, *, typing: bool = False) -> None:
                calls.append((external_id, typing))
                if "gone" in external_id:
                    raise Unreachable("connection refused")

        monkeypatch.setattr(typing_notices, "channel_of", lambda connection: Phone())
        return calls

    def test_tell_the_platform_in_the_background_and_not_in_the_request(self, desk: Client, told: list[tuple[str, bool]]) -> None:
        conversation = people.conversation()
        asked = said(conversation, "幾時到?")
        assert self.ask(desk, conversation) and told == []
        assert typing_notices.send_due() == 1 and typing_notices.send_due() == 0
        assert told == [(asked.external_id, True)]

    def test_are_at_most_one_in_twenty_seconds(self, desk: Client, told: list[tuple[str, bool]]) -> None:
        conversation = people.conversation()
        said(conversation, "幾時到?")
        assert [self.ask(desk, conversation) for _ in range(3)] == [True, False, False]
        TypingNotice.objects.update(asked_at=clock.now() - timedelta(seconds=21))
        assert self.ask(desk, conversation)
        assert TypingNotice.objects.count() == 1

    def test_that_come_late_are_dropped(self, desk: Client, told: list[tuple[str, bool]]) -> None:
        conversation = people.conversation()
        said(conversation, "幾時到?")
        self.ask(desk, conversation)
        TypingNotice.objects.update(asked_at=clock.now() - timedelta(seconds=11))
        assert typing_notices.send_due() == 0 and told == []

    def test_need_a_message_to_answer(self, desk: Client) -> None:
        assert not self.ask(desk, people.conversation())

    def test_that_fail_trouble_nobody(self, desk: Client, told: list[tuple[str, bool]]) -> None:
        conversation = people.conversation()
        said(conversation, "幾時到?", external_id="wamid.gone")
        self.ask(desk, conversation)
        assert typing_notices.send_due() == 1 and told == [("wamid.gone", True)]


class MayGo:
    def test_is_said_with_the_values_that_decide(self, desk: Client) -> None:
        answer = desk.get(f"/admin/inbox/{people.conversation().pk}/verdict/").json()
        assert (answer["verdict"], answer["words"]) == ("allow", "May go now.")
        assert any(line.startswith("messages of this number today: 0 of at most") for line in answer["counters"])

    def test_counters_are_told_in_words(self) -> None:
        words = reasons.counter_words({"today": 812, "cap": 1000, "weekday": 2, "opted_out_at": None, "odd_one": "x"})
        assert words == ["messages of this number today: 812 of at most 1,000", "on: Wednesday", "odd one: x"]


class Abilities:
    OFFERS = ("data-react=", 'data-mode-to="location"', 'data-mode-to="choice"', 'name="file"')

    def test_offer_only_what_the_channel_can(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        conversation = people.conversation()
        said(conversation, "你好")
        whole = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert all(word in whole for word in self.OFFERS)
        monkeypatch.setattr(abilities, "capabilities_of", lambda connection: ChannelCapabilities(read_marks=False))
        least = desk.get(f"/admin/inbox/{conversation.pk}/").content.decode()
        assert not any(word in least for word in (*self.OFFERS, "data-typing"))


class WhyPage:
    def decided(self, message: Message | None, conversation: Conversation, **fields: Any) -> Decision:
        row = {"asked_by": "agent", "moment": "queue", "verdict": "refuse", "rule": "marketing_opted_out", "decided_at": timezone.now()}
        who = {"contact": conversation.identity.contact, "connection": conversation.connection, "message": message}
        return Decision.objects.create(**{**row, **who, **fields})

    def test_tells_all_decisions_of_a_message(self, owner: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "新年優惠 <b>", direction="out", state="blocked", category="marketing")
        self.decided(message, conversation, verdict="defer", rule="promotion_weekly", counters={"promotions_7d": 1, "limit": 1})
        last = self.decided(message, conversation)
        for url in (f"/admin/messages/{message.pk}/why/", f"/admin/conversations/decision/{last.pk}/change/"):
            html = owner.get(url).content.decode()
            assert "The customer declined promotions." in html and "One promotion a week." in html and "新年優惠 &lt;b&gt;" in html
            assert "promotions to this customer in 7 days: 1 of at most 1" in html and "If it were asked again now:" in html

    def test_keeps_what_was_decided_when_the_message_is_gone(self, owner: Client) -> None:
        row = self.decided(None, people.conversation())
        html = owner.get(f"/admin/conversations/decision/{row.pk}/change/").content.decode()
        assert "The message itself is gone" in html and "The customer declined promotions." in html

    def test_is_for_those_who_may_see_conversations(self, client: Client) -> None:
        message = said(people.conversation(), "你好", direction="out")
        assert client.get(f"/admin/messages/{message.pk}/why/").status_code == 302

    @pytest.mark.parametrize(
        ("query", "rows"),
        [({"rule": "promotion_weekly"}, 1), ({"verdict": "refuse"}, 2), ({"rule": "opted_out"}, 0), ({"connection": "x"}, 3), ({}, 3)],
    )
    def test_list_is_filtered_by_rule_verdict_and_connection(self, query: dict[str, str], rows: int, owner: Client) -> None:
        conversation = people.conversation()
        self.decided(None, conversation, verdict="defer", rule="promotion_weekly")
        for _ in range(2):
            self.decided(None, conversation)
        html = owner.get("/admin/conversations/decision/", query).content.decode()
        assert html.count('class="data-row') == rows
