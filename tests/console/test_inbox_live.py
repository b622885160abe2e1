"""The page asks every two seconds: nothing changed costs next to nothing, a change comes as fragments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from scrm.console.inbox import polls
from scrm.conversations import claims
from scrm.conversations.services import add_note, queue_message
from scrm.staff.models import User
from tests import people
from tests.console.conftest import allow, seated
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@dataclass
class Moment:
    """The process's clock."""

    seconds: float = 1000.0


def ask(client: Client, conversation: Any = None, etag: str = "", **query: Any) -> Any:
    wanted = {"c": conversation.pk, **query} if conversation else query
    return client.get("/admin/inbox/live/", wanted, headers={"If-None-Match": etag} if etag else {})


class Asking:
    def test_answers_304_while_nothing_changes(self, desk: Client, django_assert_max_num_queries: Any) -> None:
        conversation = people.conversation()
        etag = ask(desk, conversation)["ETag"]
        with django_assert_max_num_queries(8):
            answer = ask(desk, conversation, etag)
        assert (answer.status_code, answer.content) == (304, b"")

    def test_brings_a_new_message(self, desk: Client, mei: User) -> None:
        conversation = people.conversation()
        etag = ask(desk, conversation)["ETag"]
        queue_message(conversation, text="已寄出", source="agent", by=mei, idempotency_key="k1")
        answer = ask(desk, conversation, etag, v=conversation.version)
        assert answer.status_code == 200
        assert "已寄出" in answer.json()["conversation"]["thread"] and "已寄出" in answer.json()["list"]

    def test_tells_of_other_conversations_without_drawing_the_open_one_again(self, desk: Client, mei: User) -> None:
        shown, other = people.conversation(), people.conversation(people.customer("山田花子", "819012345678"))
        etag = ask(desk, shown)["ETag"]
        queue_message(other, text="発送しました", source="agent", by=mei, idempotency_key="k2")
        answer = ask(desk, shown, etag, v=shown.version, mode="text").json()
        assert "発送しました" in answer["list"]
        assert "thread" not in answer["conversation"] and "composer" not in answer["conversation"]

    def test_shows_a_note_at_once(self, desk: Client, mei: User) -> None:
        conversation = people.conversation()
        etag = ask(desk, conversation)["ETag"]
        add_note(conversation, text="熟客", by=mei)
        assert "熟客" in ask(desk, conversation, etag, v=conversation.version).json()["conversation"]["thread"]

    def test_replaces_the_composer_when_the_window_closes(self, desk: Client) -> None:
        conversation = people.conversation(window_open=False)
        fragments = ask(desk, conversation, mode="text").json()["conversation"]
        assert fragments["mode"] == "template" and 'data-mode="template"' in fragments["composer"]

    def test_leaves_a_search_alone(self, desk: Client) -> None:
        people.conversation()
        assert "list" not in ask(desk, q="陳").json()

    @pytest.mark.parametrize(
        "query", [{"c": "x"}, {"c": "9" * 30}, {"c": "0"}, {"pages": "99"}, {"pages": "-1"}, {"queue": "<b>"}, {"q": "\x00"}]
    )
    def test_survives_nonsense(self, query: dict[str, str], desk: Client) -> None:
        assert desk.get("/admin/inbox/live/", query).status_code == 200


class Company:
    def test_warns_when_a_colleague_types(self, desk: Client) -> None:
        conversation = people.conversation()
        kenji = allow(people.agent("kenji", display_name="佐藤健二"), "conversations.view_conversation")
        etag = ask(desk, conversation)["ETag"]
        ask(seated(kenji), conversation, typing="1")
        answer = ask(desk, conversation, etag)
        assert answer.status_code == 200
        assert answer.json()["conversation"]["company"] == "<span>佐藤健二 is typing here</span>"

    def test_does_not_count_oneself(self, desk: Client) -> None:
        conversation = people.conversation()
        ask(desk, conversation, typing="1")
        assert ask(desk, conversation).json()["conversation"]["company"] == ""


