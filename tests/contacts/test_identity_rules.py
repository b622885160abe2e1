"""Who is who when numbers come back, are shared, or arrive in several spellings; and what is never taken as proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.contracts import Address
from scrm.contacts.addressing import email
from scrm.contacts.models import Contact, Event, Identity, IdentityCase
from scrm.contacts.names_apart import clearly_apart
from scrm.contacts.services import Sender, add_address, change_address, find_identity, resolve_identity, resolve_many
from scrm.conversations.outbox import address_to
from tests.people import NOON, customer

pytestmark = pytest.mark.django_db
NUMBER = Address("whatsapp", "85291234567")
DAY = timedelta(days=1)


def user(value: str, portfolio: str = "P1") -> Address:
    return Address("whatsapp_user", f"HK.{value}", portfolio)


def wrote(*addresses: Address, name: str = "", days: float = 0) -> Identity:
    return resolve_identity(Sender(addresses, name=name, at=NOON + days * DAY))


class RecycledNumbers:
    def test_begin_a_new_person_and_end_with_the_old_one(self):
        old = wrote(NUMBER, user("1"), name="陳大文")
        new = wrote(NUMBER, user("2"), name="Grace Lim", days=100)
        assert new.contact != old.contact and new.contact.name == "Grace Lim"
        old.refresh_from_db()
        assert old.valid_to == NOON + 100 * DAY and new.valid_from == NOON + 100 * DAY
        assert find_identity([user("1")]).contact == old.contact
        assert find_identity([NUMBER]) == new

    def test_are_told_on_both_timelines_and_asked_once(self):
        old = wrote(NUMBER, user("1"), name="陳大文")
        new = resolve_many([Sender((NUMBER, user("2")), at=NOON + DAY)] * 3)[0]
        wrote(NUMBER, user("2"), days=2)
        told = Event.objects.filter(kind="identity.recycled")
        assert sorted(told.values_list("contact_id", flat=True)) == sorted([old.contact_id, new.contact_id])
        case = IdentityCase.objects.get()
        assert (case.kind, case.state, case.contact, case.other) == ("recycled", "open", new.contact, old.contact)

    def test_leave_what_is_written_to_the_old_person_with_the_old_person(self):
        old = wrote(NUMBER, user("1"))
        wrote(NUMBER, user("2"), days=1)
        old.refresh_from_db()
        assert address_to(old) == user("1")

    def test_are_not_seen_where_the_platform_announced_the_change(self):
        old = wrote(NUMBER, user("1"), name="陳大文")
        change_address(find_identity([user("1")]), [user("2")], at=NOON + DAY)
        assert wrote(NUMBER, user("2"), days=2).contact == old.contact
        assert not IdentityCase.objects.exists()

    def test_are_not_seen_the_first_time_that_a_user_id_comes(self):
        old = wrote(NUMBER, name="陳大文")
        assert wrote(NUMBER, user("1"), days=1).contact == old.contact
        assert Identity.objects.get(kind="whatsapp_user").stated_with == old

    def test_are_not_seen_in_the_id_of_another_portfolio(self):
        old = wrote(NUMBER, user("1"))
        assert wrote(NUMBER, user("9", "P2"), days=1).contact == old.contact

    def test_are_not_seen_where_the_parent_id_is_known(self):
        parent = Address("whatsapp_parent_user", "HK.ENT.1", "P1")
        old = wrote(NUMBER, user("1"), parent)
        assert wrote(NUMBER, user("2"), parent, days=1).contact == old.contact

    def test_are_not_seen_in_the_second_number_of_somebody(self):
        old = wrote(NUMBER, user("1"))
        second = add_address(old.contact, kind="phone", raw="+852 6111 2222", verified="typed")
        mine = wrote(Address("whatsapp", "85261112222"), user("2"), days=1)
        assert mine.contact == second.contact == old.contact

    def test_old_words_that_come_late_stay_with_the_old_person(self):
        old = wrote(NUMBER, user("1"), days=10)
        wrote(NUMBER, user("2"), days=100)
        assert wrote(NUMBER, user("1"), days=50).contact == old.contact
        assert not Identity.objects.exclude(shared_since=None).exists()

    def test_words_of_an_owner_before_the_one_we_know_begin_their_person_without_the_number(self):
        known = wrote(NUMBER, user("2"), days=100)
        before = wrote(NUMBER, user("1"), name="李小龍", days=1)
        assert before.contact != known.contact and before.kind == "whatsapp_user"
        assert find_identity([NUMBER]) == known
        assert before.contact.identities.get(kind="whatsapp").valid_to == NOON + 100 * DAY

    def test_cost_one_query_more_and_only_when_an_unknown_user_id_comes(self, django_assert_max_num_queries):
        people = [Sender((Address("whatsapp", f"8869{12000000 + n}"), user(f"{n}")), at=NOON) for n in range(60)]
        resolve_many(people)
        with django_assert_max_num_queries(3):
            resolve_many(people)


class SharedNumbers:
    def test_are_those_from_which_two_user_ids_write_in_turn(self):
        first = wrote(NUMBER, user("1"))
        second = wrote(NUMBER, user("2"), days=1)
        assert wrote(NUMBER, user("1"), days=2).contact == first.contact
        assert wrote(NUMBER, user("2"), days=3).contact == second.contact
        shared = find_identity([NUMBER])
        assert (shared.shared_since, shared.shared_reason) == (NOON + 2 * DAY, "user_ids")
        assert IdentityCase.objects.filter(kind="shared").count() == 1

    def test_are_those_that_a_crm_states_for_people_of_different_names(self):
        father = add_address(customer("陳大文", "85261110000").contact, kind="phone", raw="+852 2123 4567", verified="crm")
        daughter = add_address(customer("林怡君", "85261110001").contact, kind="phone", raw="2123-4567", regions=("HK",), verified="crm")
        father.refresh_from_db()
        assert daughter.contact != father.contact and daughter.e164 == father.e164 == "+85221234567"
        assert father.shared_since and daughter.shared_since and father.shared_reason == "names"
        assert IdentityCase.objects.get().kind == "shared"

    def test_told_again_change_nothing(self):
        add_address(customer("陳大文", "85261110000").contact, kind="phone", raw="+852 2123 4567", verified="crm")
        other = customer("林怡君", "85261110001").contact
        first = add_address(other, kind="phone", raw="+85221234567", verified="import")
        assert add_address(other, kind="phone", raw="+852 21234567", verified="import") == first
        assert Event.objects.filter(kind="identity.shared").count() == 2

    def test_prove_nobody_to_be_anybody(self):
        father = add_address(customer("陳大文", "85261110000").contact, kind="phone", raw="+85291230000", verified="crm")
        add_address(customer("林怡君", "85261110001").contact, kind="phone", raw="+85291230000", verified="crm")
        caller = wrote(Address("whatsapp", "85291230000"), name="阿明")
        assert caller.contact not in {father.contact, Contact.objects.get(name="林怡君")}


class OneNumberInManyForms:
    def test_a_crms_phone_is_found_when_its_owner_writes(self):
        known = resolve_identity(Sender((Address("phone", "+85291234567"),), name="陳大文"), verified="crm")
        mine = wrote(NUMBER, name="大文")
        assert mine.contact == known.contact and mine.kind == "whatsapp"
        assert Contact.objects.count() == 1

    def test_a_writers_number_is_found_when_the_crm_states_it(self):
        mine = wrote(NUMBER, name="陳大文")
        assert add_address(mine.contact, kind="phone", raw="9123 4567", regions=("HK",), verified="crm") == mine
        assert resolve_identity(Sender((Address("phone", "+85291234567"),)), verified="import").contact == mine.contact

    def test_is_no_proof_between_people_of_different_names(self):
        known = resolve_identity(Sender((Address("phone", "+85291234567"),), name="陳大文"), verified="import")
        assert wrote(NUMBER, name="林怡君").contact != known.contact

    def test_is_no_proof_when_two_people_have_it(self):
        for name, n in (("陳大文", 1), ("林怡君", 2)):
            add_address(customer(name, f"8526111000{n}").contact, kind="phone", raw="+85291230000", verified="crm")
        assert wrote(Address("whatsapp", "85291230000")).contact.name == ""

    @pytest.mark.parametrize(
        ("stored", "wa_id"),
        [("+5511987654321", "551187654321"), ("+525512345678", "5215512345678"), ("+541123456789", "5491123456789")],
    )
    def test_reads_what_latin_america_spells_in_two_ways(self, stored, wa_id):
        known = resolve_identity(Sender((Address("phone", stored),), name="Ana"), verified="import")
        assert wrote(Address("whatsapp", wa_id)).contact == known.contact


class ChangedNumbers:
    def test_end_only_the_number_that_changed(self):
        mine = wrote(NUMBER, user("1"))
        other = wrote(Address("whatsapp", "886912345678"), user("2"))
        Identity.objects.filter(contact=other.contact).update(contact=mine.contact, home=other.contact)
        change_address(mine, [Address("whatsapp", "85269998888"), user("3")], at=NOON + DAY)
        current = Identity.objects.filter(contact=mine.contact, valid_to=None)
        assert set(current.values_list("value", flat=True)) == {"85269998888", "HK.3", "886912345678", "HK.2"}

    def test_go_home_with_the_number_that_they_replace(self):
        mine, survivor = wrote(NUMBER, user("1")), wrote(Address("whatsapp", "886912345678"))
        home = mine.contact
        Identity.objects.filter(contact=home).update(contact=survivor.contact, home=home)
        mine.refresh_from_db()
        change_address(mine, [Address("whatsapp", "85269998888")], at=NOON + DAY)
        assert Identity.objects.get(value="85269998888").home == home

    def test_are_written_to_at_the_new_number(self):
        mine = wrote(NUMBER, user("1"))
        change_address(mine, [Address("whatsapp", "85269998888"), user("3")], at=NOON + DAY)
        mine.refresh_from_db()
        assert address_to(mine) == Address("whatsapp", "85269998888")

    def test_told_of_a_number_that_is_somebodys_ask_a_person(self):
        stranger = wrote(Address("whatsapp", "85269998888"), name="李小龍")
        mine = wrote(NUMBER, user("1"))
        for _ in range(2):
            change_address(mine, [Address("whatsapp", "85269998888")], at=NOON + DAY)
        case = IdentityCase.objects.get()
        assert (case.contact, case.other, case.detail["announced"]) == (stranger.contact, mine.contact, True)


class Homes:
    def test_are_given_to_addresses_stated_with_one_that_was_merged(self):
        mine, survivor = wrote(NUMBER), wrote(Address("whatsapp", "886912345678"))
        home = mine.contact
        Identity.objects.filter(pk=mine.pk).update(contact=survivor.contact, home=home)
        wrote(NUMBER, user("1"), days=1)
        added = Identity.objects.get(kind="whatsapp_user")
        assert (added.contact, added.home, added.stated_with_id) == (survivor.contact, home, mine.pk)

    def test_are_given_to_what_is_typed_on_a_merged_contact(self):
        mine, survivor = wrote(NUMBER).contact, wrote(Address("whatsapp", "886912345678")).contact
        mine.merged_into = survivor
        mine.save()
        added = add_address(mine, kind="email", raw="mei@example.com", verified="typed")
        assert (added.contact, added.home) == (survivor, mine)


class Emails:
    def test_are_one_in_any_capitals_and_kept_as_typed(self):
        first = add_address(customer().contact, kind="email", raw=" Mei.Chan@Example.COM ", verified="typed")
        assert (first.value, first.typed, str(first)) == ("mei.chan@example.com", "Mei.Chan@Example.COM", "Mei.Chan@Example.COM")
        assert resolve_identity(Sender((Address("email", "MEI.CHAN@example.com"),)), verified="import") == first

    @pytest.mark.parametrize(
        ("typed", "wanted"),
        [("a@Bücher.example", "a@xn--bcher-kva.example"), ("mailto:A@B.hk", "a@b.hk"), ("a@b.hk.", "a@b.hk"), ("nobody", "nobody")],
    )
    def test_have_one_form(self, typed, wanted):
        assert email(typed) == wanted

    def test_that_are_none_are_kept_for_repair(self):
        kept = add_address(customer().contact, kind="email", raw="mei at example", verified="import")
        assert kept.value == "mei at example" and kept.needs_repair


class UnreadNumbers:
    def test_of_two_people_are_not_one_number(self):
        one = add_address(customer("陳大文", "85261110000").contact, kind="phone", raw="8.52912E+10", verified="import")
        two = add_address(customer("林怡君", "85261110001").contact, kind="phone", raw="8.52912E+10", verified="import")
        assert one != two and one.contact != two.contact
        assert add_address(two.contact, kind="phone", raw="8.52912E+10", verified="import") == two


class ClearlyApart:
    @pytest.mark.parametrize(("one", "other"), [("陳大文", "林怡君"), ("Chan Tai Man", "Grace Lim"), ("さとう", "スズキ")])
    def test_are_names_with_nothing_in_common(self, one, other):
        assert clearly_apart(one, other) and clearly_apart(other, one)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("陳大文", "陈大文"),
            ("陳大文", "大文"),
            ("陳大文", "David Chan"),
            ("Mei", "Grace"),
            ("", "陳大文"),
            ("🌸🌸", "林怡君"),
            ("Chan Tai Man", "TaiMan CHAN"),
            ("Mei Chan", "M. Chan"),
            ("佐藤", "サトウ"),
        ],
    )
    def test_are_not_names_that_may_be_one_persons(self, one, other):
        assert not clearly_apart(one, other)
