"""Who is right about one field: the law, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.fields_rules import ALLOWANCE_MS, PERSON, Entry, Question, Standing, Verdict, Word, entry_of, judge

NOON = 1_763_438_400_123  # ms
CRM, CHAT = "crm:hubspot", "channel:hk"


def standing(value: object = "陳大文", source: str = CHAT, at: int = NOON - 60_000) -> Standing:
    seen = {} if source == PERSON else {source: (value, at)}
    return Standing(value, Entry(source, at, "", seen), NOON - 10**9)


def word(value: object, source: str = CRM, at: int = NOON, **further: object) -> Word:
    return Word(value, source, at, **further)  # type: ignore[arg-type]


class Judge:
    def test_fills_what_nobody_said(self):
        ruling = judge(Standing("", None, NOON - 5), word("Chan Tai Man"), clock=NOON)
        assert ruling.verdict is Verdict.TAKEN and ruling.question is None
        assert ruling.after is not None and (ruling.after.value, ruling.after.source) == ("Chan Tai Man", CRM)

    def test_outweighs_what_was_assumed(self):
        assumed = Standing("HK", Entry("assumed", NOON), NOON)
        ruling = judge(assumed, word("SG", at=NOON - 10**8), clock=NOON)
        assert ruling.verdict is Verdict.TAKEN and ruling.question is None

    def test_shows_the_later_of_two_sources_and_asks(self):
        ruling = judge(standing(), word("Chan Tai Man"), clock=NOON)
        assert (ruling.verdict, ruling.question) == (Verdict.TAKEN, Question.DIFFERS)
        ruling = judge(standing(), word("Chan Tai Man", at=NOON - 90_000), clock=NOON)
        assert (ruling.verdict, ruling.question) == (Verdict.KEPT, Question.DIFFERS)

    def test_tells_a_millisecond_apart(self):
        assert judge(standing(at=NOON - 1), word("Chan"), clock=NOON).verdict is Verdict.TAKEN
        assert judge(standing(at=NOON), word("Chan", at=NOON), clock=NOON).question is Question.TIE

    def test_takes_a_whole_second_and_a_moment_in_it_for_the_same(self):
        chat = standing(at=NOON // 1000 * 1000)
        ruling = judge(chat, word("Chan", at=NOON), clock=NOON)
        assert (ruling.verdict, ruling.question) == (Verdict.KEPT, Question.TIE)
        assert judge(chat, word("Chan", at=NOON + 1000), clock=NOON + 1000).verdict is Verdict.TAKEN

    def test_lets_no_clock_win_that_runs_ahead(self):
        ruling = judge(standing(), word("Chan", at=NOON + ALLOWANCE_MS + 1), clock=NOON)
        assert (ruling.verdict, ruling.question) == (Verdict.KEPT, Question.SUSPECT)

    def test_hears_nothing_new_in_what_a_source_repeats(self):
        first = judge(standing(), word("Chan"), clock=NOON).after
        assert first is not None
        edited = judge(first, word("陳太文", PERSON, NOON + 5), clock=NOON + 5).after
        assert edited is not None and edited.value == "陳太文"
        for source, value in ((CHAT, "陳大文"), (CRM, "Chan")):
            assert judge(edited, word(value, source, NOON + 9_000), clock=NOON + 9_000).verdict is Verdict.REPEATED

    def test_takes_a_first_word_that_equals_the_first_value_for_where_it_came_from(self):
        made = Standing("陳大文", None, NOON - 10**9)
        edited = judge(made, word("陳太文", PERSON), clock=NOON).after
        assert edited is not None
        assert judge(edited, word("陳大文", CHAT, NOON + 9_000), clock=NOON + 9_000).verdict is Verdict.REPEATED

    def test_overlooks_what_is_older_than_the_sources_own_last_word(self):
        assert judge(standing(at=NOON), word("舊名", CHAT, NOON - 1000), clock=NOON).verdict is Verdict.STALE

    def test_agrees_over_width_case_and_spaces_between_sources_but_lets_staff_mend_them(self):
        assert judge(standing("ﾁｬﾝ TAI  man"), word("チャン Tai Man"), clock=NOON).verdict is Verdict.AGREED
        assert judge(standing("chan tai man"), word("Chan Tai Man", PERSON), clock=NOON).verdict is Verdict.TAKEN

    def test_asks_nobody_when_staff_decide(self):
        ruling = judge(standing(), word("陳先生", PERSON), clock=NOON)
        assert ruling.verdict is Verdict.TAKEN and ruling.question is None and ruling.settles

    def test_keeps_a_blank_for_no_word_unless_it_is_meant(self):
        assert judge(standing(), word(""), clock=NOON).verdict is Verdict.IGNORED
        cleared = judge(standing(), word("", PERSON, blank_counts=True), clock=NOON).after
        assert cleared is not None and cleared.value == "" and not cleared.empty

    @pytest.mark.parametrize(("prefer", "kept"), [("channel", True), ("crm", False), ("person", False), ("later", False)])
    def test_obeys_the_rule_of_the_field(self, prefer, kept):
        ruling = judge(standing(), word("Chan"), clock=NOON, prefer=prefer)
        assert ruling.verdict is (Verdict.RULED if kept else Verdict.TAKEN)
        assert ruling.question is (Question.DIFFERS if prefer == "person" else None)


VALUES = st.sampled_from(["", "陳大文", "Chan", "CHAN", "Sato", None])
SOURCES = st.sampled_from([PERSON, CRM, CHAT, "channel:jp", "import:7", "geocoder", "created"])
WORDS = st.builds(Word, VALUES, SOURCES, st.integers(NOON - 5000, NOON + 5000), blank_counts=st.booleans())
CLOCK = NOON + 10_000


class EveryHistory:
    @given(st.lists(WORDS, max_size=12), st.sampled_from(["", "later", "crm", "channel", "person"]))
    def test_changes_nothing_when_it_is_told_again(self, words, prefer):
        field = Standing("", None, NOON - 10**6)
        for each in words:
            field = judge(field, each, clock=CLOCK, prefer=prefer).after or field
            again = judge(field, each, clock=CLOCK, prefer=prefer)
            assert (again.after or field).value == field.value and again.question in (None, Question.TIE)

    @given(st.lists(WORDS, max_size=12))
    def test_shows_only_what_somebody_said_and_survives_storing(self, words):
        field = Standing("", None, NOON - 10**6)
        for each in words:
            ruling = judge(field, each, clock=CLOCK)
            if ruling.verdict not in (Verdict.TAKEN,):
                assert ruling.after is None or ruling.after.value == field.value
            field = ruling.after or field
            assert field.value in ["", *(said.value for said in words)]
            assert field.entry is None or entry_of(field.entry.as_json()) == field.entry
