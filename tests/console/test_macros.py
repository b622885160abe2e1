"""Several actions in one click: all of them, or none."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scrm.console.models import Macro, MacroUse
from scrm.contacts.services import record_consent
from scrm.conversations.models import Conversation, Message, QuickReply
from scrm.staff.models import Team, User
from scrm.tags.models import Tag, TagAssignment
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(mei: User) -> Client:
    return seated(allow(mei, "tags.add_tagassignment"))


@pytest.fixture
def refund() -> Macro:
    macro = Macro.objects.create(
        name="Refund agreed", shortcut="refund", text="{{name}} 您好,已為您辦理退款。", note="退款已批准", assign="me", then="close"
    )
    macro.tags.add(Tag.objects.create(slug="refund", name="Refund"))
    return macro


def use(client: Client, macro: Macro, conversation: Conversation, key: str = "") -> Any:
    address = reverse("console:macro", args=[conversation.pk, macro.pk])
    return client.post(address, {"key": key or str(uuid.uuid4())}, headers={"X-Requested-With": "fetch"})


def effects(conversation: Conversation) -> tuple[int, int, str, str]:
    conversation.refresh_from_db()
    queued = Message.objects.filter(direction="out", state="queued").count()
    return queued, TagAssignment.objects.count(), conversation.status, str(conversation.assignee or "")


class Using:
    def test_does_everything_at_once(self, desk: Client, refund: Macro) -> None:
        conversation = people.conversation()
        answer = use(desk, refund, conversation).json()
        assert (answer["closed"], effects(conversation)) == (True, (1, 1, "closed", "陳美儀"))
        message = Message.objects.get(direction="out")
        assert (message.text, message.source, str(message.author)) == ("陳大文 您好,已為您辦理退款。", "agent", "陳美儀")
        assert Message.objects.get(direction="note").text == "退款已批准"

    def test_twice_with_one_key_is_one_use(self, desk: Client, refund: Macro) -> None:
        conversation, key = people.conversation(), str(uuid.uuid4())
        answers = [use(desk, refund, conversation, key).status_code for _ in range(2)]
        refund.refresh_from_db()
        assert (answers, refund.used, MacroUse.objects.count()) == ([200, 200], 1, 1)
        assert Message.objects.filter(direction__in=["out", "note"]).count() == 2

    def test_does_nothing_at_all_when_the_law_refuses_the_words(self, desk: Client, refund: Macro) -> None:
        conversation = people.conversation(window_open=False)
        answer = use(desk, refund, conversation)
        assert answer.status_code == 422 and "only a template may go" in answer.json()["error"]
        refund.refresh_from_db()
        assert (effects(conversation), refund.used, Message.objects.count()) == ((0, 0, "open", ""), 0, 0)

    def test_does_nothing_for_a_customer_who_wants_no_messages(self, desk: Client, refund: Macro) -> None:
        conversation = people.conversation()
        record_consent(conversation.identity, purpose="all", allowed=False, source="message", at=timezone.now() + timedelta(seconds=1))
        assert use(desk, refund, conversation).status_code == 422
        assert effects(conversation) == (0, 0, "open", "")

    def test_needs_the_right_for_each_of_its_actions(self, mei: User, refund: Macro) -> None:
        conversation = people.conversation()
        answer = use(seated(mei), refund, conversation)
        assert answer.status_code == 422 and "may not do" in answer.json()["error"]
        assert effects(conversation) == (0, 0, "open", "")

    def test_is_refused_to_readers(self, refund: Macro) -> None:
        reader = seated(allow(people.agent("reader"), "conversations.view_conversation"))
        assert use(reader, refund, people.conversation()).status_code == 403

    def test_snoozes_lowers_and_hands_to_a_team(self, desk: Client) -> None:
        team = Team.objects.create(name="倉務")
        macro = Macro.objects.create(name="Ask the warehouse", shortcut="wh", assign="team", team=team, priority="low", then="hour")
        conversation = people.conversation()
        use(desk, macro, conversation)
        conversation.refresh_from_db()
        assert (conversation.team, conversation.low_priority, conversation.status) == (team, True, "snoozed")

    def test_speaks_the_customers_language(self, desk: Client) -> None:
        reply = QuickReply.objects.create(shortcut="thanks", language="zh_HK", title="多謝", text="多謝查詢!")
        japanese = QuickReply.objects.create(shortcut="thanks", language="ja", title="お礼", text="お問い合わせありがとうございました。")
        macro = Macro.objects.create(name="Thanks", shortcut="t", quick_reply=reply)
        conversation = people.conversation()
        conversation.identity.contact.language = "ja"
        conversation.identity.contact.save()
        use(desk, macro, conversation)
        japanese.refresh_from_db()
        assert (Message.objects.get(direction="out").text, japanese.used) == ("お問い合わせありがとうございました。", 1)

    def test_of_somebody_who_left_says_so(self, desk: Client) -> None:
        gone = people.agent("gone", is_active=False)
        macro = Macro.objects.create(name="To her", shortcut="x", assign="colleague", colleague=gone)
        assert "no longer there" in use(desk, macro, people.conversation()).json()["error"]

    @pytest.mark.parametrize("key", ["", "1", "x" * 36])
    def test_wants_a_key_of_the_page(self, key: str, desk: Client, refund: Macro) -> None:
        conversation = people.conversation()
        address = reverse("console:macro", args=[conversation.pk, refund.pk])
        assert desk.post(address, {"key": key}, headers={"X-Requested-With": "fetch"}).status_code == 422
        assert effects(conversation) == (0, 0, "open", "")


class TheMenu:
    def test_offers_what_is_in_use_and_for_ones_team(self, desk: Client, mei: User, refund: Macro) -> None:
        Macro.objects.create(name="Old", shortcut="old", active=False, then="close")
        others = Macro.objects.create(name="Taipei only", shortcut="tp", then="close")
        others.teams.add(Team.objects.create(name="Taipei"))
        conversation = people.conversation()
        offered = desk.get(reverse("console:quick-replies", args=[conversation.pk])).json()["macros"]
        assert [(row["shortcut"], row["closes"]) for row in offered] == [("refund", True)]
        assert "Refund" in offered[0]["text"] and "close" in offered[0]["text"]
        assert use(desk, others, conversation).status_code == 404
        mei.teams.add(others.teams.get())
        assert use(desk, others, conversation).status_code == 200

    def test_is_there_when_the_window_is_shut(self, desk: Client, refund: Macro) -> None:
        conversation = people.conversation(window_open=False)
        html = desk.get(reverse("console:macro-menu", args=[conversation.pk])).content.decode()
        assert "Refund agreed" in html and "data-close" in html

    def test_escapes_what_people_typed(self, desk: Client) -> None:
        Macro.objects.create(name="<script>alert(1)</script>", shortcut="<b>", text="<img src=x onerror=alert(1)>")
        html = desk.get(reverse("console:macro-menu", args=[people.conversation().pk])).content.decode()
        assert "<script>" not in html and "<img" not in html


class TheForm:
    def test_keeps_a_macro(self, owner: Client) -> None:
        body = {"name": "Thanks", "shortcut": "thx", "active": "on", "text": "多謝!", "then": "close"}
        assert owner.post("/admin/console/macro/add/", body).status_code == 302
        assert Macro.objects.get().then == "close"
        assert "Thanks" in owner.get("/admin/console/macro/").content.decode()

    @pytest.mark.parametrize(
        "wrong",
        [{"shortcut": "two words"}, {"shortcut": "/x"}, {"assign": "colleague"}, {"assign": "team"}, {"shortcut": ""}, {"then": ""}],
    )
    def test_says_what_makes_no_sense(self, wrong: dict[str, str], owner: Client) -> None:
        body = {"name": "Thanks", "shortcut": "thx", "active": "on", "then": "close", **wrong}
        assert owner.post("/admin/console/macro/add/", body).status_code == 200
        assert not Macro.objects.exists()
