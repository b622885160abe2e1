"""Numbers of five countries in every spelling: none assigned wrongly, none lost, and the rest settled by evidence or asked."""

from __future__ import annotations

from collections import Counter

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scrm.contacts import phone, repairs, settling
from scrm.contacts.models import Contact, Event, Identity, NumberSettlement
from scrm.contacts.phone import Number, Unread, parse, parse_all
from scrm.contacts.services import add_address
from scrm.contacts.settling import Known, settle
from tests.contacts.number_file import BUSINESS, CODES, DESTROYED, SPELLINGS, Row, draw, rows
from tests.people import customer, hong_kong

LEAST_SETTLED = 0.5


@pytest.fixture(scope="module")
def labelled() -> list[Row]:
    return list(rows(5_000, seed=20261129))


class LabelledFile:
    def test_is_read_without_one_wrong_number(self, labelled):
        wrong = [(row.raw, row.truth, read.e164) for row, read in _read(labelled) if isinstance(read, Number) and read.e164 != row.truth]
        assert not wrong

    def test_holds_the_truth_among_the_candidates_of_all_that_is_ambiguous(self, labelled):
        asked = [(row, read) for row, read in _read(labelled) if isinstance(read, Unread) and row.truth]
        assert asked and all(row.truth in read.candidates for row, read in asked)

    def test_is_read_in_every_spelling_that_states_its_country(self, labelled):
        missed = Counter(row.region for row, read in _read(labelled) if row.truth and not row.national and isinstance(read, Unread))
        # With the plus lost, American numbers and Chinese mobiles look alike; behind 00, a 1 may belong to the dialled prefix.
        assert set(missed) <= {"US", "CN"}
        assert sum(missed.values()) < 30

    def test_is_settled_by_evidence_without_one_wrong_number(self, labelled):
        asked = [(row, read) for row, read in _read(labelled) if isinstance(read, Unread) and row.truth]
        chosen = [(row, settle(read.candidates, Known(**row.known)).chosen) for row, read in asked]
        assert not [(row, number) for row, number in chosen if number and number != row.truth]
        assert sum(bool(number) for _, number in chosen) / len(chosen) >= LEAST_SETTLED

    def test_names_what_a_spreadsheet_destroyed(self, labelled):
        kinds = {spelling for spelling in DESTROYED if spelling.startswith("science")}
        told = {(row.spelling, read.reason) for row, read in _read(labelled) if isinstance(read, Unread) and row.spelling in kinds}
        assert len(kinds) == 5
        assert told == {(kind, phone.ROUNDED if "again" in kind else phone.DESTROYED) for kind in kinds}

    def test_holds_every_spelling(self, labelled):
        assert {row.spelling for row in labelled} == set(SPELLINGS) | set(DESTROYED)

    def test_holds_enough_that_is_wrong_beside_the_numbers(self, labelled, monkeypatch):
        """Were one piece of evidence believed, numbers would be assigned wrongly."""
        monkeypatch.setattr(settling, "DECISIVE", 2.0)
        asked = [(row, read) for row, read in _read(labelled) if isinstance(read, Unread) and row.truth]
        assert [row for row, read in asked if settle(read.candidates, Known(**row.known)).chosen not in ("", row.truth)]


def _read(labelled: list[Row]) -> list[tuple[Row, Number | Unread]]:
    return [(row, parse(row.raw, BUSINESS)) for row in labelled]


