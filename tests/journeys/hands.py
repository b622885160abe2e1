"""The hands of an agent: every click and every key is counted, and so are the seconds until the effect is seen.

A test acts by a `Hand` alone. Words that are typed count as one entry, whatever their length: they are the same in any product.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

TASK = "task"
HEAD = ("task", "clicks", "keys", "entries", "seconds")


@dataclass
class Hand:
    """`what`: the task in words; it begins when the hand is made."""

    page: Page
    what: str
    record: Callable[[str, object], None]
    clicks: int = 0
    keys: int = 0
    entries: int = 0
    began: float = field(default_factory=time.monotonic)

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.locator(selector).first.click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def write(self, words: str) -> None:
        self.entries += 1
        self.page.keyboard.type(words)

    def sees(self, selector: str, words: str = "", *, seconds: float = 15) -> None:
        """The effect is on the page; waiting costs seconds, no clicks."""
        found = self.page.locator(selector)
        expect((found.filter(has_text=words) if words else found).first).to_be_visible(timeout=seconds * 1000)

    def at(self, script: str) -> None:
        """The hands wait until the page is where the next key is meant to go."""
        self.page.wait_for_function(script, timeout=15_000)

    def done(self, *, clicks: int, keys: int, entries: int = 0) -> None:
        """The task is over and took at most so many. Its line goes into the table."""
        seconds = time.monotonic() - self.began
        self.record(TASK, [self.what, self.clicks, self.keys, self.entries, round(seconds, 1)])
        spent, most = (self.clicks, self.keys, self.entries), (clicks, keys, entries)
        assert all(used <= room for used, room in zip(spent, most, strict=True)), f"{self.what}: {spent}, not at most {most}"


def table(rows: list[list[Any]]) -> str:
    """What the tasks took, a line each."""
    width = max(len(str(row[0])) for row in rows)
    lines = [f"{name:<{width}}{clicks:>8}{keys:>6}{entries:>9}{seconds:>9}" for name, clicks, keys, entries, seconds in [HEAD, *rows]]
    return "\n".join(["", *lines, "", "entries: fields that were written in. seconds: this machine's, with the pages' own waits."])
