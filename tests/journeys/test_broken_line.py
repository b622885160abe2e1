"""A question of the inbox that nobody answers ends, and the next ones bring what happened meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, Route, expect

from scrm.staff import roles
from scrm.staff.models import User
from tests import people
from tests.journeys.browsing import NEEDS_CHROMIUM, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]


@pytest.fixture
def mei(transactional_db: None) -> User:
    roles.install()
    mei = people.agent("mei")
    mei.groups.add(Group.objects.get(name=roles.AGENTS))
    return mei


def test_a_question_without_an_answer_does_not_end_the_asking(mei: User, live_server: Any, chromium: Browser) -> None:
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)

    with seat(chromium, mei, live_server.url) as page:
        page.route("**/admin/inbox/live/**", lose_the_first)
        page.goto("/admin/inbox/")
        expect(page.locator("#ix-rows a.ix-row")).to_have_count(0)
        people.conversation()
        expect(page.locator("#ix-rows a.ix-row")).to_have_count(1, timeout=25_000)
        assert len(lost) == 1
