"""The page of duplicates: evidence, values side by side, the effect before it is saved, one press an answer, and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from scrm.contacts.fields import Offer, offer
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Consent, Contact, DuplicateCandidate, DuplicateCase, Identity, Merge
from scrm.contacts.services import add_address, record_consent
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)
PAGE = "/admin/review/duplicates/"
RIGHTS = ("contacts.view_duplicatecase", "contacts.change_duplicatecase", "contacts.view_contact")


def seat(name: str = "aya", *rights: str) -> Client:
    return seated(allow(people.agent(name, display_name=name.title()), *(rights or RIGHTS)))


@pytest.fixture
def supervisor(db: None) -> Client:
    return seat()


def one(name: str, phone: str, **values: Any) -> Contact:
    """Somebody who wrote from a number, with a shop account under an e-mail address and a birthday."""
    contact = people.customer(name=name, phone=phone).contact
    if mail := values.pop("mail", ""):
        add_address(contact, kind="email", raw=mail, verified="import")
    offer([Offer(contact, {"birthday": "1985-03-12", **values}, "crm:hubspot", MORNING)])
    contact.refresh_from_db()
    return contact


def case_of(*contacts: Contact) -> DuplicateCase:
    """The case that matching makes of these people."""
    match_contacts([contact.pk for contact in contacts])
    return DuplicateCase.objects.get(state="open")


def pair() -> tuple[Contact, Contact, DuplicateCase]:
    first = one("陳大文", "85291234567", mail="taiman@example.hk", company="大文貿易")
    second = one("陳大文", "85298765432", company="Tai Man Trading")
    offer([Offer(second, {"address": "尖沙咀彌敦道12號"}, "channel:hk", MORNING)])
    return first, second, case_of(first, second)


def press(client: Client, case: DuplicateCase, verdict: str, **form: Any) -> Any:
    return client.post(f"{PAGE}{case.pk}/{verdict}/", form, headers={"X-Requested-With": "fetch"})


def both(first: Contact, second: Contact, **form: Any) -> dict[str, Any]:
    return {"member": [first.pk, second.pk], "survivor": first.pk, **form}


class ThePage:
    def test_brings_the_next_case_with_its_evidence(self, supervisor: Client) -> None:
        pair()
        html = supervisor.get(PAGE).content.decode()
        assert "the same name" in html and "the same birthday" in html
        assert "speaks against it:" in html and "different numbers" in html
        assert "+85291234567" in html and "+85298765432" in html

    def test_says_each_sentence_once_with_the_numbers_of_the_records_that_it_is_about(self, supervisor: Client) -> None:
        case_of(*(one("陳大文", f"8529123456{n}") for n in range(3)))
        html = supervisor.get(PAGE).content.decode()
        assert html.count("the same birthday") == 1 and html.count("the same name") == 1
        assert "1 ↔ 2, 1 ↔ 3, 2 ↔ 3" in html

    def test_shows_each_value_with_its_source_and_time(self, supervisor: Client) -> None:
        people.hong_kong()
        pair()
        html = supervisor.get(PAGE).content.decode()
        assert "大文貿易" in html and "Tai Man Trading" in html
        assert "hubspot" in html and "2026-11-18 09:00:00.250000" in html

    def test_says_what_a_merge_would_do(self, supervisor: Client) -> None:
        first, second, case = pair()
        record_consent(Identity.objects.get(contact=second, kind="whatsapp"), purpose=Consent.Purpose.ALL, allowed=False, source="stop")
        html = supervisor.post(f"{PAGE}{case.pk}/effect/", both(first, second)).content.decode()
        assert "No messages at all: +85298765432 opted out." in html
        assert "can be taken back at any time" in html
        assert "Tick at least two records." in supervisor.post(f"{PAGE}{case.pk}/effect/", {"member": [first.pk]}).content.decode()
        assert not Merge.objects.exists()

    def test_needs_few_statements_however_many_records(self, supervisor: Client, django_assert_max_num_queries: Any) -> None:
        crowd = [one("陳大文", f"8529123{number:04}", mail="taiman@example.hk" if number == 0 else "") for number in range(6)]
        case_of(*crowd)
        with django_assert_max_num_queries(70):
            assert supervisor.get(PAGE).content.decode().count("data-column=") == 6

    def test_holds_a_case_for_one_person_at_a_time(self, supervisor: Client) -> None:
        pair()
        assert "data-case=" in supervisor.get(PAGE).content.decode()
        assert "No duplicates wait." in seat("ken").get(PAGE).content.decode()

    def test_gives_another_case_beside_those_it_holds(self, supervisor: Client) -> None:
        _first, _second, case = pair()
        assert supervisor.get(f"{PAGE}next/").json()["id"] == case.pk
        assert supervisor.get(f"{PAGE}next/?not={case.pk}").json() == {"id": None, "html": ""}

    def test_says_what_it_is_for_when_nothing_waits(self, supervisor: Client) -> None:
        assert "No duplicates wait." in supervisor.get(PAGE).content.decode()

    def test_escapes_what_people_write(self, supervisor: Client) -> None:
        first = one("<b>陳大文</b>", "85291234567", company="<script>alert(1)</script>")
        case_of(first, one("<b>陳大文</b>", "85298765432"))
        html = supervisor.get(PAGE).content.decode()
        assert "<script>alert" not in html and "<b>陳大文" not in html

    def test_is_closed_to_agents_and_strangers(self, desk: Client, client: Client) -> None:
        first, second, case = pair()
        assert desk.get(PAGE).status_code == 403
        assert press(desk, case, "merge", **both(first, second)).status_code == 403
        assert client.get(PAGE).status_code == 302
        viewer = seat("ken", "contacts.view_duplicatecase")
        assert 'data-key="m"' not in viewer.get(PAGE).content.decode()
        assert press(viewer, case, "apart").status_code == 403
        assert not Merge.objects.exists()


class Merging:
    def test_makes_one_person_of_two_with_the_values_chosen(self, supervisor: Client) -> None:
        first, second, case = pair()
        said = press(supervisor, case, "merge", **both(first, second, field_company=second.pk, reason="same birthday")).json()
        first.refresh_from_db()
        second.refresh_from_db()
        assert (second.merged_into_id, first.company, first.address) == (first.pk, "Tai Man Trading", "尖沙咀彌敦道12號")
        assert (said["decided"], said["waiting"]) == (1, 0)
        assert Merge.objects.get().reason == "same birthday"

    def test_keeps_the_record_that_was_named(self, supervisor: Client) -> None:
        first, second, case = pair()
        press(supervisor, case, "merge", member=[first.pk, second.pk], survivor=second.pk, field_company=second.pk)
        first.refresh_from_db()
        assert first.merged_into_id == second.pk
        assert Contact.objects.get(pk=second.pk).company == "Tai Man Trading"

    @pytest.mark.parametrize("giver", [0, 1, 2])
    def test_of_three_shows_the_value_of_whichever_was_chosen(self, supervisor: Client, giver: int) -> None:
        crowd = [one("陳大文", f"8529123{number:04}", company=f"公司{number}") for number in range(3)]
        case = case_of(*crowd)
        members = [row.pk for row in crowd]
        press(supervisor, case, "merge", member=members, survivor=members[1], field_company=members[giver])
        assert Contact.objects.get(pk=members[1]).company == f"公司{giver}"
        assert Contact.objects.filter(merged_into=members[1]).count() == 2

    def test_leaves_out_who_is_not_ticked(self, supervisor: Client) -> None:
        crowd = [one("陳大文", f"8529123{number:04}") for number in range(3)]
        case = case_of(*crowd)
        press(supervisor, case, "merge", member=[crowd[0].pk, crowd[2].pk], survivor=crowd[0].pk)
        assert [Contact.objects.get(pk=row.pk).merged_into_id for row in crowd] == [None, None, crowd[0].pk]
        rest = DuplicateCase.objects.get(state="open")
        assert rest.size == 2

    def test_takes_two_at_least(self, supervisor: Client) -> None:
        first, _second, case = pair()
        answer = press(supervisor, case, "merge", member=[first.pk], survivor=first.pk)
        assert answer.status_code == 409 and "at least two" in answer.json()["error"]
        stranger = people.customer(name="林怡君", phone="886912345678").contact
        assert press(supervisor, case, "merge", member=[first.pk, stranger.pk], survivor=stranger.pk).status_code == 409
        assert not Merge.objects.exists()

    def test_by_two_people_is_done_once_and_the_second_is_told(self, supervisor: Client) -> None:
        first, second, case = pair()
        assert press(supervisor, case, "merge", **both(first, second)).status_code == 200
        answer = press(seat("ken"), case, "merge", **both(second, first))
        assert answer.status_code == 409 and answer.json()["gone"]
        assert Merge.objects.count() == 1

    def test_works_without_a_script(self, supervisor: Client) -> None:
        first, second, case = pair()
        assert supervisor.post(f"{PAGE}{case.pk}/merge/", both(first, second)).status_code == 302
        assert Merge.objects.count() == 1
        html = supervisor.get(f"{PAGE}{case.pk}/").content.decode()
        assert "This case is decided." in html and "Take the decision back" in html

    def test_is_taken_back_by_one_key(self, supervisor: Client) -> None:
        first, second, case = pair()
        press(supervisor, case, "merge", **both(first, second, field_company=second.pk))
        said = supervisor.post(f"{PAGE}{case.pk}/undo/", headers={"X-Requested-With": "fetch"}).json()
        assert said["ok"] and "the same birthday" in said["html"] and said["waiting"] == 1
        first.refresh_from_db()
        second.refresh_from_db()
        assert (second.merged_into_id, first.company, second.company) == (None, "大文貿易", "Tai Man Trading")


class OtherAnswers:
    @pytest.mark.parametrize(("verdict", "state"), [("apart", "apart"), ("link", "linked")])
    def test_are_remembered(self, supervisor: Client, verdict: str, state: str) -> None:
        first, second, case = pair()
        press(supervisor, case, verdict, **both(first, second))
        match_contacts([first.pk, second.pk])
        assert DuplicateCandidate.objects.get().state == state
        assert "No duplicates wait." in supervisor.get(PAGE).content.decode()
        assert Contact.objects.filter(merged_into=None).count() == 2

    def test_come_again_tomorrow_when_put_off(self, supervisor: Client) -> None:
        from scrm.core import clock

        _first, _second, case = pair()
        press(supervisor, case, "later")
        assert "No duplicates wait." in supervisor.get(PAGE).content.decode()
        with clock.frozen(clock.now() + timedelta(days=1, minutes=1)):
            assert f'data-case="{case.pk}"' in supervisor.get(PAGE).content.decode()

    def test_of_an_unknown_kind_are_not_found(self, supervisor: Client) -> None:
        _first, _second, case = pair()
        assert press(supervisor, case, "burn").status_code == 404
        assert press(supervisor, DuplicateCase(pk=case.pk + 999), "apart").status_code == 404
