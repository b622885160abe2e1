"""A partner states people: nobody is made twice, nobody is joined on its word alone."""

from __future__ import annotations

from typing import Any

from scrm.api.services import issue_token
from scrm.contacts.models import Contact, FieldConflict, Identity
from tests.api.people import Partner

MEI = {"external_id": "shop-77", "phone": "+852 9123 4567", "email": "Mei@Example.hk", "name": "黃美玲", "city": "Hong Kong"}


def state(partner: Partner, **said: Any) -> Any:
    return partner.http.post("/api/v1/contacts/", said, content_type="application/json")


class StatedPeople:
    def test_are_made_once_and_found_by_any_sign(self, partner: Partner) -> None:
        made = state(partner, **MEI)
        assert made.status_code == 201, made.content
        person = made.json()["contact"]
        assert (person["name"], person["external_id"]) == ("黃美玲", "shop-77")
        assert {each["value"] for each in person["identities"]} == {"+85291234567", "mei@example.hk"}
        for sign in ({"external_id": "shop-77"}, {"phone": "91234567", "region": "hk"}, {"email": "mei@example.hk"}, MEI):
            again = state(partner, **sign)
            assert (again.status_code, again.json()["contact"]["id"], again.json()["created"]) == (200, person["id"], False)
        assert Contact.objects.count() == 1 and Identity.objects.count() == 2 and not FieldConflict.objects.exists()

    def test_who_wrote_before_are_the_same_people(self, partner: Partner, customer: Any) -> None:
        known = customer("黃美玲", "+85291234567")
        told = state(partner, phone="+85291234567", company="永興貿易")
        assert (told.status_code, told.json()["contact"]["id"]) == (200, known.contact_id)
        assert told.json()["contact"]["company"] == "永興貿易"

    def test_keep_what_a_newer_word_said(self, partner: Partner) -> None:
        state(partner, **MEI)
        told = state(partner, external_id="shop-77", city="Kowloon", at="2020-01-01T00:00:00Z")
        assert told.json()["contact"]["id"] and Contact.objects.get().city == "Hong Kong"

    def test_address_of_another_is_asked_about_and_stays(self, partner: Partner) -> None:
        state(partner, **MEI)
        state(partner, external_id="shop-78", phone="+85297654321", name="陳大文")
        told = state(partner, external_id="shop-78", email="mei@example.hk").json()
        assert told["elsewhere"] == ["mei@example.hk"]
        assert Identity.objects.get(kind="email").contact.external_id == "shop-77"

    def test_known_under_another_id_are_not_renamed(self, partner: Partner) -> None:
        state(partner, **MEI)
        told = state(partner, **{**MEI, "external_id": "shop-99"})
        assert (told.status_code, told.json()["error"]["code"], told.json()["error"]["external_id"]) == (409, "another_id", "shop-77")
        assert Contact.objects.get().external_id == "shop-77"


class Statements:
    def test_that_cannot_be_used_say_why_and_make_nobody(self, partner: Partner) -> None:
        wrong = (
            ({"name": "誰"}, "external_id"),
            ({"phone": "12"}, "phone"),
            ({"email": "nobody"}, "email"),
            ({"external_id": "a", "at": "2099-01-01T00:00:00Z"}, "at"),
            ({"external_id": "a", "shoe": "42"}, "shoe"),
        )
        for said, field in wrong:
            told = state(partner, **said)
            assert (told.status_code, list(told.json()["error"]["fields"])) == (400, [field])
        assert not Contact.objects.exists()

    def test_need_their_own_scope(self, db: None) -> None:
        reader = Partner(issue_token("Reader", ["contacts:read"])[1])
        assert state(reader, **MEI).status_code == 403