class Spellings:
    @given(st.sampled_from(sorted(CODES)), st.sampled_from(sorted(SPELLINGS)), st.randoms(use_true_random=False))
    def test_lead_back_to_the_number(self, region, spelling, rng):
        number = draw(rng, region)
        raw = SPELLINGS[spelling][1](number, region, rng)
        # Letters stand for digits only among enough of those: 'OOOO lO' is a word.
        assume(sum(map(str.isdigit, raw)) >= 5)
        read = parse(raw, region)
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert read.e164 == e164 if isinstance(read, Number) else e164 in read.candidates

    @pytest.mark.parametrize(
        ("typed", "regions", "wanted"),
        [
            ("香港 9123 4567", ("HK", "SG"), "+85291234567"),
            ("+852 9I23 4567", (), "+85291234567"),
            ("0852 9123 4567", ("HK",), "+85291234567"),
            ("010 852 9123 4567", ("JP",), "+85291234567"),
            ("8.5291234567E+10", (), "+85291234567"),
            ("13812345678", ("CN", "HK"), "+8613812345678"),
            ("2123 4567/8", ("HK",), "+85221234567"),
            ("+1 415 555 0132", ("HK",), "+14155550132"),
            ("090/1234/5678", ("JP",), "+819012345678"),
            ("03-1234/5678", ("JP",), "+81312345678"),
            ("+852/9123/4567", (), "+85291234567"),
            ("9123 4567 (WhatsApp)", ("HK",), "+85291234567"),
            ("090-1234-5678（携帯）", ("JP",), "+819012345678"),
            ("+85291200000", (), "+85291200000"),
            ("9120 0000", ("HK",), "+85291200000"),
            ("02-2123-4567", ("TW",), "+886221234567"),
        ],
    )
    def test_are_read(self, typed, regions, wanted):
        read = parse(typed, regions)
        assert isinstance(read, Number) and read.e164 == wanted

    @pytest.mark.parametrize(("typed", "reason"), [("call me at 5pm", phone.NO_NUMBER), ("1-800-FLOWERS", phone.NO_NUMBER)])
    def test_of_words_are_none(self, typed, reason):
        assert parse(typed, ("HK", "US")) == Unread(typed, reason)

    @pytest.mark.parametrize("typed", ["(02) 755-7925", "+886 2 755 7925", "202-4324", "712-3456", "(02) 12-3456", "080-0468", "90035"])
    def test_that_lack_a_digit_by_now_are_none(self, typed):
        assert isinstance(parse(typed, BUSINESS), Unread)

    @pytest.mark.parametrize("typed", ["85291200000", "85291200000.0", "85,291,200,000", "6591230000", "886912000000"])
    def test_of_six_digits_and_zeros_are_shown_and_not_taken(self, typed):
        read = parse(typed, BUSINESS)
        assert isinstance(read, Unread) and read.reason == phone.ROUNDED and len(read.candidates) == 1

    def test_of_freephone_in_america_and_singapore_are_asked(self):
        read = parse("1-800-207-8581", BUSINESS)
        assert isinstance(read, Unread) and set(read.candidates) >= {"+18002078581", "+6518002078581"}

    def test_of_a_chinese_mobile_without_plus_are_not_read_as_american(self):
        read = parse("13123456789", ())
        assert isinstance(read, Unread) and set(read.candidates) == {"+8613123456789", "+13123456789"}

    def test_of_two_numbers_in_a_cell_are_told_apart(self):
        cell = "+852 9123 4567 / 0912 345 678"
        assert [read.e164 for read in parse_all(cell, ("HK", "TW"))] == ["+85291234567", "+886912345678"]
        assert parse(cell, ("HK", "TW")) == Unread(cell, phone.SEVERAL_NUMBERS, ("+85291234567", "+886912345678"))


class Settle:
    BOTH = ("+85291234567", "+6591234567")

    def test_needs_two_pieces_that_agree(self):
        assert settle(self.BOTH, Known(country="HK")).chosen == ""
        assert settle(self.BOTH, Known(country="HK", address="九龍旺角")).chosen == "+85291234567"

    def test_lets_one_contradiction_stop_it(self):
        assert settle(self.BOTH, Known(country="HK", address="九龍旺角", language="en-SG")).chosen == ""

    def test_takes_the_writer_s_word_for_it(self):
        assert settle(self.BOTH, Known(replied=frozenset({"+6591234567"}))).chosen == "+6591234567"
        assert settle(self.BOTH, Known(replied=frozenset(self.BOTH))).chosen == ""

    def test_reads_names_and_the_rest_of_the_file(self):
        assert settle(self.BOTH, Known(name="Tan Wei Ling", country="SG")).chosen == "+6591234567"
        assert settle(self.BOTH, Known(name="Tan Wei Ling", origin={"SG": 96, "HK": 2})).chosen == ""
        assert settle(self.BOTH, Known(country="SG", origin={"SG": 96, "HK": 2})).chosen == "+6591234567"

    def test_of_nothing_is_nothing(self):
        assert settle(self.BOTH, Known()).chosen == "" and settle((), Known()).chosen == ""


