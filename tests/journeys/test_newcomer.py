"""The first five minutes in a real browser: `manage.py up`, the phone, the inbox, the CRM. Screenshots land in SCREENSHOTS, if set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.faults.system import ROOT, System
from tests.journeys.browsing import NEEDS_CHROMIUM, picture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.any_database,
    NEEDS_CHROMIUM,
]


@pytest.fixture(scope="module")
def product() -> Iterator[System]:
    system = System(first_start=True)
    try:
        yield _started(system)
    finally:
        system.stop()


def _started(system: System) -> System:
    system.start()
    ready = "from scrm.sandbox import onboarding; onboarding.ensure_orders(); onboarding.switch_rules_on()"
    subprocess.run([sys.executable, "manage.py", "shell", "-c", ready], env=system.environment, cwd=ROOT, check=True, capture_output=True)
    return system


def product_url(system: System) -> str:
    return f"http://127.0.0.1:{system.port}"


def test_asks_sees_the_answer_answers_by_hand_and_finds_it_in_the_crm(product: System, chromium: Browser) -> None:
    said: list[str] = []
    # Two windows, as somebody has them side by side: a hidden page neither asks nor reads.
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    console = context.new_page()
    phone = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB").new_page()
    for page in (phone, console):
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)

    phone.goto(f"{product_url(product)}/sandbox/")
    phone.select_option("#country", "JP")
    phone.get_by_role("tab", name="JP").click()
    phone.fill("#search", "佐藤")
    phone.locator("#people li", has_text="佐藤").first.click()
    phone.fill("#text", "私の荷物はどこですか?")
    phone.press("#text", "Enter")

    console.goto(f"{product_url(product)}/admin/")
    console.fill("input[name=username]", "admin")
    console.fill("input[name=password]", "sandbox")
    console.click("button[type=submit]")
    row = console.locator("#ix-rows .ix-row").first
    expect(row).to_be_visible(timeout=15_000)
    row.click()
    thread = console.locator("#ix-messages")
    expect(thread.get_by_text("私の荷物はどこですか?")).to_be_visible(timeout=10_000)
    expect(thread.get_by_text("JP-").first).to_be_visible(timeout=20_000)
    expect(console.locator("#ix-beside").get_by_text("Order status").first).to_be_visible(timeout=10_000)

    console.fill("#ix-text", "本日中にお届け予定でございます。")
    console.press("#ix-text", "Enter")
    expect(thread.get_by_text("本日中にお届け予定でございます。")).to_be_visible(timeout=10_000)
    phone.bring_to_front()
    expect(phone.locator("#chat").get_by_text("本日中にお届け予定でございます。")).to_be_visible(timeout=15_000)
    phone.wait_for_timeout(1500)
    console.bring_to_front()
    expect(thread.locator("article.out", has_text="本日中に").locator(".tick.blue")).to_be_visible(timeout=20_000)
    picture(console, "inbox")
    picture(phone, "phone")

    crm = context.new_page()
    crm.goto(f"{product_url(product)}/sandbox/crm/")
    expect(crm.get_by_text("佐藤").first).to_be_visible(timeout=15_000)
    picture(crm, "crm")
    assert said == []
