"""A person's events: by kind, by period, by words, page by page, also of somebody of whom there are very many."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from scrm.console import timeline
from scrm.console.people import history
from scrm.console.people.history import PAGE, SEARCHED, Wanted, cursor_from, cursor_of, page_of
from scrm.contacts import merging
from scrm.contacts.family import family_of
from scrm.contacts.models import NO_MESSAGE, Contact, Event
from scrm.core import clock
from scrm.core.rows import insert_all
from scrm.tags.models import Tag
from tests import people
from tests.console.conftest import allow, seated
from tests.repository import ROOT

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def clerk(db: None) -> Client:
    return seated(allow(people.agent("mei"), "contacts.view_contact"))


def happened(
    contact: Contact, kind: str, count: int = 1, *, every: timedelta = timedelta(minutes=1), ends: datetime = NOON, **data: Any
) -> None:
    insert_all(Event, [Event(contact=contact, kind=kind, occurred_at=ends - every * n, data=data) for n in range(count)])


def titles(family: list[int], **wanted: Any) -> list[str]:
    return [row.title for row in page_of(family, Wanted(**wanted), people.agent()).rows]


class Pages:
    def test_follow_one_another_without_a_gap_although_new_events_come(self) -> None:
        contact = people.someone()
        Event.objects.all().delete()
        happened(contact, "order.placed", PAGE * 2 + 5, every=timedelta(0), number="A1")
        seen: list[datetime] = []
        before, turns = None, 0
        while True:
            page = page_of([contact.pk], Wanted(before=before), people.agent())
            seen += [row.at for row in page.rows]
            happened(contact, "order.changed", ends=NOON + timedelta(hours=1))
            turns += 1
            if not page.older:
                break
            before = cursor_from(page.older)
        assert (turns, len(seen)) == (3, PAGE * 2 + 5)

    def test_take_in_every_record_of_the_person_in_order(self) -> None:
        one, two = people.someone(), people.someone()
        Event.objects.all().delete()
        happened(one, "order.placed", 3, every=timedelta(hours=2))
        happened(two, "tag.added", 3, every=timedelta(hours=2), ends=NOON - timedelta(hours=1))
        merging.merge(one, two, by=people.agent())
        family = family_of(Contact.objects.get(pk=one.pk))
        assert titles(family, group="story")[-6:] == ["Order placed", "Tag put on"] * 3

    @pytest.mark.parametrize("text", ["", "x", "1.", ".1", "1.x", "9" * 40 + ".1", "-1.1", "1.1.1"])
    def test_begin_anew_when_the_cursor_is_none(self, text: str) -> None:
        assert cursor_from(text) is None

    def test_know_their_cursor_again(self) -> None:
        row = Event(pk=12, occurred_at=NOON + timedelta(microseconds=1))
        assert cursor_from(cursor_of(row)) == (row.occurred_at, 12)

    def test_need_as_many_statements_for_many_events_as_for_few(self, django_assert_max_num_queries: Any) -> None:
        contact = people.someone()
        happened(contact, "message.received", 3000)
        for kind in ("tag.added", "contact.merged", "order.placed", "consent.changed"):
            happened(contact, kind, 20, by="mei", tag="vip", merge=1, other=contact.pk)
        reader = people.agent()
        with django_assert_max_num_queries(12):  # with the reader's rights and teams
            assert len(page_of([contact.pk], Wanted(), reader).rows) == PAGE

    def test_find_what_is_rare_among_many_messages_by_an_index(self) -> None:
        contact = people.someone()
        happened(contact, "message.received", 2000)
        happened(contact, "order.placed", 1, ends=NOON - timedelta(days=900))
        rows = Event.objects.filter(NO_MESSAGE, contact=contact.pk).order_by("-occurred_at", "-pk")[:51]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE contacts_event")
        assert "contacts_event_story" in rows.explain()
        assert titles([contact.pk], group="orders") == ["Order placed"]


class Narrowing:
    @pytest.fixture(autouse=True)
    def events(self) -> None:
        self.contact = people.someone()
        Event.objects.all().delete()
        Tag.objects.create(slug="vip", name="VIP 客戶")
        for kind in timeline.KINDS:
            happened(self.contact, kind, tag="vip", ends=NOON - timedelta(days=len(kind)))

    def test_knows_every_kind_by_one_group_at_least(self) -> None:
        found = {row for name in history.GROUPS if name for row in titles([self.contact.pk], group=name)}
        assert found == {str(words) for words in timeline.KINDS.values()}

    def test_takes_whole_days_of_the_readers_zone(self) -> None:
        Event.objects.all().delete()
        for hour in (15, 16, 17):  # 16:00 UTC is midnight in Hong Kong
            happened(self.contact, "order.placed", ends=datetime(2026, 11, 10, hour, tzinfo=UTC))
        with timezone.override("Asia/Hong_Kong"):
            assert len(titles([self.contact.pk], since=date(2026, 11, 11), until=date(2026, 11, 11))) == 2
            assert len(titles([self.contact.pk], until=date(2026, 11, 10))) == 1

    def test_finds_words_in_any_width_case_and_script(self) -> None:
        assert titles([self.contact.pk], words="ｖｉｐ 客户")
        assert titles([self.contact.pk], words="no such thing") == []

    def test_looks_so_far_back_at_once_and_says_how_far(self) -> None:
        Event.objects.all().delete()
        happened(self.contact, "message.received", SEARCHED + 10)
        happened(self.contact, "order.placed", number="LOOK-1", ends=NOON - timedelta(days=300))
        page = page_of([self.contact.pk], Wanted(words="look-1"), people.agent())
        assert page.rows == [] and page.looked_back_to is not None
        page = page_of([self.contact.pk], Wanted(words="look-1", before=cursor_from(page.older)), people.agent())
        assert [row.detail for row in page.rows] == ["LOOK-1"] and page.older == ""


class ThePage:
    def test_tells_leads_and_keeps_what_was_asked_for(self, clerk: Client) -> None:
        contact = people.someone()
        happened(contact, "order.placed", PAGE + 1, number="A1001", status="paid")
        html = clerk.get(f"/admin/people/{contact.pk}/timeline/?kind=orders&q=a1001").content.decode()
        assert "Order placed" in html and "A1001 · Paid" in html
        assert re.search(r"\?kind=orders&amp;q=a1001&amp;before=\d+\.\d+", html)
        assert 'aria-current="true"' in html

    def test_of_a_merged_record_is_that_of_the_person(self, clerk: Client) -> None:
        one, two = people.someone(), people.someone()
        merging.merge(one, two, by=people.agent())
        assert str(two) in clerk.get(f"/admin/people/{two.pk}/timeline/").content.decode()

    @pytest.mark.parametrize(
        "query", ["kind=nonsense", "since=yesterday", "until=0000-00-00", "before=x", "q=" + "x" * 300, "since=9999-12-31"]
    )
    def test_answers_nonsense_calmly(self, clerk: Client, query: str) -> None:
        contact = people.someone()
        assert clerk.get(f"/admin/people/{contact.pk}/timeline/?{query}").status_code == 200

    @pytest.mark.parametrize("which", ["timeline", "decisions"])
    def test_is_for_those_who_may_see_contacts(self, which: str) -> None:
        contact = people.someone()
        address = f"/admin/people/{contact.pk}/{which}/"
        assert seated(people.agent("wei")).get(address).status_code == 403
        assert Client().get(address).status_code == 302
        assert seated(allow(people.agent("ken"), "contacts.view_contact")).get(address).status_code == 200
        assert seated(people.agent("ken")).get(f"/admin/people/99999999/{which}/").status_code == 404


class Words:
    def test_are_there_for_every_kind_of_event_that_is_written_anywhere(self) -> None:
        written = re.compile(r"\"((?:message|contact|consent|identity|account|tag|order|conversation)\.[a-z_]+)\"")
        recorded = re.compile(r"(?:kind=|Event\(|_tell\(|_event\()")
        kinds: set[str] = set()
        for path in Path(ROOT / "scrm").rglob("*.py"):
            for line in path.read_text().splitlines():
                if recorded.search(line):
                    kinds |= set(written.findall(line))
        assert kinds and kinds <= set(timeline.KINDS)
