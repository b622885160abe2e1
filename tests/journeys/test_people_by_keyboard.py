"""Duplicates and differences decided in a real browser with the keyboard alone, and what axe finds on the pages about people.

Screenshots land in SCREENSHOTS, if set.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scrm.contacts import merging
from scrm.contacts.fields import Offer, offer
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, FieldConflict, FieldRule, Merge
from scrm.contacts.services import record_consent
from scrm.staff.models import User
from tests import people
from tests.contacts import import_files as files
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat
from tests.journeys.cast import MORNING, twins

pytestmark = [
    pytest.mark.browser,
    pytest.mark.any_database,
    pytest.mark.django_db(transaction=True),
    NEEDS_CHROMIUM,
]


@pytest.fixture
def desk(live_server: Any, chromium: Browser) -> Iterator[Page]:
    """A supervisor's browser, logged in, in English; its mouse is never used."""
    with seat(chromium, User.objects.create_superuser("owner", password="correct horse", display_name="Aya"), live_server.url) as page:
        yield page


class DuplicatesByKeyboard:
    def test_are_merged_kept_apart_and_taken_back_without_a_mouse(self, desk: Page) -> None:
        twins("陳大文", "陳大文", 1000, "1985-03-12")
        twins("林怡君", "林怡君", 2000, "1990-07-01")
        assert DuplicateCase.objects.filter(state="open").count() == 2
        desk.goto("/admin/review/duplicates/")
        case = desk.locator("form.rv-case")
        first = case.get_attribute("data-case")
        expect(desk.locator("[data-waiting]")).to_have_text("2")
        picture(desk, "duplicates")
        desk.keyboard.press("Digit2")
        expect(desk.locator("th.kept kbd")).to_have_text("2")
        chosen = int(desk.locator("[name=survivor]:checked").get_attribute("value") or 0)
        desk.keyboard.press("m")
        expect(desk.locator("[data-decided]")).to_have_text("1")
        expect(case).not_to_have_attribute("data-case", str(first))
        assert Merge.objects.get(undone_at=None).survivor_id == chosen

        second = case.get_attribute("data-case")
        desk.keyboard.press("x")
        expect(desk.locator("[data-decided]")).to_have_text("2")
        expect(desk.locator("#rv-none")).to_be_visible()
        assert DuplicateCandidate.objects.filter(case=second, state="apart").count() == 1

        desk.keyboard.press("u")
        expect(case).to_have_attribute("data-case", str(second))
        desk.keyboard.press("u")
        expect(case).to_have_attribute("data-case", str(first))
        expect(desk.locator("[data-decided]")).to_have_text("0")
        assert not Merge.objects.filter(undone_at=None).exists()
        assert not DuplicateCandidate.objects.filter(state="apart").exists()

    def test_take_values_field_by_field_with_the_arrows_and_a_reason_by_tab(self, desk: Page) -> None:
        one, other = twins("陳大文", "陳大文", 1000, "1985-03-12")
        offer([Offer(one, {"address": "尖沙咀彌敦道12號"}, "channel:hk", MORNING)])
        offer([Offer(other, {"address": "旺角亞皆老街8號"}, "channel:hk", MORNING + timedelta(hours=1))])
        desk.goto("/admin/review/duplicates/")
        desk.keyboard.press("ArrowDown")
        field = "document.activeElement.name"
        while desk.evaluate(field) != "field_address":
            before = desk.evaluate(field)
            desk.keyboard.press("ArrowDown")
            assert desk.evaluate(field) != before, "the arrows do not lead to the address"
        desk.keyboard.press("ArrowLeft")
        wanted = desk.evaluate("document.activeElement.closest('td').innerText")
        for _step in range(40):
            desk.keyboard.press("Tab")
            if desk.evaluate("document.activeElement.name") == "reason":
                break
        desk.keyboard.type("the mother says so")
        desk.keyboard.press("Escape")
        desk.keyboard.press("m")
        expect(desk.locator("[data-decided]")).to_have_text("1")
        row = Merge.objects.get()
        assert row.reason == "the mother says so"
        shown = Contact.objects.get(pk=row.survivor_id).address
        # The later value was chosen already; one press to the left is the earlier one.
        assert shown == "尖沙咀彌敦道12號" and shown in wanted

    def test_show_their_keys_on_a_question_mark(self, desk: Page) -> None:
        twins("陳大文", "陳大文", 1000, "1985-03-12")
        desk.goto("/admin/review/duplicates/")
        desk.keyboard.press("?")
        expect(desk.locator("#rv-help")).to_be_visible()
        desk.keyboard.press("m")
        desk.keyboard.press("Escape")
        expect(desk.locator("#rv-help")).not_to_be_visible()
        assert not Merge.objects.exists(), "a key pressed over the help must not decide"


