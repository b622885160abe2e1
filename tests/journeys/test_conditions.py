"""Who is in a segment, put together by a person who has never seen how a condition is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scrm.campaigns.models import Segment
from scrm.staff.models import User
from scrm.tags.models import Tag
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]
JAPAN = {"term": "contact.country", "op": "is", "value": "JP"}
REGULAR = {"term": "tag", "op": "is", "value": "vip"}


@pytest.fixture
def desk(live_server: Any, chromium: Browser) -> Iterator[Page]:
    Tag.objects.create(slug="vip", name="常連")
    owner = User.objects.create_superuser("owner", password="correct horse", display_name="Aya")
    with seat(chromium, owner, live_server.url) as page:
        yield page


def saved(page: Page) -> Any:
    page.click("[name=_continue]")
    page.wait_for_url("**/change/")
    page.wait_for_load_state()
    return Segment.objects.get().conditions


def test_a_segment_is_put_together_from_choices_and_changed(desk: Page) -> None:
    desk.goto("/admin/campaigns/segment/add/")
    desk.fill("[name=name]", "Regulars in Japan")
    for row, (term, value) in enumerate([("contact.country", "JP"), ("tag", "vip")]):
        desk.click(".cd-button >> nth=0")
        desk.locator(".cd-row select").nth(row * 3).select_option(term)
        desk.locator(".cd-row [data-part=value]").nth(row).select_option(value)
    picture(desk, "segment")
    assert barriers(desk) == []
    assert saved(desk) == {"all": [JAPAN, REGULAR]}
    expect(desk.locator(".cd-row")).to_have_count(2)
    desk.locator(".cd-row [data-part=op]").first.select_option("in")
    desk.locator(".cd-another").click()
    desk.locator(".cd-list [data-part=value]").nth(1).select_option("TW")
    desk.locator(".cd-row > .cd-remove").nth(1).click()
    assert saved(desk) == {"term": "contact.country", "op": "in", "value": ["JP", "TW"]}


def test_groups_stand_inside_one_another_and_need_no_mouse(desk: Page) -> None:
    desk.goto("/admin/campaigns/segment/add/")
    desk.fill("[name=name]", "Japan, and regulars or VIPs")
    keys = desk.keyboard

    def press(name: str, nth: int = 0) -> None:
        """A button by its name, with the keyboard."""
        desk.get_by_role("button", name=name, exact=True).nth(nth).focus()
        keys.press("Enter")

    def choose(term: str, place: str) -> None:
        """In the new row, on whose first choice one stands."""
        assert desk.evaluate("document.activeElement.closest('.cd-row').getAttribute('aria-label')") == f"Condition {place}"
        keys.type(term)
        keys.press("Tab")

    press("Add a condition")
    choose("Country", "1")
    press("Add a group")
    choose("Has the tag", "2.1")
    # The buttons of the inner group stand before those around it.
    press("Add a group")
    choose("Has ordered", "2.2.1")
    inner = desk.get_by_role("group", name="Group 2.2", exact=True)
    inner.get_by_role("combobox", name="How these are joined").focus()
    keys.type("None")
    expect(desk.get_by_role("button", name="Add a group", exact=True)).to_have_count(2)
    picture(desk, "segment-groups")
    assert barriers(desk) == []
    found = saved(desk)
    first, inside = found["all"]
    assert first["term"] == "contact.country" and inside["any"][0]["term"] == "tag"
    assert inside["any"][1] == {"not": {"term": "order.exists", "op": "is", "value": True}}
    expect(desk.get_by_role("group", name="Group 2.2", exact=True)).to_be_visible()
    desk.get_by_role("group", name="Group 2", exact=True).get_by_role("button", name="Remove this group").last.focus()
    keys.press("Enter")
    expect(desk.get_by_text("The group was removed.")).to_be_attached()
    assert desk.evaluate("document.activeElement.closest('.cd-row').getAttribute('aria-label')") == "Condition 2.1"
    assert saved(desk) == {"all": [first, {"any": [inside["any"][0]]}]}


@pytest.mark.parametrize(
    "tree",
    [
        {"any": [{"all": [JAPAN, {"not": REGULAR}]}, {"not": {"any": [JAPAN, REGULAR]}}, REGULAR]},
        {"not": {"all": [JAPAN, REGULAR]}},
        {"all": [JAPAN, {"any": [REGULAR, {"all": [JAPAN, {"any": [REGULAR]}]}]}]},
        {"term": "contact.language", "op": "in", "value": ["zh-Hant, HK", "ja"]},
    ],
)
def test_what_was_written_as_text_is_shown_as_rows_and_saved_as_it_was(tree: Any, desk: Page) -> None:
    row = Segment.objects.create(name="Written", conditions=tree)
    desk.goto(f"/admin/campaigns/segment/{row.pk}/change/")
    expect(desk.locator("textarea[name=conditions]")).to_be_hidden()
    # A change and back, so that the rows write what they hold.
    op = desk.locator("[data-part=op]").first
    was = op.input_value()
    op.select_option("not_in" if was == "in" else "is_not")
    op.select_option(was)
    assert saved(desk) == tree


def test_an_empty_group_is_left_out_and_what_rows_cannot_show_stays_text(desk: Page) -> None:
    row = Segment.objects.create(name="Written", conditions={"all": [JAPAN, {"any": [REGULAR]}]})
    desk.goto(f"/admin/campaigns/segment/{row.pk}/change/")
    desk.get_by_role("group", name="Condition 2.1").get_by_role("button", name="Remove this condition").click()
    expect(desk.get_by_text("This group is empty and is left out.")).to_be_visible()
    assert saved(desk) == JAPAN
    Segment.objects.update(conditions={"any": [JAPAN, {"term": "gone", "op": "is", "value": "x"}]})
    desk.reload()
    expect(desk.locator("textarea[name=conditions]")).to_be_visible()
    expect(desk.get_by_text("cannot be shown as rows")).to_be_visible()
    assert desk.locator(".cd-row").count() == 0
