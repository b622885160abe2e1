"""An action on all that match a list goes on in steps: each row once, in requests that end, with its progress, and to the end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client

from scrm.console.admin import base, steps
from scrm.conversations.models import Message
from tests import people
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/message/?outbox=unknown"
FAILED = "/admin/conversations/message/?outbox=failed"


@pytest.fixture
def owner(admin_client: Client) -> Client:
    return admin_client


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP", 4)
    monkeypatch.setattr(base.ConsoleAdmin, "list_per_page", 5)


def unknown(count: int) -> list[Message]:
    chat = people.conversation()
    return [said(chat, f"已寄出 {number}", direction="out", state="unknown") for number in range(count)]


def begin(client: Client, action: str = "give_up", address: str = LIST, **more: str) -> Any:
    return client.post(address, {"action": action, "select_across": "1", "index": "0", ACTION_CHECKBOX_NAME: "0", **more})


def hidden(page: str) -> dict[str, str]:
    form = page[page.index("data-steps") :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)) if "data-steps" in page else {}


class AllThatMatch:
    def test_are_gone_through_step_by_step_and_told_at_the_end(self, owner: Client) -> None:
        unknown(10)
        answer, seen = begin(owner), []
        while answer.status_code == 200:
            page = answer.content.decode()
            fields = hidden(page)
            seen.append(Message.objects.filter(state="failed").count())
            answer = owner.post(LIST, fields)
        assert seen == [4, 8] and answer.status_code == 302
        assert Message.objects.filter(state="failed").count() == 10
        told = owner.get(LIST).content.decode()
        assert "done with 10 of 10 rows" in told

    def test_that_came_meanwhile_are_left_to_the_next_time(self, owner: Client) -> None:
        unknown(5)
        fields = hidden(begin(owner).content.decode())
        late = said(people.conversation(people.customer("林怡君", "886912345678")), "late", direction="out", state="unknown")
        assert owner.post(LIST, fields).status_code == 302
        late.refresh_from_db()
        assert (late.state, Message.objects.filter(state="failed").count()) == ("unknown", 5)

    def test_are_those_of_the_filter(self, owner: Client) -> None:
        unknown(2)
        assert begin(owner, address=FAILED).status_code == 302
        assert Message.objects.filter(state="unknown").count() == 2

    def test_of_a_single_page_are_done_at_once_as_chosen(self, owner: Client) -> None:
        one, *_others = unknown(3)
        form = {"action": "give_up", "select_across": "0", "index": "0", ACTION_CHECKBOX_NAME: str(one.pk)}
        assert owner.post(LIST, form).status_code == 302
        assert list(Message.objects.filter(state="failed")) == [one]

    @pytest.mark.parametrize("given", ["x", "-1", "9" * 30])
    def test_survive_hostile_places(self, given: str, owner: Client) -> None:
        unknown(1)
        assert begin(owner, step_after=given, step_until=given, step_seen=given, step_done=given).status_code == 302

    def test_are_refused_to_who_may_not(self, client: Client) -> None:
        unknown(1)
        client.force_login(people.agent("ken"))
        begin(client)
        assert Message.objects.get().state == "unknown"


class Words:
    def test_say_that_more_match_than_were_counted(self, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        unknown(7)
        assert "Select all 7 that match" in owner.get(LIST).content.decode()
        monkeypatch.setattr(base.InfinitePaginator, "counted", 6)
        assert "Select all that match (more than 6)" in owner.get(LIST).content.decode()
        monkeypatch.setattr(base, "count_within", lambda rows, most, milliseconds: None)
        assert "Select all that match (not counted)" in owner.get(LIST).content.decode()
