"""Who may see the inbox and who may act in it."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from scrm.console.urls import urlpatterns
from scrm.conversations.models import Conversation
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db

ACTIONS = ["send", "read", "assign", "close", "reopen", "snooze", "hand-back"]


class Strangers:
    @pytest.mark.parametrize("entry", urlpatterns, ids=lambda entry: entry.name)
    def test_are_sent_to_the_log_in_from_every_address(self, entry: object, client: Client) -> None:
        # What each part of an address takes; "contact" is a word that all slugs and texts take.
        examples = {"IntConverter": 1, "UUIDConverter": uuid.UUID(int=1)}
        parts = entry.pattern.converters.items()  # type: ignore[attr-defined]
        arguments = {name: examples.get(type(part).__name__, "contact") for name, part in parts}
        answer = client.get(reverse(f"console:{entry.name}", kwargs=arguments))  # type: ignore[attr-defined]
        assert answer.status_code == 302
        assert "/admin/login/" in answer["Location"]

    def test_who_are_signed_in_but_no_staff_see_nothing(self) -> None:
        partner = people.agent("partner")
        partner.is_staff = False
        partner.save()
        assert seated(partner).get("/admin/inbox/").status_code == 302


class AgentsWithoutRights:
    def test_get_no_inbox(self) -> None:
        assert seated(people.agent("newcomer")).get("/admin/inbox/").status_code == 403

    def test_get_the_plain_index_as_first_page(self) -> None:
        assert seated(people.agent("newcomer")).get("/admin/").status_code == 200

    @pytest.mark.parametrize("name", ACTIONS)
    def test_who_may_only_read_can_do_nothing(self, name: str) -> None:
        conversation = people.conversation()
        reader = seated(allow(people.agent("reader"), "conversations.view_conversation"))
        assert reader.get(f"/admin/inbox/{conversation.pk}/").status_code == 200
        answer = reader.post(reverse(f"console:{name}", args=[conversation.pk]), {"text": "您好", "mode": "text", "to": "me"})
        assert answer.status_code == 403
        conversation.refresh_from_db()
        assert (conversation.assignee, conversation.messages.count()) == (None, 0)


class ChangesOfState:
    @pytest.mark.parametrize("name", ACTIONS)
    def test_are_never_made_by_a_get(self, name: str, desk: Client) -> None:
        conversation = people.conversation()
        assert desk.get(reverse(f"console:{name}", args=[conversation.pk])).status_code == 405
        assert Conversation.objects.get(pk=conversation.pk).version == conversation.version

    @pytest.mark.parametrize("name", ACTIONS)
    def test_need_the_csrf_token(self, name: str, mei: object) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(mei)  # type: ignore[arg-type]
        assert client.post(reverse(f"console:{name}", args=[people.conversation().pk])).status_code == 403


class FirstPage:
    def test_is_the_inbox_for_agents(self, desk: Client) -> None:
        answer = desk.get("/admin/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/inbox/")
