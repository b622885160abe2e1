"""A segment's page: conditions from choices, told in words, checked, and how many people they hold for."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from scrm.campaigns.models import Segment
from scrm.contacts.models import Contact
from scrm.staff.models import User
from scrm.tags.models import Tag
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
ADD = "/admin/campaigns/segment/add/"
FROM_JAPAN = {"term": "contact.country", "op": "is", "value": "JP"}


def offered(page: str) -> dict[str, Any]:
    found = re.search(r'data-conditions="([^"]*)"', page)
    assert found
    return {term["name"]: term for term in json.loads(unescape(found[1]))["terms"]}


def save(client: Client, conditions: Any) -> Any:
    text = conditions if isinstance(conditions, str) else json.dumps(conditions)
    return client.post(ADD, {"name": "日本のお客様", "conditions": text})


class Choices:
    def test_are_what_many_people_can_be_asked(self, admin_client: Client) -> None:
        Tag.objects.create(slug="vip", name="常連")
        terms = offered(admin_client.get(ADD).content.decode())
        assert terms["tag"]["choices"] == [["vip", "常連"]] and ["is_not", "is not"] in terms["tag"]["ops"]
        assert ["JP", "JP"] in terms["contact.country"]["choices"]
        assert "message.text" not in terms and "conversation.automation_paused" not in terms

    def test_of_a_rule_are_everything(self, admin_client: Client) -> None:
        page = admin_client.get("/admin/automation/rule/add/").content.decode()
        assert "message.text" in offered(page) and "console/conditions.js" in page


class Saving:
    def test_tells_the_conditions_in_words_and_counts_the_people(self, admin_client: Client) -> None:
        tokyo = people.conversation().identity.contact
        Contact.objects.filter(pk=tokyo.pk).update(country="JP")
        assert save(admin_client, FROM_JAPAN).status_code == 302
        row = Segment.objects.get()
        assert "Country: “JP”" in admin_client.get("/admin/campaigns/segment/").content.decode()
        page = admin_client.get(f"/admin/campaigns/segment/{row.pk}/change/").content.decode()
        assert re.search(r"People in it now.*?>\s*1\s*<", page, re.DOTALL)

    def test_asks_nothing_of_everybody(self, admin_client: Client) -> None:
        assert save(admin_client, "").status_code == 302
        assert Segment.objects.get().conditions == {}
        assert "Everybody." in admin_client.get("/admin/campaigns/segment/").content.decode()

    @pytest.mark.parametrize(
        ("tree", "words"),
        [
            ({"term": "weather", "op": "is", "value": "rain"}, "There is no term"),
            ({"term": "message.text", "op": "contains", "value": "price"}, "cannot ask for what only one message or occasion has"),
            ("{oops", "Enter a valid JSON"),
        ],
    )
    def test_refuses_what_cannot_be_asked_and_keeps_what_was_written(self, tree: Any, words: str, admin_client: Client) -> None:
        page = save(admin_client, tree).content.decode()
        assert words in page and "日本のお客様" in page
        assert not Segment.objects.exists()

    def test_says_what_is_wrong_in_the_readers_language(self, admin_client: Client, admin_user: User) -> None:
        User.objects.filter(pk=admin_user.pk).update(language="ja")
        page = save(admin_client, {"term": "tag", "op": "is", "value": 3}).content.decode()
        assert "tag：値は1つの語でなければなりません。" in page
