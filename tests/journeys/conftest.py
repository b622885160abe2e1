"""One Chromium a file, and the table of what the tasks of a day cost, when any were measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.browsing import ARGUMENTS, CHROMIUM
from tests.journeys.hands import TASK, table


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        # Playwright runs inside an event loop, which Django's guard would take for asynchronous code.
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        assert CHROMIUM, "chromium must be installed in CI"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    done = [row for report in terminalreporter.getreports("passed") for name, row in report.user_properties if name == TASK]
    if done:
        terminalreporter.write_line(table(done))
