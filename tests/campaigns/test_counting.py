"""How many people a segment has: at once where that is quick, else in the background, and always in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from scrm.campaigns import counting
from scrm.campaigns.models import Segment
from scrm.contacts.models import Contact
from scrm.core import clock, jobs
from scrm.staff.models import User
from tests import people

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
FROM_JAPAN = {"term": "contact.country", "op": "is", "value": "JP"}


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def japan(db: None) -> Segment:
    for number in range(7):
        contact = people.someone()
        Contact.objects.filter(pk=contact.pk).update(country="JP" if number % 2 else "TW")
    return Segment.objects.create(name="日本のお客様", conditions=FROM_JAPAN)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is not through in time, and slices of two."""
    monkeypatch.setattr(counting, "count_within", lambda rows, most, milliseconds: None)
    monkeypatch.setattr(counting, "SLICE", 2)


def page(client: Client, row: Segment) -> str:
    answer = client.get(f"/admin/campaigns/segment/{row.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def in_the_background() -> int:
    """Until nothing is left to do; the number of steps."""
    steps = 0
    while jobs.drains()["segments"].step():
        steps += 1
    return steps


class AtOnce:
    def test_is_the_number_up_to_the_bound(self, japan: Segment) -> None:
        assert counting.size_of(japan, 10) == counting.Size(3)
        assert counting.size_of(japan, 2) == counting.Size(2, more=True)
        assert in_the_background() == 0


@pytest.mark.usefixtures("slow")
class InTheBackground:
    def test_is_counted_slice_by_slice_and_told_with_its_moment(self, japan: Segment, admin_client: Client) -> None:
        assert "Being counted: 0 % of all contacts looked at, 0 found so far." in page(admin_client, japan)
        assert in_the_background() == 4
        told = page(admin_client, japan)
        assert "3, counted 18 Nov 2026 12:00." in told and "Being counted" not in told and "counted anew" not in told

    @pytest.mark.parametrize(("language", "coming", "counted"), [("ja", "集計中", "再集計中"), ("zh-hant", "計算中", "重新計算")])
    def test_is_told_in_the_readers_language(
        self, language: str, coming: str, counted: str, japan: Segment, admin_client: Client, admin_user: User
    ) -> None:
        User.objects.filter(pk=admin_user.pk).update(language=language)
        assert coming in page(admin_client, japan)
        in_the_background()
        clock.advance(counting.FRESH + timedelta(seconds=1))
        assert counted in page(admin_client, japan)

    def test_is_followed_by_the_page_that_shows_it(self, japan: Segment, admin_client: Client, django_assert_max_num_queries: Any) -> None:
        address = f"/admin/campaigns/segment/{japan.pk}/size/"
        html = page(admin_client, japan)
        assert f'data-size="{address}" data-coming="1"' in html and "console/segment.js" in html
        last, stages = 0, set()
        for _step in range(3):
            jobs.drains()["segments"].step()
            with django_assert_max_num_queries(5):
                told = admin_client.get(address).json()
            percent = int(re.findall(r"(\d+) %", told["words"])[0])
            # Numbers that were given out before make the steps small.
            assert told["coming"] and last <= percent < 100
            last = percent
            stages.add(told["words"])
        assert len(stages) > 1 and ("3 found so far" in told["words"] or "2 found so far" in told["words"])
        in_the_background()
        told = admin_client.get(address).json()
        assert told == {"words": "3, counted 18 Nov 2026 12:00.", "coming": False}

    def test_is_told_to_nobody_who_may_not_see_it(self, japan: Segment, client: Client) -> None:
        client.force_login(people.agent())
        assert client.get(f"/admin/campaigns/segment/{japan.pk}/size/").status_code == 403

    def test_is_counted_once_however_often_one_asks(self, japan: Segment, admin_client: Client) -> None:
        page(admin_client, japan)
        jobs.drains()["segments"].step()
        page(admin_client, japan)
        assert in_the_background() == 3 and Segment.objects.get().people == 3

    def test_is_counted_anew_when_it_is_old(self, japan: Segment, admin_client: Client) -> None:
        page(admin_client, japan)
        in_the_background()
        Contact.objects.update(country="JP")
        assert "counted anew" not in page(admin_client, japan)
        clock.advance(counting.FRESH + timedelta(seconds=1))
        assert "3, counted 18 Nov 2026 12:00. Being counted anew: 0 %" in page(admin_client, japan)
        in_the_background()
        assert "7, counted 18 Nov 2026 12:10" in page(admin_client, japan)

    def test_says_nothing_of_conditions_that_were_changed_meanwhile(self, japan: Segment, admin_client: Client) -> None:
        page(admin_client, japan)
        jobs.drains()["segments"].step()
        form = {"name": japan.name, "conditions": '{"term": "contact.country", "op": "is", "value": "TW"}'}
        assert admin_client.post(f"/admin/campaigns/segment/{japan.pk}/change/", form).status_code == 302
        assert in_the_background() == 0
        page(admin_client, japan)
        in_the_background()
        assert "4, counted" in page(admin_client, japan)

    def test_step_that_is_overtaken_counts_nothing_twice(self, japan: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
        counting.ask(japan)
        members = counting.segments.members

        def overtaken(row: Segment) -> Any:
            monkeypatch.setattr(counting.segments, "members", members)
            assert counting.count_some() == 1
            return members(row)

        monkeypatch.setattr(counting.segments, "members", overtaken)
        assert counting.count_some() == 1
        in_the_background()
        assert Segment.objects.get().people == 3

    def test_of_what_cannot_be_asked_ends(self, japan: Segment) -> None:
        counting.ask(japan)
        Segment.objects.update(conditions={"term": "weather", "op": "is", "value": "rain"})
        assert in_the_background() == 1
