"""Entering what a person told us outside the chats: with proof, for one address or all, and never looser than it was by accident."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from scrm.contacts import consents, merging
from scrm.contacts.models import Consent, Contact, Identity
from scrm.contacts.services import record_consent
from scrm.conversations.models import Conversation
from scrm.conversations.services import preview_decision
from scrm.core import clock
from scrm.core.audit_models import AuditEntry
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
LETTER = "letter of 3 May, folder 12"


@pytest.fixture
def person() -> Contact:
    """陳大文 with a second number."""
    one, two = people.customer(), people.customer("Tai Man", "85261112222")
    merging.merge(one.contact, two.contact, by=people.agent())
    return Contact.objects.get(pk=one.contact_id)


@pytest.fixture
def clerk(db: None) -> Client:
    return seated(allow(people.agent("mei"), "contacts.view_contact", "contacts.change_contact", "contacts.add_consent"))


@pytest.fixture
def supervisor(db: None) -> Client:
    return seated(allow(people.agent("ken"), "contacts.view_contact", "contacts.add_consent", "contacts.change_consent"))


def enter(client: Client, person: Contact, purpose: str, allowed: str, *, address: int | str = "", evidence: str = LETTER) -> Any:
    form = {"purpose": purpose, "allowed": allowed, "address": address, "evidence": evidence}
    return client.post(f"/admin/people/{person.pk}/consent/", form)


def stands(person: Contact) -> tuple[str, str]:
    rows = list(person.identities.filter(valid_to=None))
    everything, promotions = consents.effective(rows)
    return everything.state, promotions.state


class Entering:
    def test_a_no_counts_at_once_for_every_address_and_is_on_record(self, clerk: Client, person: Contact) -> None:
        assert enter(clerk, person, "all", "no").status_code == 302
        assert stands(person) == ("declined", "declined")
        rows = list(Consent.objects.order_by("pk"))
        assert [(row.source, row.evidence, row.actor, row.allowed) for row in rows] == [("by_hand", LETTER, "mei", False)] * 2
        entry = AuditEntry.objects.get(action="contacts.consent_recorded")
        assert (entry.by, entry.subject) == ("mei", f"contacts.contact:{person.pk}")
        assert entry.detail.body["after"]["consents"] == [row.pk for row in rows]
        assert LETTER not in str(entry.detail.body)

    def test_a_no_of_one_address_stops_the_whole_person(self, clerk: Client, person: Contact) -> None:
        second = Identity.objects.get(value="85261112222")
        chat = people.conversation(Identity.objects.get(value="85291234567"))
        clock.now()
        enter(clerk, person, "all", "no", address=second.pk)
        assert Consent.objects.get().identity_id == second.pk
        with clock.frozen(clock.now() + timedelta(minutes=1)):
            verdict = preview_decision(Conversation.objects.get(pk=chat.pk), kind="text", category="marketing", source="campaign", by=None)
        assert verdict.rule == "opted_out"

    def test_a_yes_to_promotions_holds_where_nothing_was_declined(self, clerk: Client, person: Contact) -> None:
        enter(clerk, person, "marketing", "yes")
        assert stands(person) == ("unknown", "allowed")

    def test_a_yes_of_one_address_does_not_lift_the_no_of_another(self, supervisor: Client, person: Contact) -> None:
        first, second = person.identities.order_by("pk")
        record_consent(second, purpose="marketing", allowed=False, source="message")
        answer = supervisor.post(
            f"/admin/people/{person.pk}/consent/",
            {"purpose": "marketing", "allowed": "yes", "address": first.pk, "evidence": LETTER},
        )
        assert answer.status_code == 302
        assert stands(person) == ("unknown", "declined")

    def test_a_yes_after_a_no_needs_the_right_to_change_consents(self, clerk: Client, supervisor: Client, person: Contact) -> None:
        enter(clerk, person, "all", "no")
        html = enter(clerk, person, "all", "yes").content.decode()
        assert "Only somebody with the right to change consents may allow it again." in html
        assert stands(person) == ("declined", "declined")
        assert enter(supervisor, person, "all", "yes").status_code == 302
        # Promotions were declined with it, and were not spoken of now.
        assert stands(person) == ("unknown", "declined")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"evidence": "said so"},
            {"evidence": "  \t  " * 5},
            {"purpose": "everything"},
            {"allowed": "perhaps"},
            {"address": "999999"},
            {"evidence": ""},
        ],
    )
    def test_what_proves_nothing_or_fits_nothing_is_refused(self, clerk: Client, person: Contact, wrong: dict[str, str]) -> None:
        form = {"purpose": "all", "allowed": "no", "address": "", "evidence": LETTER} | wrong
        answer = clerk.post(f"/admin/people/{person.pk}/consent/", form)
        assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()
        assert not Consent.objects.exists() and not AuditEntry.objects.filter(action="contacts.consent_recorded").exists()

    def test_an_address_of_somebody_else_is_refused(self, clerk: Client, person: Contact) -> None:
        stranger = people.customer("林怡君", "886912345678")
        with pytest.raises(consents.CannotEnter):
            consents.enter_by_hand(
                person, address=stranger.pk, purpose="all", allowed=False, evidence=LETTER, by=people.agent(), may_lift=True
            )
        assert not Consent.objects.exists()

    def test_goes_home_with_its_address_when_the_merge_is_undone(self, clerk: Client, person: Contact) -> None:
        second = Identity.objects.get(value="85261112222")
        enter(clerk, person, "all", "no", address=second.pk)
        merging.undo(person.merged_from.get().pk and merging.Merge.objects.get(), by=people.agent())
        assert stands(Contact.objects.get(pk=person.pk)) == ("unknown", "unknown")
        assert stands(Contact.objects.get(pk=Identity.objects.get(pk=second.pk).contact_id)) == ("declined", "declined")

    def test_is_for_those_who_may(self, person: Contact) -> None:
        address = f"/admin/people/{person.pk}/consent/"
        assert seated(allow(people.agent("wei"), "contacts.view_contact")).get(address).status_code == 403
        assert Client().get(address).status_code == 302


class TheForm:
    def test_shows_what_holds_and_each_address(self, clerk: Client, person: Contact) -> None:
        record_consent(person.identities.order_by("pk")[0], purpose="marketing", allowed=True, source="import:3")
        html = clerk.get(f"/admin/people/{person.pk}/consent/").content.decode()
        assert "Promotions allowed" in html and "+85291234567 · import 3" in html
        assert "+85261112222 · WhatsApp number" in html and "all addresses" in html
