"""What an agent wrote outlives a line that breaks and a log-in that ends, and is never taken for sent; and words that are cut nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scrm.connections.models import Connection
from scrm.conversations.models import Message
from scrm.staff.models import User
from tests import people
from tests.console.thread_rows import said
from tests.journeys.browsing import NEEDS_CHROMIUM, log_in, picture, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]
WORDS = "多謝,我幫你查一查"
# Texts that end in the middle of a word because their box is too small.
CUT = """() => [...document.querySelectorAll('h1, h2, button, a, dt, dd, th, .ix-chip')].filter((node) => node.checkVisibility()
  && node.scrollWidth > node.clientWidth + 2 && node.clientWidth > 1 && getComputedStyle(node).overflowX === 'hidden'
  && getComputedStyle(node).textOverflow !== 'ellipsis').map((node) => node.textContent.trim())"""


@pytest.fixture
def owner(transactional_db: None) -> User:
    return User.objects.create_superuser("owner", password="correct horse", display_name="Aya")


@pytest.fixture
def window(owner: User, live_server: Any, chromium: Browser) -> Any:
    """A window of its own: a line that breaks is told to the console as an error."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=live_server.url)
    log_in(context, owner, live_server.url)
    yield context
    context.close()


def write(page: Page, words: str) -> None:
    page.locator("#ix-text").fill(words)
    page.keyboard.press("Enter")


def test_nothing_is_lost_or_taken_for_sent_without_a_line_and_without_a_log_in(
    window: BrowserContext, owner: User, live_server: Any
) -> None:
    chat = people.conversation()
    said(chat, "我的包裹去了哪裡?")
    page = window.new_page()
    page.goto(f"/admin/inbox/{chat.pk}/")
    window.set_offline(True)
    write(page, WORDS)
    expect(page.locator("#ix-toast")).to_contain_text("No connection")
    expect(page.locator("#ix-text")).to_have_value(WORDS)
    window.set_offline(False)
    window.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    write(page, WORDS)
    page.wait_for_url(re.compile("/login/"))
    log_in(window, owner, live_server.url)
    page.goto(f"/admin/inbox/{chat.pk}/")
    expect(page.locator("#ix-text")).to_have_value(WORDS)
    assert not Message.objects.filter(direction="out").exists()


def test_words_are_whole_in_japanese_at_a_desk_and_on_a_phone(owner: User, live_server: Any, chromium: Browser) -> None:
    chat = people.conversation()
    Connection.objects.create(slug="crm", label="HubSpot", kind="crm", adapter="hubspot", state="active", facts={"daily-remaining": 649985})
    with seat(chromium, owner, live_server.url) as page:
        page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": "ja", "url": live_server.url}])
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            for address in ("/admin/inbox/", f"/admin/inbox/{chat.pk}/", "/admin/sync/health/"):
                page.goto(address)
                picture(page, f"whole{address.replace('/', '-')}{width}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} is wider than {width}"
                assert page.evaluate(CUT) == [], f"{address} at {width}"
