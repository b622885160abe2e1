"""What agents and supervisors do most, in a real browser, by keyboard where keys are quicker; each click and key is counted and bounded.

`python -m tests.journeys.tasks` prints the table. Bounds are of clicks, keys and fields; seconds hang on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import Browser, Page

from scrm.automation.models import Rule
from scrm.contacts.models import Contact, Merge
from scrm.contacts.services import record_consent
from scrm.conversations.models import Claim, Conversation, Message, MessageTemplate, QuickReply
from scrm.conversations.services import queue_message
from scrm.staff import roles
from scrm.staff.models import Team, User
from scrm.tags.models import Tag, TagAssignment
from tests import people
from tests.console.thread_rows import said
from tests.journeys.browsing import NEEDS_CHROMIUM, picture, seat
from tests.journeys.cast import twins
from tests.journeys.hands import Hand

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]
Begin = Callable[[str], Hand]


def colleague(username: str, name: str, role: str) -> User:
    roles.install()
    user = people.agent(username, display_name=name)
    user.groups.add(Group.objects.get(name=role))
    team, _ = Team.objects.get_or_create(name="Hong Kong")
    team.members.add(user)
    team.numbers.add(people.hong_kong())
    return user


@pytest.fixture
def mei(transactional_db: None) -> User:
    return colleague("mei", "陳美儀", roles.AGENTS)


@pytest.fixture
def desk(mei: User, live_server: Any, chromium: Browser) -> Iterator[Page]:
    with seat(chromium, mei, live_server.url) as page:
        yield page
        picture(page, page.title().split(" | ")[0])


@pytest.fixture
def office(live_server: Any, chromium: Browser) -> Iterator[Page]:
    """The supervisor's window."""
    with seat(chromium, colleague("aya", "林彩", roles.SUPERVISORS), live_server.url) as page:
        yield page


@pytest.fixture
def begin(record_property: Callable[[str, object], None]) -> Callable[[Page, str], Hand]:
    return lambda page, what: Hand(page, what, record_property)


def waiting(name: str = "陳大文", phone: str = "85291234567", text: str = "幾時送到?", minutes: int = 30) -> Conversation:
    """A customer who has waited for so long."""
    chat = people.conversation(people.customer(name, phone))
    said(chat, text)
    since = timezone.now() - timedelta(minutes=minutes)
    fields = {"waiting_since": since, "last_message_at": since, "last_preview": text, "last_direction": "in", "unread_count": 1}
    Conversation.objects.filter(pk=chat.pk).update(**fields)
    return chat


def opened(page: Page, chat: Conversation) -> None:
    page.goto(f"/admin/inbox/{chat.pk}/")
    page.locator("#ix-beside .ix-card").wait_for()


