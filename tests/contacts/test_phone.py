"""Numbers in every spelling; what cannot be read is never guessed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.phone import Number, Unread, from_wa_id, parse, parse_all


class Parse:
    @pytest.mark.parametrize(
        ("typed", "region", "wanted"),
        [
            ("9123 4567", "HK", "+85291234567"),
            ("+852 9123-4567", "", "+85291234567"),
            ("00852 9123 4567", "", "+85291234567"),
            ("001 852 9123 4567", "SG", "+85291234567"),
            ("85291234567", "SG", "+85291234567"),
            ("０９１２３４５６７８", "TW", "+886912345678"),
            ("+886 0912 345 678", "", "+886912345678"),
            ("(090) 1234-5678", "JP", "+819012345678"),
            ("+81 (0)90-1234-5678", "", "+819012345678"),
            ("91234567.0", "HK", "+85291234567"),
            ("9123 4567 ext. 12", "HK", "+85291234567"),
            ("8123 4567", "SG", "+6581234567"),
        ],
    )
    def test_reads(self, typed, region, wanted):
        number = parse(typed, region)
        assert isinstance(number, Number) and number.e164 == wanted

    def test_keeps_the_extension_apart(self):
        assert parse("2123 4567 ext 8", "HK") == Number("+85221234567", "HK", "8")

    def test_does_not_choose_between_hong_kong_and_singapore(self):
        unread = parse("91234567", ("HK", "SG"))
        assert isinstance(unread, Unread)
        assert unread.candidates == ("+85291234567", "+6591234567")

    def test_chooses_when_only_one_region_fits(self):
        assert parse("51234567", ("HK", "SG")) == Number("+85251234567", "HK")

    def test_names_what_a_spreadsheet_destroyed(self):
        unread = parse("8.52912E+10", "HK")
        assert isinstance(unread, Unread) and "spreadsheet" in unread.reason

    @pytest.mark.parametrize("typed", ["", "   ", "n/a", "１２", "+852", "WhatsApp only", "99999999999999999999"])
    def test_keeps_what_is_no_number_as_typed(self, typed):
        unread = parse(typed, "HK")
        assert isinstance(unread, Unread) and unread.raw == typed and unread.reason

    @pytest.mark.parametrize("part", [" ", "9 ", "9)", "(", "9/", "/ ", ",", "9,", "(9", "x9", "-", "O", "'", ";", "\t9", "ext 1 ", "a(9)"])
    def test_takes_no_time_over_what_is_long(self, part):
        for size in (390, 4096, 32_767):
            typed = "9" + (part * size)[: size - 2] + "x"
            began = time.process_time()
            parse(typed, ("HK", "SG", "TW", "JP"))
            parse_all(typed, ("HK", "SG", "TW", "JP"))
            assert time.process_time() - began < 0.2, (part, size)

    @given(st.text(max_size=40))
    def test_never_raises(self, typed):
        assert parse(typed, ("HK", "SG", "TW", "JP"))

    @given(st.from_regex(r"[569][0-9]{7}", fullmatch=True))
    def test_of_a_national_number_holds_its_digits(self, typed):
        read = parse(typed, "HK")
        assert isinstance(read, Unread) or read.e164 == f"+852{typed}"


class FromWaId:
    def test_reads_what_the_library_knows_and_refuses_nobody_else(self):
        assert from_wa_id("819012345678") == "+819012345678"
        assert from_wa_id("551187654321") == ""
        assert from_wa_id("８１") == ""
