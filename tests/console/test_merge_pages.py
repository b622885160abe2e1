"""The page of a person who was merged, the list of merges, and taking one back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from scrm.contacts import merging
from scrm.contacts.family import root_of
from scrm.contacts.models import Contact, DuplicateCandidate, Merge
from scrm.contacts.services import record_consent
from scrm.core.audit_models import AuditEntry
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db


@pytest.fixture
def merged() -> Merge:
    """陳大文 and his second number, of which one declined everything."""
    one = people.conversation(people.customer()).identity.contact
    second = people.customer("Chan Tai Man", "85261112222")
    record_consent(second, purpose="all", allowed=False, source="message", evidence="message:1")
    return merging.merge(one, second.contact, by=people.agent("aya", display_name="Aya"), reason="same address")


@pytest.fixture
def supervisor(db: None) -> Client:
    rights = ("contacts.view_contact", "contacts.change_contact", "contacts.view_merge", "contacts.undo_merge")
    return seated(allow(people.agent("ken"), *rights))


def undo_page(row: Merge) -> str:
    return f"/admin/merges/{row.pk}/undo/"


class TheMergedContactsPage:
    def test_leads_to_the_person_and_says_so(self, supervisor: Client, merged: Merge) -> None:
        answer = supervisor.get(f"/admin/contacts/contact/{merged.duplicate_id}/change/", follow=True)
        assert answer.redirect_chain == [(f"/admin/contacts/contact/{merged.survivor_id}/change/", 302)]
        assert "This contact was merged. You see the person it belongs to." in answer.content.decode()

    def test_leads_over_a_chain_of_merges_at_once(self, supervisor: Client, merged: Merge) -> None:
        third = people.customer("大文", "85293334444").contact
        merging.merge(third, Contact.objects.get(pk=merged.survivor_id), by=people.agent())
        answer = supervisor.get(f"/admin/contacts/contact/{merged.duplicate_id}/change/", follow=True)
        assert answer.redirect_chain == [(f"/admin/contacts/contact/{third.pk}/change/", 302)]

    @pytest.mark.parametrize("address", ["99999999", "0", "9" * 30, "-1", "陳"])
    def test_of_nobody_goes_back_to_the_list(self, supervisor: Client, merged: Merge, address: str) -> None:
        assert supervisor.get(f"/admin/contacts/contact/{address}/change/").status_code in (302, 404)

    def test_names_the_merge_and_leads_to_its_undoing_those_who_may(self, supervisor: Client, merged: Merge) -> None:
        page = f"/admin/contacts/contact/{merged.survivor_id}/change/"
        assert undo_page(merged) in supervisor.get(page).content.decode()
        clerk = seated(allow(people.agent("mei"), "contacts.view_contact", "contacts.change_contact"))
        html = clerk.get(page).content.decode()
        assert "Chan Tai Man" in html and undo_page(merged) not in html


class UndoingAMerge:
    def test_says_first_what_goes_and_what_each_may_be_sent_then(self, supervisor: Client, merged: Merge) -> None:
        html = supervisor.get(undo_page(merged)).content.decode()
        assert "same address" in html and "Aya" in html
        assert "+85261112222" in html
        assert "No messages at all: +85261112222 opted out." in html
        assert "Nobody has said anything about promotions." in html
        assert Merge.objects.get().undone_at is None

    def test_separates_them_tells_the_audit_and_shows_the_one_who_left(self, supervisor: Client, merged: Merge) -> None:
        answer = supervisor.post(undo_page(merged), follow=True)
        assert answer.redirect_chain == [(f"/admin/contacts/contact/{merged.duplicate_id}/change/", 302)]
        assert "Chan Tai Man is a person of their own again" in answer.content.decode()
        assert root_of(merged.duplicate_id) == merged.duplicate_id
        told = AuditEntry.objects.filter(action__startswith="contacts.merge").order_by("pk").values_list("action", "by")
        assert list(told) == [("contacts.merged", "aya"), ("contacts.merge_undone", "ken")]

    def test_keeps_them_apart_where_that_is_ticked(self, supervisor: Client, merged: Merge) -> None:
        assert 'name="keep_apart"' in supervisor.get(undo_page(merged)).content.decode()
        supervisor.post(undo_page(merged), {"keep_apart": "1", "reason": "\0father and son"})
        pair = DuplicateCandidate.objects.get()
        assert {pair.first_id, pair.second_id} == {merged.survivor_id, merged.duplicate_id}
        assert (pair.state, pair.reason, pair.decided_by) == ("apart", "father and son", "ken")

    def test_twice_says_that_it_was_undone_and_offers_no_button(self, supervisor: Client, merged: Merge) -> None:
        supervisor.post(undo_page(merged))
        answer = supervisor.post(undo_page(merged), follow=True)
        assert "This merge was undone already." in answer.content.decode()
        assert '<form method="post" class' not in supervisor.get(undo_page(merged)).content.decode()
        assert AuditEntry.objects.filter(action="contacts.merge_undone").count() == 1

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_needs_the_right_to(self, merged: Merge, method: str) -> None:
        clerk = seated(allow(people.agent("mei"), "contacts.view_contact", "contacts.change_contact", "contacts.view_merge"))
        assert getattr(clerk, method)(undo_page(merged)).status_code == 403
        assert getattr(Client(), method)(undo_page(merged)).status_code == 302
        assert Merge.objects.get().undone_at is None

    def test_of_no_merge_is_not_found(self, supervisor: Client) -> None:
        assert supervisor.get("/admin/merges/424242/undo/").status_code == 404

    def test_needs_few_statements_however_many_conversations(
        self, supervisor: Client, merged: Merge, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(35):
            supervisor.get(undo_page(merged))


class TheListOfMerges:
    def test_tells_those_in_force_from_those_undone(self, supervisor: Client, merged: Merge) -> None:
        listed = "/admin/contacts/merge/"
        assert undo_page(merged) in supervisor.get(f"{listed}?state=standing").content.decode()
        supervisor.post(undo_page(merged))
        assert undo_page(merged) not in supervisor.get(listed).content.decode()
        assert "same address" in supervisor.get(f"{listed}?state=undone").content.decode()

    def test_offers_no_undoing_to_those_who_may_not(self, merged: Merge) -> None:
        clerk = seated(allow(people.agent("mei"), "contacts.view_merge"))
        html = clerk.get("/admin/contacts/merge/").content.decode()
        assert "same address" in html and undo_page(merged) not in html