class DuplicatesOnAPhone:
    """Three records at once, with fingers and in Japanese."""

    @pytest.fixture
    def phone(self, live_server: Any, chromium: Browser) -> Iterator[Page]:
        shown = {"viewport": {"width": 390, "height": 844}, "locale": "ja-JP", "has_touch": True}
        with seat(chromium, User.objects.create_superuser("owner", password="correct horse"), live_server.url, **shown) as page:
            yield page

    def test_stand_below_each_other_and_are_taken_back_by_a_tap(self, phone: Page) -> None:
        trio = [people.customer(name="林怡君", phone=f"8529123300{n}").contact for n in range(3)]
        for each in trio:
            offer([Offer(each, {"birthday": "1990-07-01", "company": "Harbour Beauty Trading Company"}, "crm:hubspot", MORNING)])
        match_contacts([each.pk for each in trio])
        phone.goto("/admin/review/duplicates/")
        expect(phone.locator("th[data-column]")).to_have_count(3)
        picture(phone, "duplicates-phone")
        box = phone.locator(".rv-scroll")
        assert box.evaluate("it => it.scrollWidth <= it.clientWidth"), "values have to be scrolled sideways"
        inside = "it => [...it.querySelectorAll('td')].every(cell => cell.getBoundingClientRect().right <= innerWidth)"
        assert box.evaluate(inside)
        assert barriers(phone) == []
        phone.tap(".rv-bar [data-key=m]")
        expect(phone.locator("#rv-toast .rv-back")).to_be_visible()
        assert Merge.objects.filter(undone_at=None).count() == 2
        phone.tap("#rv-toast .rv-back")
        expect(phone.locator("form.rv-case")).to_be_visible()
        assert not Merge.objects.filter(undone_at=None).exists()


class DifferencesByKeyboard:
    def test_are_kept_reverted_and_made_a_rule_without_a_mouse(self, desk: Page) -> None:
        for number in range(3):
            contact = people.customer(name="", phone=f"8529123456{number}").contact
            offer([Offer(contact, {"name": "陳大文"}, "channel:hk", MORNING)])
            offer([Offer(contact, {"name": "Chan Tai Man"}, "crm:hubspot", MORNING + timedelta(hours=1))])
        rows = [row.contact_id for row in FieldConflict.objects.order_by("found_at", "pk")]
        desk.goto("/admin/review/differences/")
        picture(desk, "differences")
        expect(desk.locator(".rv-row")).to_have_count(3)
        desk.keyboard.press("c")
        expect(desk.locator("[data-decided]")).to_have_text("1")
        desk.keyboard.press("r")
        expect(desk.locator("[data-decided]")).to_have_text("2")
        assert [Contact.objects.get(pk=pk).name for pk in rows] == ["Chan Tai Man", "陳大文", "Chan Tai Man"]
        desk.keyboard.press("f")
        desk.keyboard.type("the chat")
        desk.keyboard.press("Tab")
        desk.keyboard.press("Enter")
        expect(desk.locator(".rv-rules")).to_be_visible(timeout=10_000)
        assert FieldRule.objects.get().prefer == "channel"
        assert not FieldConflict.objects.filter(state="open").exists()


class Readers:
    """With a keyboard or a screen reader, in light and dark, on a desk and on a phone."""

    @pytest.fixture
    def addresses(self, settings: Any, tmp_path: Path) -> dict[str, str]:
        settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, str(tmp_path / "media")
        one, other = twins("陳大文", "陳大文", 1000, "1985-03-12")
        twins("林怡君", "林怡君", 2000, "1990-07-01")
        record_consent(one.identities.get(), purpose="all", allowed=False, source="by_hand", evidence="letter of 3 May", by="mei")
        people.conversation(one.identities.get())
        row = merging.merge(one, other, by=people.agent())
        contact = people.customer(name="", phone="85298765432").contact
        offer([Offer(contact, {"name": "田中"}, "channel:jp", MORNING)])
        offer([Offer(contact, {"name": "Tanaka"}, "crm:hubspot", MORNING + timedelta(hours=1))])
        rows = [["Name", "Phone", "Email"], ["林怡君", "8.52912E+10", ""], ["黃志明", "+85261112233", "no address"]]
        run = files.load(files.table(rows), regions=["HK"])
        files.upload(files.table(rows))
        person = f"/admin/people/{one.pk}"
        return {
            "contact": f"/admin/contacts/contact/{one.pk}/change/",
            "timeline": f"{person}/timeline/",
            "consent": f"{person}/consent/",
            "privacy": f"{person}/privacy/",
            "erase": f"{person}/erase/",
            "decisions": f"{person}/decisions/",
            "duplicates": "/admin/review/duplicates/",
            "differences": "/admin/review/differences/",
            "merges": "/admin/contacts/merge/",
            "undo": f"/admin/merges/{row.pk}/undo/",
            "audit": "/admin/core/auditentry/",
            "imports": "/admin/imports/",
            "import": f"/admin/imports/{run.pk}/",
            "import_undo": f"/admin/imports/{run.pk}/undo/",
            "export": "/admin/exports/",
        }

    def test_find_nothing_that_they_cannot_use(self, addresses: dict[str, str], desk: Page) -> None:
        found: list[str] = []
        for scheme, width in (("light", 1440), ("dark", 390)):
            desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            desk.set_viewport_size({"width": width, "height": 900})
            for name, address in addresses.items():
                desk.goto(address)
                picture(desk, f"{name}-{width}")
                assert desk.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
                found += [f"{name} {scheme}: {barrier}" for barrier in barriers(desk)]
        assert found == []