@pytest.mark.django_db
class Repairs:
    def ambiguous(self, **fields: str) -> Identity:
        contact = customer("陳大文", "85261110000").contact
        Contact.objects.filter(pk=contact.pk).update(**{"country": "", **fields})
        contact.refresh_from_db()
        return add_address(contact, kind="phone", raw="9123 4567", regions=("HK", "SG"), verified="import", origin="import:7")

    def settled(self, identity: Identity) -> str:
        repairs.settle_by_evidence(repairs.ambiguous([identity.contact_id]))
        identity.refresh_from_db()
        return identity.e164

    def test_keep_the_candidates_and_ask(self):
        identity = self.ambiguous()
        assert (identity.value, identity.needs_repair) == ("9123 4567", phone.SEVERAL_REGIONS)
        assert identity.candidates["numbers"] == ["+85291234567", "+6591234567"]
        assert self.settled(identity) == ""

    def test_settle_by_evidence_with_the_evidence_on_record(self):
        identity = self.ambiguous(country="HK", city="九龍")
        assert self.settled(identity) == "+85291234567"
        record = NumberSettlement.objects.get()
        assert (record.raw, record.chosen, record.by) == ("9123 4567", "+85291234567", "")
        assert {"country", "address"} <= {piece["code"] for piece in record.evidence}
        assert Event.objects.filter(kind="identity.settled").count() == 1
        assert Contact.objects.search("91234567").count() == 1

    def test_count_the_numbers_of_the_same_import(self):
        for n in range(25):
            raw = f"+852 6123 {4000 + n}"
            add_address(customer(f"黃{n}", f"8526222{n:04}").contact, kind="phone", raw=raw, verified="import", origin="import:7")
        assert self.settled(self.ambiguous(country="HK")) == "+85291234567"

    def test_believe_the_person_who_writes_from_one_of_them(self):
        identity = self.ambiguous()
        customer("陳大文", "6591234567")
        assert repairs.sweep() == 1
        identity.refresh_from_db()
        assert identity.e164 == "+6591234567"

    def test_let_a_person_choose_and_take_it_back(self):
        identity = self.ambiguous(country="HK", city="九龍")
        record = repairs.settle_number(identity, "+6591234567", by="mei")
        identity.refresh_from_db()
        assert (identity.e164, identity.typed, record.by) == ("+6591234567", "9123 4567", "mei")
        assert repairs.undo(record, by="mei") and not repairs.undo(record, by="mei")
        identity.refresh_from_db()
        assert (identity.e164, identity.value, identity.needs_repair) == ("", "9123 4567", phone.SEVERAL_REGIONS)
        assert self.settled(identity) == "", "what a person took back is not settled again by itself"

    def test_are_settled_once_when_two_press_at_once(self):
        identity = self.ambiguous()
        repairs.settle_number(identity, "+6591234567", by="mei")
        with pytest.raises(repairs.CannotSettle):
            repairs.settle_number(identity, "+85291234567", by="ken")

    def test_keep_two_people_with_one_number_apart(self):
        taken = add_address(customer("林怡君", "85261110002").contact, kind="phone", raw="+85291234567", verified="crm")
        identity = self.ambiguous(country="HK", city="九龍")
        assert self.settled(identity) == taken.e164 and identity.contact_id != taken.contact_id

    def test_come_with_the_change_that_tells(self):
        from scrm.contacts import events

        identity = self.ambiguous(country="HK", city="九龍")
        assert events.deliver("numbers") >= 1
        identity.refresh_from_db()
        assert identity.e164 == "+85291234567"

    def test_cost_the_same_for_one_and_for_many(self, django_assert_max_num_queries):
        hong_kong()
        for n in range(30):
            add_address(
                customer(f"黃{n}", f"8526222{n:04}").contact, kind="phone", raw=f"9123 {4000 + n}", regions=("HK", "SG"), verified="crm"
            )
        Contact.objects.update(country="")
        waiting = list(Identity.objects.filter(needs_repair=phone.SEVERAL_REGIONS).select_related("contact", "home"))
        with django_assert_max_num_queries(4):
            repairs.settle_by_evidence(waiting)