class AgentTasks:
    def test_open_the_next_chat_that_waits(self, desk: Page, begin: Any) -> None:
        waiting("林怡君", "85291230002", "想換貨", minutes=5)
        waiting("陳大文", "85291230001", "幾時送到?", minutes=30)
        desk.goto("/admin/inbox/")
        hand = begin(desk, "open the next chat that waits")
        hand.press("w")
        hand.sees("#ix-head h2", "陳大文")
        hand.done(clicks=0, keys=1)

    def test_see_that_a_colleague_answers_and_take_over(
        self, desk: Page, mei: User, begin: Any, chromium: Browser, live_server: Any
    ) -> None:
        chat = waiting()
        with seat(chromium, colleague("kenji", "Sato Kenji", roles.AGENTS), live_server.url) as other:
            opened(desk, chat)
            opened(other, chat)
            theirs = Hand(other, "", lambda name, value: None)
            theirs.press("r")
            theirs.write("明天")
            hand = begin(desk, "see that a colleague answers, and take over")
            hand.sees("#ix-company", "Sato Kenji is answering here")
            hand.press("o")
            hand.sees("#ix-toast", "You are answering here now.")
            hand.done(clicks=0, keys=1)
            theirs.sees("#ix-toast", "陳美儀 has taken over the answer. What you wrote is kept as your draft.")
            theirs.sees("#ix-company", "陳美儀 is answering here")
            assert other.locator("#ix-text").input_value() == "明天"
            asked: list[str] = []
            other.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
            theirs.press("Enter")
            for _ in range(100):
                other.wait_for_timeout(100)
                if asked:
                    break
            assert "陳美儀 is answering here just now" in "".join(asked)
        assert Claim.objects.get().holder == mei and not Message.objects.filter(direction="out").exists()

    def test_answer_with_a_quick_reply(self, desk: Page, begin: Any) -> None:
        QuickReply.objects.create(shortcut="ship", title="Shipping", text="{{name}} 您好,一般三天內送到。")
        QuickReply.objects.create(shortcut="return", title="Returns", text="七日內可退。")
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "answer with a quick reply")
        hand.press("r")
        hand.write("/sh")
        hand.sees("#ix-suggest li[aria-selected=true]", "/ship")
        hand.press("Enter", "Enter")
        hand.sees("#ix-messages article.out", "三天內送到")
        hand.done(clicks=0, keys=3, entries=1)
        sent = Message.objects.get(conversation=chat, direction="out")
        assert sent.text.endswith("您好,一般三天內送到。") and "{{" not in sent.text and QuickReply.objects.get(shortcut="ship").used == 1

    def test_send_a_template_when_the_window_is_shut(self, desk: Page, begin: Any) -> None:
        body = [{"type": "BODY", "text": "您好 {{1}}，想繼續為您跟進訂單，請回覆此訊息。"}]
        shared = {"connection": people.hong_kong(), "category": "UTILITY", "status": "APPROVED", "synced_at": timezone.now()}
        MessageTemplate.objects.create(name="continue_chat", language="zh_HK", components=body, **shared)
        chat = people.conversation(window_open=False)
        opened(desk, chat)
        hand = begin(desk, "send a template when the window is shut")
        hand.press("r")
        hand.at("document.activeElement.id === 'ix-template'")
        hand.press("Control+Enter")
        hand.sees("#ix-messages article.out", "想繼續為您跟進訂單")
        hand.done(clicks=0, keys=2)
        assert Message.objects.get(conversation=chat).kind == "template"

    def test_leave_a_note_for_colleagues(self, desk: Page, begin: Any) -> None:
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "leave a note for colleagues")
        hand.press("n")
        hand.write("熟客,送貨前先致電")
        hand.press("Enter")
        hand.sees("#ix-messages article.note", "送貨前先致電")
        hand.done(clicks=0, keys=2, entries=1)
        assert Message.objects.get(conversation=chat, direction="note").text == "熟客,送貨前先致電"

    def test_tag_the_customer_and_take_the_chat(self, desk: Page, mei: User, begin: Any) -> None:
        Tag.objects.create(slug="vip", name="VIP")
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "tag the customer and take the chat")
        hand.press("t")
        hand.write("VIP")
        hand.press("Enter")
        hand.sees("#ix-beside .ix-tag", "VIP")
        hand.press("a")
        hand.sees("#ix-head .ix-owner", "陳美儀")
        hand.done(clicks=0, keys=3, entries=1)
        assert TagAssignment.objects.get(contact=chat.identity.contact_id).tag.name == "VIP"
        assert Conversation.objects.get(pk=chat.pk).assignee == mei

    def test_hand_over_with_a_note(self, desk: Page, begin: Any) -> None:
        kenji = colleague("kenji", "Sato Kenji", roles.AGENTS)
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "hand over to a colleague with a note")
        hand.press("h")
        hand.at("document.activeElement.name === 'to'")
        hand.write("Sato")
        hand.press("Tab")
        hand.write("日文客人")
        hand.press("Tab", "Enter")
        hand.sees("#ix-head .ix-owner", "Sato Kenji")
        hand.done(clicks=0, keys=4, entries=2)
        assert Conversation.objects.get(pk=chat.pk).assignee == kenji
        assert Message.objects.get(conversation=chat, direction="note").text == "日文客人"

    def test_snooze_until_tomorrow(self, desk: Page, begin: Any) -> None:
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "snooze until tomorrow morning")
        hand.press("s", "ArrowDown", "Enter")
        hand.sees("#ix-head .ix-chip", "Snoozed until")
        hand.done(clicks=0, keys=3)
        until = Conversation.objects.get(pk=chat.pk).snoozed_until
        assert until is not None and timezone.localtime(until).hour == 9

    def test_correct_a_field_in_place(self, desk: Page, begin: Any) -> None:
        chat = waiting()
        opened(desk, chat)
        hand = begin(desk, "correct the customer's name in place")
        hand.press("c")
        hand.at("document.activeElement.name === 'person-name'")
        hand.press("Control+a")
        hand.write("陳大明")
        hand.press("Enter")
        hand.sees("#ix-beside .ix-name", "陳大明")
        hand.done(clicks=0, keys=3, entries=1)
        contact = Contact.objects.get(pk=chat.identity.contact_id)
        assert (contact.name, contact.provenance["name"]["source"]) == ("陳大明", "person")


class SupervisorTasks:
    def test_decide_on_a_duplicate(self, office: Page, begin: Any) -> None:
        twins("陳大文", "陳大文", 1000, "1985-03-12")
        office.goto("/admin/review/duplicates/")
        office.locator("form.rv-case").wait_for()
        hand = begin(office, "decide on a duplicate")
        hand.press("m")
        hand.sees("[data-decided]", "1")
        hand.done(clicks=0, keys=1)
        assert Merge.objects.get().by.username == "aya"

    def test_find_out_why_a_message_was_not_sent(self, office: Page, begin: Any) -> None:
        chat = people.conversation()
        record_consent(chat.identity, purpose="all", allowed=False, source="by_hand", evidence="by telephone", by="aya")
        blocked = queue_message(chat, text="新品八折!", source="api", idempotency_key="promotion").message
        assert blocked.state == "blocked"
        opened(office, chat)
        hand = begin(office, "find out why a message was not sent")
        hand.sees("#ix-messages .ix-problem", "Blocked.")
        hand.click("#ix-messages .ix-more-why")
        hand.sees(".console-panel .console-chip", "refused")
        hand.done(clicks=1, keys=0)

    def test_switch_a_rule_off(self, office: Page, begin: Any) -> None:
        rule = Rule.objects.create(name="Greeting", action="reply", options={"text": "Hello"}, enabled=True)
        office.goto("/admin/automation/rule/")
        hand = begin(office, "switch a rule off")
        hand.click("#result_list a:has-text('Greeting')")
        hand.click("#id_enabled")
        hand.click("[name=_save]")
        hand.sees("#result_list")
        hand.done(clicks=3, keys=0)
        rule.refresh_from_db()
        assert (rule.enabled, rule.version) == (False, 2)
