"""A log-in ends while somebody writes: they are told why they are asked to log in again, and find their words where they left them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, Page, expect

from scrm.staff import roles
from scrm.staff.models import User
from tests import people
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]


@pytest.fixture
def mei(transactional_db: None) -> User:
    roles.install()
    mei = people.agent("mei")
    mei.groups.add(Group.objects.get(name=roles.AGENTS))
    return mei


def log_in(page: Page) -> None:
    page.fill("[name=username]", "mei")
    page.fill("[name=password]", "correct horse")
    page.click("#login-form button[type=submit]")


def test_a_draft_outlives_the_log_in_and_the_page_says_so(mei: User, live_server: Any, chromium: Browser) -> None:
    chat = people.conversation()
    with seat(chromium, mei, live_server.url) as page:
        page.context.clear_cookies()
        page.goto(f"/admin/inbox/{chat.pk}/")
        expect(page.locator("[name=password]")).to_be_visible()
        expect(page.get_by_text("Your log-in has ended.")).to_have_count(0)
        log_in(page)
        page.fill("#ix-text", "陳生，禮盒聽日到")
        # Somebody else changes the person's password: every log-in of theirs ends.
        mei.set_password("battery staple 7")
        mei.save()
        page.wait_for_url("**/admin/login/**")
        expect(page.get_by_role("status").get_by_text("Your log-in has ended.")).to_be_visible()
        expect(page.get_by_text("it is kept in this browser")).to_be_visible()
        picture(page, "log-in-ended")
        assert barriers(page) == []
        mei.set_password("correct horse")
        mei.save()
        log_in(page)
        expect(page.locator("#ix-text")).to_have_value("陳生，禮盒聽日到")
