"""Coupons beside the chat and in their list: shown with their state, noted, marked as used, and only of customers whom one sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scrm.commerce.models import Coupon
from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation
from scrm.staff import roles
from scrm.staff.models import Team, User
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def chat(db: None) -> Conversation:
    return people.conversation()


@pytest.fixture
def desk(mei: User) -> Client:
    return seated(allow(mei, "commerce.view_coupon", "commerce.add_coupon", "commerce.change_coupon"))


def coupon(chat: Conversation, code: str = "SUMMER10", **fields: Any) -> Coupon:
    return Coupon.objects.create(contact=chat.identity.contact, code=code, given_at=timezone.now(), **fields)


def beside(client: Client, chat: Conversation) -> str:
    return client.get(reverse("console:beside", args=[chat.pk])).content.decode()


class BesideTheChat:
    def test_each_says_what_it_gives_and_whether_it_still_counts(self, desk: Client, chat: Conversation) -> None:
        now = timezone.now()
        coupon(chat, "WORKS", text="10% off")
        coupon(chat, "TILLFRIDAY", expires_at=now + timedelta(days=2))
        coupon(chat, "TOOLATE", expires_at=now - timedelta(days=2))
        coupon(chat, "SPENT", used_at=now)
        html = beside(desk, chat)
        found = html[html.index('class="ix-facts ix-coupons"') :]
        states = [part.split('"')[0] for part in found.split('<li class="')[1:5]]
        assert states == ["valid", "valid", "used", "expired"] and "10% off" in found
        assert found.count("Mark as used") == 2 and found.count("Not used after all") == 1

    def test_one_is_noted_and_counts_to_the_end_of_its_day(self, desk: Client, chat: Conversation) -> None:
        day = timezone.localdate() + timedelta(days=7)
        given = {"coupon-code": " FRIEND15 ", "coupon-text": "<b>15%</b>", "coupon-until": day.isoformat()}
        assert desk.post(reverse("console:give-coupon", args=[chat.pk]), given, headers=FETCH).status_code == 200
        row = Coupon.objects.get()
        assert (row.code, row.contact, row.by and row.by.username) == ("FRIEND15", chat.identity.contact, "mei")
        assert row.expires_at is not None and timezone.localtime(row.expires_at).date() == day
        assert "&lt;b&gt;15%" in beside(desk, chat)

    @pytest.mark.parametrize("given", [{}, {"coupon-code": "x" * 61}, {"coupon-code": "A", "coupon-until": "2020-01-01"}])
    def test_what_makes_no_sense_is_refused_in_words(self, desk: Client, chat: Conversation, given: dict[str, str]) -> None:
        answer = desk.post(reverse("console:give-coupon", args=[chat.pk]), given, headers=FETCH)
        assert answer.status_code == 422 and answer.json()["error"] and not Coupon.objects.exists()

    def test_one_is_used_and_not_used_after_all(self, desk: Client, chat: Conversation) -> None:
        address = reverse("console:use-coupon", args=[coupon(chat).pk])
        body = {"conversation": chat.pk}
        for used, there in (("1", True), ("1", True), ("0", False)):
            assert desk.post(address, {**body, "used": used}, headers=FETCH).status_code == 200
            assert (Coupon.objects.get().used_at is not None) is there

    def test_who_may_not_is_offered_nothing_and_refused(self, mei: User, chat: Conversation) -> None:
        client, row = seated(mei), coupon(chat)
        html = beside(client, chat)
        assert "SUMMER10" in html and "Mark as used" not in html and "Note a coupon" not in html
        assert client.post(reverse("console:give-coupon", args=[chat.pk]), {"coupon-code": "A"}, headers=FETCH).status_code == 403
        assert client.post(reverse("console:use-coupon", args=[row.pk]), {"used": "1"}, headers=FETCH).status_code == 403

    def test_the_message_that_brought_it_is_named_to_who_sees_it(self, desk: Client, chat: Conversation) -> None:
        from tests.console.thread_rows import said

        message = said(chat, "九折", direction="out", source="agent")
        coupon(chat, message_pk=message.pk)
        assert f'href="{reverse("console:conversation", args=[chat.pk])}#m{message.pk}"' in beside(desk, chat)


class InTheList:
    def test_it_is_found_by_the_beginning_of_its_code_and_corrected(self, desk: Client, chat: Conversation) -> None:
        row = coupon(chat)
        coupon(chat, "WELCOME")
        html = desk.get("/admin/commerce/coupon/?q=SUM").content.decode()
        assert "SUMMER10" in html and "WELCOME" not in html and "陳大文" in html
        page = f"/admin/commerce/coupon/{row.pk}/change/"
        used = {"used_at_0": "2026-11-18", "used_at_1": "12:00:00"}
        changed = {"text": "10%", "expires_at_0": "", "expires_at_1": "", **used}
        assert desk.post(page, {**changed, "code": "OTHER"}).status_code == 302
        row.refresh_from_db()
        assert (row.code, row.text, row.used_at is None) == ("SUMMER10", "10%", False)

    def test_one_that_is_entered_says_by_whom(self, mei: User, chat: Conversation) -> None:
        client = seated(allow(mei, "commerce.view_coupon", "commerce.add_coupon", "contacts.view_contact"))
        given = {"contact": chat.identity.contact_id, "code": "BYHAND", "text": "", "expires_at_0": "", "expires_at_1": ""}
        assert client.post("/admin/commerce/coupon/add/", {**given, "used_at_0": "", "used_at_1": ""}).status_code == 302
        row = Coupon.objects.get()
        assert (row.by, row.code, row.message_pk) == (mei, "BYHAND", None) and row.given_at

    def test_those_of_unseen_customers_are_not_there(self, db: None) -> None:
        roles.install()
        ren = people.agent("ren")
        ren.groups.add(Group.objects.get(name=roles.AGENTS))
        ren.teams.add(Team.objects.create(name="Hong Kong"))
        chat = people.conversation()
        Conversation.objects.filter(pk=chat.pk).update(team=Team.objects.create(name="Tokyo"))
        row = coupon(chat)
        Contact.objects.filter(pk=chat.identity.contact_id).update(owner=people.agent("mei"))
        client = seated(ren)
        assert "SUMMER10" not in client.get("/admin/commerce/coupon/").content.decode()
        assert client.post(reverse("console:use-coupon", args=[row.pk]), {"used": "1"}, headers=FETCH).status_code == 404
