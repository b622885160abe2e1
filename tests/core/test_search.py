"""Search in every script, two characters and fewer, and by the end of a number."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrm.contacts.models import Contact
from scrm.conversations import services
from scrm.conversations.models import Message
from scrm.core.search import MOST_WALKED, SearchIndex, index_terms, query_phrases
from tests.people import agent, conversation, customer

pytestmark = pytest.mark.django_db


class ContactSearch:
    @pytest.fixture(autouse=True)
    def people(self):
        for name, phone in [
            ("陳大文", "85291234567"),
            ("佐藤 結衣", "819012345678"),
            ("Tan Wei Ling", "6581234567"),
            ("ﾀﾅｶ ﾊﾅ", "818055556666"),
            ("林怡君", "886912345678"),
        ]:
            customer(name, phone)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("大文", "陳大文"),
            ("陳", "陳大文"),
            ("結衣", "佐藤 結衣"),
            ("佐藤結衣", None),
            ("佐藤 結衣", "佐藤 結衣"),
            ("tan wei", "Tan Wei Ling"),
            ("TAN", "Tan Wei Ling"),
            ("ling tan", "Tan Wei Ling"),
            ("タナカ", "ﾀﾅｶ ﾊﾅ"),
            ("4567", {"陳大文", "Tan Wei Ling"}),
            ("1234567", {"陳大文", "Tan Wei Ling"}),
            ("85291234567", "陳大文"),
            ("+886 912 345 678", "林怡君"),
            ("文大", None),
            ("'; drop table", None),
        ],
    )
    def test_finds(self, query, found):
        wanted = set() if found is None else {found} if isinstance(found, str) else found
        assert {contact.name for contact in Contact.objects.search(query)} == wanted


class MessageSearch:
    @pytest.mark.parametrize("query", ["荷物", "物", "私の荷物", "どこ", "JP-104233", "104233", "tracking"])
    def test_finds_words_of_a_message(self, query):
        chat = conversation()
        services.queue_message(chat, text="私の荷物 JP-104233 はどこですか? (Tracking)", source="agent", by=agent(), idempotency_key="a")
        services.queue_message(chat, text="ありがとうございます", source="agent", by=agent(), idempotency_key="b")
        assert Message.objects.search(query).count() == 1

    @settings(max_examples=60, deadline=None)
    @given(st.text(min_size=1, max_size=30))
    def test_takes_any_query_whatever_it_holds(self, query):
        assert list(Message.objects.search(query)) == []


class Terms:
    @given(st.text(alphabet="陳大文佐藤結衣ラーメン", min_size=2, max_size=12), st.data())
    def test_of_any_two_neighbouring_characters_are_found(self, text, data):
        start = data.draw(st.integers(0, len(text) - 2))
        ((phrase,),) = query_phrases(text[start : start + 2])
        assert phrase[0].rstrip("*") in index_terms(text)


class Phrases:
    """Whether the newest rows are walked before the index is asked, by what PostgreSQL's statistics say of the terms."""

    ROWS = 1_000_000
    SHARES = {"陳大": 0.002, "大文": 0.045, "あり": 0.03, "りが": 0.03, "がと": 0.03, "とう": 0.03}

    def walked(self, words):
        index = SearchIndex("contacts_search", Contact)
        index._shares = (time.monotonic(), self.ROWS, self.SHARES)
        return index._rows_to_walk(query_phrases(words))

    def test_of_common_terms_alone_are_looked_for_in_the_newest_rows(self):
        assert 0 < self.walked("ありがとう") <= MOST_WALKED

    def test_with_a_rare_term_are_asked_of_the_index(self):
        """Two thousand rows hold it: fewer than would be walked past by a hundred times."""
        assert self.walked("陳大文") == 0

    def test_with_a_term_that_hardly_any_row_holds_are_asked_of_the_index(self):
        assert self.walked("大文豪") == 0

    def test_of_one_term_are_left_to_the_planner(self):
        assert self.walked("大文") == 0
