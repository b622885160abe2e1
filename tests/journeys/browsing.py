"""Headless Chromium for the journeys: started once a file, logged in as whom a test needs, its pages free of errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from scrm.staff.models import User

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="the Debian package chromium is not installed")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# The theme draws the admin's own chooser of several rows with a search field that has no name of its own: left out below.
# The theme draws the admin's own chooser of one among many rows with a name that axe does not find; it is read out by its label.
THEIRS = {"aria-input-field-name"}


def picture(page: Page, name: str) -> None:
    """A screenshot in the folder SCREENSHOTS, if set."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def log_in(context: BrowserContext, user: User, address: str) -> None:
    """By a session of the test's own, in English; the log-in page has tests of its own."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


@contextmanager
def seat(chromium: Browser, user: User, address: str, **options: Any) -> Iterator[Page]:
    """A person's window. Whatever its pages tell the console as an error fails the test at the end."""
    shown = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "base_url": address, **options}
    context = chromium.new_context(**shown)
    log_in(context, user, address)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    assert not said, "\n".join(said)


def barriers(page: Page) -> list[str]:
    """What readers with a keyboard or a screen reader could not use on the page as it is now, by axe."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    told = page.evaluate("rules => axe.run({exclude: [['.select2-container']]}, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [f"{each['id']} {[node['target'] for node in each['nodes'][:3]]}" for each in told["violations"] if each["id"] not in THEIRS]
