"""Changing a customer beside the chat, and who else they may be."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from scrm.console.inbox import editing
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.staff.models import User
from scrm.tags.models import Tag, TagAssignment
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(mei: User) -> Client:
    return seated(allow(mei, "contacts.change_contact", "tags.add_tagassignment"))


def save(client: Client, conversation: Conversation, **changed: str) -> Any:
    """As the panel posts it: what was shown, with some of it changed."""
    form = editing.form_for(Contact.objects.get(pk=conversation.identity.contact_id))
    shown = {name: str(form[name].value() or "") for name in form.fields}
    body = {f"person-{name}": changed.get(name, value) for name, value in shown.items()}
    body |= {f"initial-person-{name}": value for name, value in shown.items()}
    return client.post(reverse("console:edit-person", args=[conversation.pk]), body, headers={"X-Requested-With": "fetch"})


class Editing:
    def test_keeps_what_was_changed_as_this_persons_word(self, desk: Client) -> None:
        conversation = people.conversation()
        assert save(desk, conversation, notes="怕熱,早上聯絡", company="陳記").status_code == 200
        contact = Contact.objects.get(pk=conversation.identity.contact_id)
        assert (contact.notes, contact.company, contact.name) == ("怕熱,早上聯絡", "陳記", "陳大文")
        assert contact.provenance["notes"]["source"] == "person" and contact.provenance["notes"]["by"] == "mei"

    def test_sets_nothing_back_that_somebody_else_changed(self, desk: Client) -> None:
        conversation = people.conversation()
        address = reverse("console:edit-person", args=[conversation.pk])
        Contact.objects.filter(pk=conversation.identity.contact_id).update(company="新公司")
        shown = {"name": "陳大文", "company": "", "language": "", "priority": "normal", "notes": ""}
        body = {f"person-{name}": value for name, value in shown.items()} | {
            f"initial-person-{name}": value for name, value in shown.items()
        }
        desk.post(address, body | {"person-notes": "VIP"})
        contact = Contact.objects.get(pk=conversation.identity.contact_id)
        assert (contact.notes, contact.company) == ("VIP", "新公司")

    def test_says_what_makes_no_sense(self, desk: Client) -> None:
        conversation = people.conversation()
        answer = save(desk, conversation, priority="shouting")
        assert answer.status_code == 422 and answer.json()["error"]

    def test_is_refused_to_who_may_not(self, mei: User) -> None:
        conversation = people.conversation()
        assert save(seated(mei), conversation, notes="x").status_code == 403
        assert "ix-edit" not in seated(mei).get(reverse("console:beside", args=[conversation.pk])).content.decode()

    def test_shows_what_was_written_escaped(self, desk: Client) -> None:
        conversation = people.conversation()
        save(desk, conversation, notes="<script>alert(1)</script>")
        html = desk.get(reverse("console:beside", args=[conversation.pk])).content.decode()
        assert "<script>alert" not in html and "&lt;script&gt;" in html


class Tagging:
    def test_puts_a_tag_of_the_list(self, desk: Client) -> None:
        Tag.objects.create(slug="vip", name="VIP")
        conversation = people.conversation()
        address = reverse("console:add-tag", args=[conversation.pk])
        for _ in range(2):
            assert desk.post(address, {"tag": " vip "}, headers={"X-Requested-With": "fetch"}).status_code == 200
        assert TagAssignment.objects.get().tag.name == "VIP"
        assert desk.post(address, {"tag": "unheard of"}, headers={"X-Requested-With": "fetch"}).status_code == 422

    def test_is_refused_to_who_may_not(self, mei: User) -> None:
        Tag.objects.create(slug="vip", name="VIP")
        conversation = people.conversation()
        assert seated(mei).post(reverse("console:add-tag", args=[conversation.pk]), {"tag": "VIP"}).status_code == 403


class PossibleDuplicates:
    def test_are_named_to_who_decides_on_them(self, mei: User) -> None:
        conversation = people.conversation()
        other = people.customer("陳大文 Tai Man", "85298887777").contact
        first, second = sorted([conversation.identity.contact, other], key=lambda contact: contact.pk)
        case = DuplicateCase.objects.create(score=0.91, proposal="review", size=2, created_at=clock.now())
        DuplicateCandidate.objects.create(first=first, second=second, case=case, score=0.91, found_at=clock.now())
        address = reverse("console:beside", args=[conversation.pk])
        assert "Tai Man" not in seated(mei).get(address).content.decode()
        html = seated(allow(mei, "contacts.view_duplicatecase")).get(address).content.decode()
        assert "Tai Man" in html and "91%" in html
