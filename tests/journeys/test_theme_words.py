"""What the theme's scripts say, in Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from scrm.staff.models import User
from tests import people
from tests.journeys.browsing import NEEDS_CHROMIUM, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]


@pytest.mark.parametrize(("language", "words"), [("", "scrollable content"), ("ja", "スクロールできる内容"), ("zh-hant", "可捲動的內容")])
def test_what_scrolls_says_so_in_the_readers_language(language: str, words: str, live_server: Any, chromium: Browser) -> None:
    people.someone()
    owner = User.objects.create_superuser("owner", password="correct horse", language=language)
    with seat(chromium, owner, live_server.url) as page:
        page.goto("/admin/contacts/contact/")
        areas = page.locator(".simplebar-content-wrapper")
        areas.first.wait_for(state="attached")
        assert areas.count() >= 2
        assert set(areas.evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")) == {words}