class NothingNew:
    """What an idle page asks for hours: after the long way's first 304 the next ones are short, and hide nothing."""

    @pytest.fixture
    def told(self, desk: Client, now: Moment) -> tuple[Any, str]:
        """A chat, and the mark with which its page has been told once that nothing happened."""
        conversation = people.conversation()
        etag = ask(desk, conversation)["ETag"]
        assert ask(desk, conversation, etag).status_code == 304
        return conversation, etag

    @pytest.fixture
    def now(self, monkeypatch: pytest.MonkeyPatch) -> Moment:
        moment = Moment()
        monkeypatch.setattr(polls, "monotonic", lambda: moment.seconds)
        return moment

    def test_is_said_in_two_statements(self, desk: Client, told: tuple[Any, str], django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(2):
            answer = ask(desk, *told)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", told[1])
        assert "Content-Security-Policy" in answer

    def test_is_not_said_of_a_new_message(self, desk: Client, mei: User, told: tuple[Any, str]) -> None:
        queue_message(told[0], text="已寄出", source="agent", by=mei, idempotency_key="k3")
        assert "已寄出" in ask(desk, *told, v="1").json()["conversation"]["thread"]

    def test_is_not_said_when_a_colleague_begins_to_answer(self, desk: Client, told: tuple[Any, str]) -> None:
        claims.take(told[0].pk, by=people.agent("kenji", display_name="佐藤健二"))
        assert ask(desk, *told).json()["conversation"]["claim"] == "佐藤健二"

    def test_is_not_said_when_a_colleague_comes_or_goes(self, desk: Client, told: tuple[Any, str]) -> None:
        kenji = seated(allow(people.agent("kenji", display_name="佐藤健二"), "conversations.view_conversation"))
        ask(kenji, told[0])
        came = ask(desk, *told)
        assert "佐藤健二" in came.json()["conversation"]["company"]
        assert ask(desk, told[0], came["ETag"]).status_code == 304
        cache.clear()
        assert ask(desk, told[0], came["ETag"]).status_code == 200

    def test_lets_colleagues_see_who_looks_on(self, desk: Client, told: tuple[Any, str]) -> None:
        cache.clear()
        ask(desk, *told)
        kenji = seated(allow(people.agent("kenji"), "conversations.view_conversation"))
        assert "陳美儀" in ask(kenji, told[0]).json()["conversation"]["company"]

    def test_is_said_to_nobody_else(self, told: tuple[Any, str]) -> None:
        assert ask(Client(), *told).status_code == 302
        without_rights = seated(people.agent("kenji"))
        assert ask(without_rights, *told).status_code == 403

    def test_is_remembered_of_a_log_in_alone(self, mei: User, told: tuple[Any, str]) -> None:
        polls.forget()
        request = RequestFactory().get("/admin/inbox/live/", headers={"If-None-Match": told[1]})
        polls.remember(request, mei, None, [], polls.mark())
        assert not polls.is_quiet(request)

    def test_costs_two_statements_for_twenty_questions_on_end(
        self, desk: Client, told: tuple[Any, str], now: Moment, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(2 * 20):
            for _ in range(20):
                now.seconds += 2.0
                assert ask(desk, *told).status_code == 304

    def test_is_asked_the_long_way_after_some_seconds(self, desk: Client, mei: User, told: tuple[Any, str], now: Moment) -> None:
        User.objects.filter(pk=mei.pk).update(is_active=False)
        now.seconds += polls.SECONDS + 0.1
        assert ask(desk, *told).status_code == 302

    def test_is_remembered_of_so_many_pages(self, desk: Client, told: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(polls, "MOST", 1)
        assert ask(desk, etag=ask(desk)["ETag"]).status_code == 304
        assert len(polls._known) == 1


class Pane:
    def test_is_all_that_a_script_gets(self, desk: Client) -> None:
        conversation = people.conversation()
        said(conversation, "你好")
        html = desk.get(f"/admin/inbox/{conversation.pk}/", headers={"X-Requested-With": "fetch"}).content.decode()
        assert "你好" in html and "<html" not in html
