"""From an address to a person: one way for every path, and nobody is joined by looks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.contracts import Address
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.services import Sender, add_address, change_address, record_consent, resolve_identity, resolve_many
from tests.people import NOON, customer

pytestmark = pytest.mark.django_db
PHONE = Address("whatsapp", "85291234567")
USER = Address("whatsapp_user", "HK.13491208655302741918", "P1")


class ResolveMany:
    def test_makes_one_person_of_a_number_and_its_user_id(self):
        identity = resolve_identity(Sender((PHONE, USER), name="陳大文"))
        assert identity.kind == "whatsapp" and identity.e164 == "+85291234567"
        assert identity.contact.identities.count() == 2
        assert resolve_identity(Sender((USER,))).contact == identity.contact

    def test_gives_people_without_a_number_a_full_place(self):
        identity = resolve_identity(Sender((USER, Address("username", "daimun")), name="大文", country="HK"))
        assert (identity.kind, identity.contact.name, identity.contact.country) == ("whatsapp_user", "大文", "HK")

    def test_never_matches_by_username(self):
        one = resolve_identity(Sender((USER, Address("username", "sakura")), name="佐藤 桜"))
        two = resolve_identity(Sender((Address("whatsapp_user", "JP.2", "P1"), Address("username", "sakura")), name="鈴木 さくら"))
        assert one.contact != two.contact

    def test_keeps_user_ids_of_two_portfolios_apart(self):
        assert resolve_identity(Sender((USER,))).contact != resolve_identity(Sender((Address("whatsapp_user", USER.value, "P2"),))).contact

    def test_lets_the_number_decide_when_both_are_known_and_flags_it(self):
        by_number = resolve_identity(Sender((PHONE,), name="陳大文"))
        by_user = resolve_identity(Sender((USER,), name="李小龍"))
        again = resolve_many([Sender((PHONE, USER)), Sender((PHONE, USER))])
        assert {identity.contact for identity in again} == {by_number.contact}
        assert Identity.objects.get(kind="whatsapp_user").contact == by_user.contact
        assert Event.objects.filter(kind="identity.conflict").count() == 1

    def test_refuses_no_number_that_the_library_does_not_know(self):
        identity = resolve_identity(Sender((Address("whatsapp", "551187654321"),)))
        assert (identity.value, identity.e164) == ("551187654321", "")

    def test_makes_one_person_of_a_batch_from_one_number(self):
        batch = [Sender((PHONE,), name="陳大文") for _ in range(50)]
        assert len({identity.pk for identity in resolve_many(batch)}) == 1
        assert Contact.objects.count() == 1

    def test_costs_the_same_number_of_queries_for_one_and_for_a_hundred(self, django_assert_max_num_queries):
        senders = [Sender((Address("whatsapp", f"8869{12000000 + n}"),), name=f"林 {n}") for n in range(100)]
        with django_assert_max_num_queries(16):  # who wants to be told is asked anew each time in tests, once a second else
            resolve_many(senders)
        with django_assert_max_num_queries(4):
            resolve_many(senders)

    def test_takes_a_name_when_it_had_none(self):
        resolve_identity(Sender((PHONE,)))
        assert resolve_identity(Sender((PHONE,), name="陳大文")).contact.name == "陳大文"
        assert Contact.objects.search("大文").count() == 1

    def test_keeps_the_name_it_has(self):
        resolve_identity(Sender((PHONE,), name="陳大文"))
        assert resolve_identity(Sender((PHONE,), name="🌸🌸")).contact.name == "陳大文"


class ChangeAddress:
    NEW = (Address("whatsapp", "85269998888"), Address("whatsapp_user", "HK.77", "P1"))

    def test_keeps_the_person_and_ends_the_old_addresses(self):
        old = resolve_identity(Sender((PHONE, USER), name="陳大文"))
        assert change_address(old, self.NEW, at=NOON)
        assert resolve_identity(Sender(self.NEW)).contact == old.contact
        assert Identity.objects.get(value=PHONE.value).valid_to == NOON

    def test_told_twice_changes_nothing_more(self):
        old = resolve_identity(Sender((PHONE, USER), name="陳大文"))
        change_address(old, self.NEW, at=NOON)
        assert not change_address(old, self.NEW, at=NOON + timedelta(minutes=1))
        assert Event.objects.filter(kind="identity.changed").count() == 1

    def test_takes_nobodys_number_away(self):
        other = resolve_identity(Sender((self.NEW[0],), name="李小龍"))
        old = resolve_identity(Sender((PHONE,), name="陳大文"))
        change_address(old, self.NEW[:1], at=NOON)
        assert resolve_identity(Sender((self.NEW[0],))).contact == other.contact
        assert Event.objects.filter(kind="identity.conflict").count() == 1


class AddAddress:
    def test_keeps_a_number_that_cannot_be_read_for_repair(self):
        identity = add_address(customer().contact, kind="phone", raw="8.52912E+10", regions=("HK",), verified="import")
        assert (identity.value, identity.e164) == ("8.52912E+10", "")
        assert "spreadsheet" in identity.needs_repair

    def test_answers_with_the_owner_of_a_number_that_is_taken(self):
        first = add_address(customer().contact, kind="phone", raw="9876 5432", regions=("HK",), verified="typed")
        second = add_address(customer("李小龍", "85261112222").contact, kind="phone", raw="+852 98765432", verified="typed")
        assert second == first


class RecordConsent:
    def test_keeps_every_change_and_the_newest_counts(self):
        identity = customer()
        record_consent(identity, purpose="all", allowed=False, source="message", at=NOON)
        record_consent(identity, purpose="all", allowed=True, source="message", at=NOON + timedelta(days=1))
        identity.refresh_from_db()
        assert identity.opted_out_at is None
        assert identity.consents.count() == 2

    def test_to_stop_everything_stops_promotions_too(self):
        identity = customer()
        record_consent(identity, purpose="marketing", allowed=True, source="form", at=NOON)
        record_consent(identity, purpose="all", allowed=False, source="message", at=NOON)
        assert (identity.marketing_opt_in_at, identity.marketing_opted_out_at) == (None, NOON)
