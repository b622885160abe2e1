"""Who is in a segment, put together by a person who has never seen how a condition is written."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from scrm.campaigns.models import Segment
from scrm.staff.models import User
from scrm.tags.models import Tag
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]


def test_a_segment_is_put_together_from_choices_changed_and_kept_as_text_where_it_is_nested(live_server: Any, chromium: Browser) -> None:
    Tag.objects.create(slug="vip", name="常連")
    owner = User.objects.create_superuser("owner", password="correct horse", display_name="Aya")
    with seat(chromium, owner, live_server.url) as page:
        page.goto("/admin/campaigns/segment/add/")
        page.fill("[name=name]", "Regulars in Japan")
        for row, (term, value) in enumerate([("contact.country", "JP"), ("tag", "vip")]):
            page.click(".cd-button")
            page.locator(".cd-row select").nth(row * 3).select_option(term)
            page.locator(".cd-row [data-part=value]").nth(row).select_option(value)
        picture(page, "segment")
        assert barriers(page) == []
        page.click("[name=_continue]")
        page.wait_for_url("**/change/")
        rows = [{"term": "contact.country", "op": "is", "value": "JP"}, {"term": "tag", "op": "is", "value": "vip"}]
        assert Segment.objects.get().conditions == {"all": rows}
        expect(page.locator(".cd-row")).to_have_count(2)
        page.locator(".cd-row [data-part=op]").first.select_option("in")
        page.locator(".cd-row [data-part=value]").first.fill("JP, TW")
        page.locator(".cd-remove").nth(1).click()
        page.click("[name=_continue]")
        page.locator(".cd-row").nth(1).wait_for(state="detached")
        assert Segment.objects.get().conditions == {"term": "contact.country", "op": "in", "value": ["JP", "TW"]}
        Segment.objects.update(conditions={"not": rows[0]})
        page.reload()
        expect(page.locator("textarea[name=conditions]")).to_be_visible()
        assert page.locator(".cd-row").count() == 0
