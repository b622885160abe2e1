"""Numbers to repair and addresses that say two things: answered in the row, allowed to those who may, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from connectors.contracts import Address
from scrm.contacts import identity_cases, phone
from scrm.contacts.models import Contact, Event, Identity, IdentityCase, NumberSettlement
from scrm.contacts.services import Sender, add_address, resolve_identity
from tests.people import NOON, agent, customer

pytestmark = pytest.mark.django_db
REPAIRS = reverse("admin:contacts_identity_changelist") + "?repair=1"
SETTLED = reverse("admin:contacts_numbersettlement_changelist")
CASES = reverse("admin:contacts_identitycase_changelist") + "?state=open"


def signed_in(*rights: str) -> Client:
    user = agent("mei")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def ambiguous(n: int = 0) -> Identity:
    person = customer(f"阿明 {n}", f"8526111{n:04}").contact
    return add_address(person, kind="phone", raw=f"9123 {4567 + n}", regions=("HK", "SG"), verified="import")


def recycled() -> IdentityCase:
    number = Address("whatsapp", "85291234567")
    for n, name in ((1, "陳大文"), (2, "Grace Lim")):
        resolve_identity(Sender((number, Address("whatsapp_user", f"HK.{n}", "P1")), name=name, at=NOON + timedelta(days=n)))
    return IdentityCase.objects.get()


class NumbersToRepair:
    def test_show_each_reading_as_a_button(self):
        identity = ambiguous()
        page = signed_in("view_identity", "change_identity").get(REPAIRS).content.decode()
        for number in ("+85291234567", "+6591234567"):
            assert f'value="{identity.pk}:{number}"' in page

    def test_are_settled_by_one_press_and_taken_back_by_another(self):
        identity, client = ambiguous(), signed_in("view_identity", "change_identity", "view_numbersettlement")
        client.post(REPAIRS, {"answer": f"{identity.pk}:+6591234567"})
        identity.refresh_from_db()
        assert (identity.e164, NumberSettlement.objects.get().by) == ("+6591234567", "mei")
        client.post(SETTLED, {"answer": f"{NumberSettlement.objects.get().pk}:undo"})
        identity.refresh_from_db()
        assert (identity.e164, identity.needs_repair) == ("", phone.SEVERAL_REGIONS)

    def test_pressed_by_two_tell_the_second(self):
        identity, client = ambiguous(), signed_in("view_identity", "change_identity")
        client.post(REPAIRS, {"answer": f"{identity.pk}:+6591234567"})
        page = client.post(REPAIRS, {"answer": f"{identity.pk}:+85291234567"}, follow=True).content.decode()
        assert "already" in page and Identity.objects.get(pk=identity.pk).e164 == "+6591234567"

    @pytest.mark.parametrize("pressed", ["7:nonsense", "x", "99999999999999999999999:+6591234567", ":"])
    def test_survive_nonsense(self, pressed):
        ambiguous()
        assert signed_in("view_identity", "change_identity").post(REPAIRS, {"answer": pressed}).status_code in {302, 404}
        assert not NumberSettlement.objects.exists()

    def test_are_not_settled_by_those_who_only_look(self):
        identity = ambiguous()
        signed_in("view_identity").post(REPAIRS, {"answer": f"{identity.pk}:+6591234567"})
        assert not NumberSettlement.objects.exists()

    def test_that_are_destroyed_take_a_typed_number(self):
        kept = add_address(customer().contact, kind="phone", raw="8.52912E+10", verified="import")
        client = signed_in("view_identity", "change_identity")
        client.post(reverse("admin:contacts_identity_change", args=[kept.pk]), {"e164": "+852 9876 5432"})
        kept.refresh_from_db()
        assert (kept.e164, kept.typed, kept.needs_repair) == ("+85298765432", "8.52912E+10", "")

    def test_are_read_with_a_bounded_number_of_queries(self, django_assert_max_num_queries):
        for n in range(20):
            ambiguous(n)
        client = signed_in("view_identity", "change_identity")
        client.get(REPAIRS)
        with django_assert_max_num_queries(12):
            client.get(REPAIRS)

    def test_say_why_in_the_readers_language(self):
        ambiguous()
        page = signed_in("view_identity").get(REPAIRS, headers={"accept-language": "ja"}).content.decode()
        assert "複数の国に当てはまります" in page


class AddressesToLookAt:
    RIGHTS = ("view_identitycase", "change_identitycase")

    def test_show_both_people_and_what_came_with_what(self):
        case = recycled()
        page = signed_in(*self.RIGHTS).get(CASES).content.decode()
        assert "陳大文" in page and "Grace Lim" in page and "HK.1" in page and f'value="{case.pk}:different"' in page

    def test_are_answered_once_and_taken_back(self):
        case, client = recycled(), signed_in(*self.RIGHTS)
        client.post(CASES, {"answer": f"{case.pk}:different"})
        case.refresh_from_db()
        assert (case.state, case.decided_by) == ("different", "mei")
        page = client.post(CASES, {"answer": f"{case.pk}:different"}, follow=True).content.decode()
        assert "already" in page
        client.post(CASES, {"answer": f"{case.pk}:reopen"})
        case.refresh_from_db()
        assert (case.state, case.decided_at) == ("open", None)
        assert Event.objects.filter(kind="identity.answered").count() == 4

    def test_are_not_answered_by_those_who_only_look(self):
        case = recycled()
        signed_in("view_identitycase").post(CASES, {"answer": f"{case.pk}:different"})
        case.refresh_from_db()
        assert case.state == "open"

    def test_of_a_shared_number_may_be_one_persons_after_all(self):
        for name, n in (("陳大文", 1), ("林怡君", 2)):
            add_address(customer(name, f"8526111000{n}").contact, kind="phone", raw="+85221234567", verified="crm")
        case = IdentityCase.objects.get()
        identity_cases.answer(case, "different", by=agent("mei"))
        assert Identity.objects.filter(e164="+85221234567").exclude(shared_since=None).count() == 2

    @pytest.mark.skipif(not identity_cases.can_join(), reason="scrm.contacts.merging is missing")
    def test_of_one_person_join_and_part_again(self):
        case, client = recycled(), signed_in(*self.RIGHTS)
        client.post(CASES, {"answer": f"{case.pk}:same"})
        case.refresh_from_db()
        assert case.state == "same" and case.merge.undone_at is None
        assert Contact.objects.filter(merged_into=None).count() == 1
        client.post(CASES, {"answer": f"{case.pk}:reopen"})
        assert Contact.objects.filter(merged_into=None).count() == 2
