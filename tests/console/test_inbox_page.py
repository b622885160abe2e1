"""What the inbox shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from scrm.automation.models import Rule
from scrm.console.inbox import queues
from scrm.conversations.models import Attachment, Conversation, Decision
from scrm.conversations.search import message_index
from scrm.staff import roles
from scrm.staff.models import Team, User
from tests import people
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


def page(client: Client, conversation: Conversation, **query: Any) -> str:
    return client.get(f"/admin/inbox/{conversation.pk}/", query).content.decode()


class Thread:
    def test_shows_what_customers_write_as_text_and_never_as_markup(self, desk: Client) -> None:
        conversation = people.conversation(people.customer(name="<b>陳</b>"))
        said(conversation, "<script>alert('陳')</script> <img src=x onerror=alert(1)>")
        html = page(desk, conversation)
        assert "<script>alert(" not in html and "<img src=x" not in html and "<b>陳</b>" not in html
        assert "&lt;script&gt;alert(" in html and "&lt;b&gt;陳&lt;/b&gt;" in html

    def test_makes_links_of_web_addresses_only(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "javascript:alert(1) https://example.hk/茶")
        html = page(desk, conversation)
        assert 'href="javascript:' not in html
        assert 'href="https://example.hk/' in html and 'rel="nofollow"' in html

    def test_explains_a_failed_send_and_offers_to_send_again(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "已寄出", direction="out", state="failed", error_code="131026", error_title="Message undeliverable")
        html = page(desk, conversation)
        assert f"/admin/inbox/messages/{message.pk}/resend/" in html
        assert "131026" in html

    def test_says_which_rule_blocked_and_when_it_may_go(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "新年優惠", direction="out", state="blocked")
        Decision.objects.create(
            contact=conversation.identity.contact,
            connection=conversation.connection,
            message=message,
            asked_by="agent",
            moment="queue",
            verdict="refuse",
            rule="marketing_opted_out",
            decided_at=timezone.now(),
        )
        assert "The customer declined promotions." in page(desk, conversation)

    def test_leaves_an_unknown_outcome_to_a_person(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "已寄出", direction="out", state="unknown")
        html = page(desk, conversation)
        assert f"/messages/{message.pk}/resend/" in html and f"/messages/{message.pk}/give-up/" in html

    def test_names_the_rule_that_spoke(self, desk: Client) -> None:
        rule = Rule.objects.create(name="Order status asked", action="answer_order_status")
        conversation = people.conversation()
        said(conversation, "順豐 1234", direction="out", source="rule", cause=f"rule:{rule.pk}")
        assert "Automation: Order status asked" in page(desk, conversation)

    def test_puts_a_reaction_on_its_message(self, desk: Client) -> None:
        conversation = people.conversation()
        asked = said(conversation, "要紅色嗎?", direction="out")
        said(conversation, "👍", kind="reaction", content={"message_id": asked.external_id, "emoji": "👍"})
        html = page(desk, conversation)
        assert html.count('<article class="ix-m') == 1
        assert '<p class="ix-reactions"><span>👍</span></p>' in html

    def test_quotes_the_message_that_is_answered(self, desk: Client) -> None:
        conversation = people.conversation()
        asked = said(conversation, "要紅色嗎?", direction="out")
        said(conversation, "要", reply_to=asked.external_id)
        said(conversation, "之前那個", reply_to="wamid.unknown")
        html = page(desk, conversation)
        assert f'<a href="#m{asked.pk}" data-jump="{asked.pk}">要紅色嗎?</a>' in html
        assert "A message that is not stored here" in html

    def test_links_a_place_to_a_map_and_ignores_broken_ones(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "油麻地", kind="location", content={"latitude": "22.3130", "longitude": 114.1704})
        said(conversation, "?", kind="location", content={"latitude": "north"})
        assert page(desk, conversation).count("https://www.openstreetmap.org/") == 1

    def test_keeps_a_place_for_what_it_cannot_show(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "", kind="unsupported", content={"platform_type": "poll_creation"})
        assert "poll_creation" in page(desk, conversation)

    def test_shows_a_missing_file_as_missing(self, desk: Client) -> None:
        conversation = people.conversation()
        message = said(conversation, "", kind="image")
        file = Attachment.objects.create(message=message, kind="image", state="failed", last_error="gone", due_at=timezone.now())
        html = page(desk, conversation)
        assert "could not be fetched" in html and "gone" in html and f"/admin/inbox/files/{file.pk}/fetch/" in html

    def test_fetches_a_missing_file_again(self, desk: Client) -> None:
        message = said(people.conversation(), "", kind="image")
        file = Attachment.objects.create(message=message, kind="image", state="failed", attempts=6, due_at=timezone.now())
        desk.post(f"/admin/inbox/files/{file.pk}/fetch/")
        file.refresh_from_db()
        assert (file.state, file.attempts) == ("waiting", 0)

    def test_separates_days_in_the_viewers_time_zone(self, desk: Client, mei: User) -> None:
        conversation = people.conversation()
        for minute, zone in ((59, "Asia/Tokyo"), (1, "Asia/Tokyo")):
            at = people.NOON.replace(hour=14 if minute == 59 else 15, minute=minute)
            said(conversation, zone, sent_at=at)
        User.objects.filter(pk=mei.pk).update(time_zone="Asia/Tokyo")
        assert page(desk, conversation).count('class="ix-day"') == 2
        User.objects.filter(pk=mei.pk).update(time_zone="Asia/Hong_Kong")
        assert page(desk, conversation).count('class="ix-day"') == 1

    def test_pages_back_without_gaps_or_repeats(self, desk: Client) -> None:
        conversation = people.conversation()
        at = timezone.now()
        for number in range(120):
            said(conversation, f"第{number}句", sent_at=at if number % 2 else at - timedelta(hours=1))
        html, seen = page(desk, conversation), []
        while True:
            seen += [piece.split('"')[0] for piece in html.split('<article class="ix-m')[1:] for piece in [piece.split('id="m')[1]]]
            if "data-older-messages=" not in html:
                break
            cursor = html.split('data-older-messages="')[1].split('"')[0]
            html = desk.get(f"/admin/inbox/{conversation.pk}/older/", {"before": cursor}).content.decode()
        assert len(seen) == len(set(seen)) == 120


class Composer:
    def test_gives_way_to_templates_when_the_window_is_closed(self, desk: Client) -> None:
        assert 'data-mode="template"' in page(desk, people.conversation(window_open=False))

    def test_takes_text_while_the_window_is_open(self, desk: Client) -> None:
        html = page(desk, people.conversation())
        assert 'data-mode="text"' in html and "data-left=" in html


class QueuesOfTheInbox:
    def test_show_what_they_say(self, desk: Client, mei: User) -> None:
        mine, waiting = people.conversation(people.customer("山田花子", "819012345678")), people.conversation()
        Conversation.objects.filter(pk=mine.pk).update(assignee=mei)
        Conversation.objects.filter(pk=waiting.pk).update(waiting_since=timezone.now(), unread_count=2)
        shown = {slug: [row.pk for row in queues.page_of(queue, mei).rows] for slug, queue in queues.QUEUES.items()}
        assert shown["mine"] == [mine.pk]
        assert shown["unassigned"] == shown["waiting"] == shown["unread"] == [waiting.pk]
        assert sorted(shown["open"]) == sorted([mine.pk, waiting.pk])
        assert queues.counts(mei) == {"open": 2, "mine": 1, "unassigned": 1, "waiting": 1, "overdue": 0, "unread": 1, "snoozed": 0}

    def test_stop_counting_at_a_hundred(self, mei: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queues, "COUNTED", 2)
        for number in range(5):
            people.conversation(people.customer(f"客人 {number}", f"8529876543{number}"))
        assert queues.counts(mei)["open"] == 3
        assert queues.shown_count(3) == "2+"

    @pytest.mark.parametrize("slug", ["open", "waiting"])
    def test_page_on_without_gaps_or_repeats(self, slug: str, mei: User) -> None:
        at = timezone.now()
        for number in range(11):
            row = people.conversation(people.customer(f"客人 {number}", f"852987654{number:02d}"))
            Conversation.objects.filter(pk=row.pk).update(
                last_message_at=at - timedelta(minutes=number // 3), waiting_since=at - timedelta(minutes=number // 4)
            )
        queue, seen, after = queues.queue_named(slug), [], ""
        while True:
            found = queues.page_of(queue, mei, after=after, size=3)
            seen += [row.pk for row in found.rows]
            after = found.older
            if not after:
                break
        assert len(seen) == len(set(seen)) == 11
        assert seen == list(queue.ordered(mei).values_list("pk", flat=True))

    @pytest.mark.parametrize("cursor", ["x", "2026-13-99~1", "2026-01-01T00:00:00~1", "~", "2026-01-01T00:00:00+00:00~x"])
    def test_begin_anew_with_a_cursor_that_makes_no_sense(self, cursor: str, desk: Client) -> None:
        people.conversation()
        assert desk.get("/admin/inbox/older/", {"after": cursor}).content.count(b"ix-row") == 1


class Search:
    def test_finds_people_and_words_in_closed_conversations_too(self, desk: Client) -> None:
        conversation = people.conversation(people.customer("山田花子", "819012345678"))
        message = said(conversation, "抹茶セットはいつ届きますか")
        message_index.add([(message.pk, message.text)])
        Conversation.objects.filter(pk=conversation.pk).update(status="closed")
        for words in ("山田", "抹茶", "5678"):
            html = desk.get("/admin/inbox/", {"q": words}).content.decode()
            assert f'id="c{conversation.pk}"' in html, words
        assert "抹茶セット" in desk.get("/admin/inbox/", {"q": "抹茶"}).content.decode()
        assert "Nothing found" in desk.get("/admin/inbox/", {"q": "紅茶"}).content.decode()


class Cost:
    def test_of_a_page_does_not_grow_with_what_it_shows(self, desk: Client, django_assert_max_num_queries: Any) -> None:
        for number in range(25):
            row = people.conversation(people.customer(f"客人 {number}", f"852987654{number:02d}"))
            for turn in range(8):
                said(row, f"第{turn}句", reply_to=f"wamid.{row.pk}.0" if turn else "")
        desk.get("/admin/inbox/")
        with django_assert_max_num_queries(10):
            desk.get("/admin/inbox/")
        with django_assert_max_num_queries(16):
            desk.get(f"/admin/inbox/{row.pk}/")
        with django_assert_max_num_queries(12):
            desk.get(f"/admin/inbox/{row.pk}/beside/")

    def test_of_a_search_by_an_agent_is_bounded_too(self, client: Client, django_assert_max_num_queries: Any) -> None:
        roles.install()
        agent = people.agent("ren")
        agent.groups.add(Group.objects.get(name=roles.AGENTS))
        agent.teams.add(Team.objects.create(name="Hong Kong"))
        client.force_login(agent)
        for number in range(5):
            message = said(people.conversation(people.customer(f"抹茶 {number}", f"852987654{number:02d}")), "抹茶セットはありますか?")
            message_index.add([(message.pk, message.text)])
        client.get("/admin/inbox/")
        with django_assert_max_num_queries(12):
            assert "抹茶セット" in client.get("/admin/inbox/", {"q": "抹茶"}).content.decode()
