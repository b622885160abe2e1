"""The first steps of a new installation, and what empty queues say."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from scrm.automation.models import Rule
from scrm.connections.models import Connection
from tests import people
from tests.console.conftest import seated
from tests.console.thread_rows import said

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def steps(client: Client, query: str = "") -> dict[str, str]:
    """Each step's state as the page was given it."""
    return {step.name: step.state for step in client.get(f"/admin/inbox/{query}").context.get("guide") or []}


class FirstSteps:
    def test_are_all_to_do_on_an_empty_installation(self, owner: Client) -> None:
        assert steps(owner) == {"channel": "todo", "crm": "todo", "staff": "todo", "rule": "todo"}
        page = owner.get("/admin/inbox/").content.decode()
        assert "Connect a channel" in page and "/admin/setup/" in page and "/admin/staff/user/add/" in page

    def test_follow_what_is_really_there_in_both_directions(self, owner: Client) -> None:
        conversation = people.conversation()
        assert steps(owner)["channel"] == "begun"
        message = said(conversation, "你好")
        assert steps(owner)["channel"] == "done"
        message.delete()
        assert steps(owner)["channel"] == "begun"
        rule = Rule.objects.create(name="Hours", action="reply")
        assert steps(owner)["rule"] == "begun"
        Rule.objects.filter(pk=rule.pk).update(enabled=True)
        people.agent("wei")
        Connection.objects.create(slug="crm", label="HubSpot", kind="crm", adapter="hubspot")
        now = steps(owner)
        assert (now["rule"], now["staff"], now["crm"]) == ("done", "done", "begun")

    def test_are_not_shown_to_who_can_do_none_of_them(self, desk: Client) -> None:
        assert steps(desk) == {}

    def test_can_be_put_away_and_fetched_again(self, owner: Client) -> None:
        answer = owner.post("/admin/inbox/guide/hide/")
        assert answer.status_code == 302 and answer.cookies["console_guide"]["httponly"]
        assert steps(owner) == {}
        assert len(steps(owner, "?guide=1")) == 4

    def test_leave_room_for_an_open_conversation(self, owner: Client) -> None:
        conversation = people.conversation()
        assert "ix-guide" not in owner.get(f"/admin/inbox/{conversation.pk}/").content.decode()


class EmptyQueues:
    @pytest.mark.parametrize(
        ("queue", "words"),
        [
            ("mine", "press a"),
            ("unassigned", "has somebody"),
            ("snoozed", "put away"),
            ("closed", "press e"),
            ("open", "as soon as a customer writes"),
        ],
    )
    def test_say_what_to_do(self, queue: str, words: str, desk: Client) -> None:
        assert words in desk.get(f"/admin/inbox/?queue={queue}").content.decode()


def test_a_superuser_is_needed_by_no_step(owner: Client) -> None:
    """Whoever may connect but not add staff sees the step without its button."""
    from tests.console.conftest import allow

    helper: Any = allow(people.agent("helper"), "conversations.view_conversation", "connections.add_connection")
    page = seated(helper).get("/admin/inbox/").content.decode()
    assert "Connect a channel" in page and "/admin/staff/user/add/" not in page
