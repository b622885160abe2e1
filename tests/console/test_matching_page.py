"""How duplicates are found, as people set it: a draft, its effect, publishing, going back."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from scrm.contacts.matching import publishing
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import MatchRules
from tests.contacts.matching.test_cases import pair

pytestmark = pytest.mark.django_db
LIST = reverse("admin:contacts_matchrules_changelist")
FORM = {"name_similarity": 85, "sku_days": 60, "review_from": 55, "merge_from": 98, "id_fields": "member_no\n", "note": "stricter"}


def act(owner: Client, action: str, *rows: MatchRules) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return owner.post(LIST, data, follow=True).content.decode()


class MatchRulesPage:
    def test_draft_is_made_from_readable_settings_and_changes_nothing(self, owner: Client) -> None:
        answer = owner.post(reverse("admin:contacts_matchrules_add"), FORM, follow=True)
        assert answer.status_code == 200
        row = MatchRules.objects.get()
        assert (row.state, row.settings["name_similarity"], row.settings["id_fields"]) == ("draft", 85, ["member_no"])
        assert publishing.in_force() == publishing.AS_DELIVERED

    def test_settings_that_make_no_sense_are_said(self, owner: Client) -> None:
        answer = owner.post(reverse("admin:contacts_matchrules_add"), {**FORM, "merge_from": 20})
        assert "Enter a number that is not below" in answer.content.decode()
        assert not MatchRules.objects.exists()

    def test_learning_from_nothing_is_said(self, owner: Client) -> None:
        answer = owner.post(reverse("admin:contacts_matchrules_add"), {**FORM, "learn": "on"})
        assert "decisions; at least" in answer.content.decode()

    def test_effect_publish_and_back(self, owner: Client) -> None:
        match_contacts([row.pk for row in pair()])
        first = publishing.publish(publishing.draft(by="mei"), by="mei")
        owner.post(reverse("admin:contacts_matchrules_add"), FORM)
        second = MatchRules.objects.get(version=2)
        assert "2 of 2 contacts compared again" in act(owner, "count_effect", second)
        act(owner, "publish_selected", second)
        assert publishing.in_force().version == 2
        act(owner, "publish_selected", first)
        assert publishing.in_force().version == first.version

    def test_version_in_force_is_not_edited(self, owner: Client) -> None:
        row = publishing.publish(publishing.draft(by="mei"), by="mei")
        page = reverse("admin:contacts_matchrules_change", args=[row.pk])
        assert owner.get(page).status_code == 200
        assert owner.post(page, FORM).status_code == 403
