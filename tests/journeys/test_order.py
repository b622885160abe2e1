"""Products from an agent's message to the customer's phone, the order from there, and what the agent reads of it."""

from __future__ import annotations

import pytest

from scrm.conversations.models import Message
from scrm.conversations.services import queue_message
from scrm.sandbox.models import Message as Bubble
from scrm.sandbox.numbers import CATALOGUE
from scrm.staff.models import User
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat
from tests.journeys.test_template import admin, chat_with_tai_man, state_of, work
from tests.journeys.test_template_layouts import open_phone

__all__ = ["admin"]
pytestmark = [pytest.mark.any_database, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]), NEEDS_CHROMIUM]

SHELVES = {
    "type": "product_list",
    "header": "本月新品",
    "body": "兩款都有現貨，撳一撳就可以落單。",
    "catalog_id": CATALOGUE,
    "sections": [{"title": "手機", "products": ["APL-IP15", "APL-IP15P"]}, {"title": "護膚", "products": ["COS-ANE-MILK"]}],
}


def test_an_order_from_the_phone_stands_in_the_thread(admin, live_server, chromium):
    chat = chat_with_tai_man()
    agent = User.objects.get(username="admin")
    given = {"kind": "interactive", "text": SHELVES["body"], "content": SHELVES, "idempotency_key": "shelves"}
    offer = queue_message(chat, source="agent", by=agent, **given).message
    work(lambda: state_of(offer) in {"delivered", "read"})
    with seat(chromium, agent, live_server.url, locale="ja-JP") as page:
        open_phone(page)
        page.click(".theirs .choices button:has-text('View items')")
        page.wait_for_selector("#shop-dialog[open]")
        assert page.inner_text("#shop-rows h3 >> nth=0") == "手機" and page.is_disabled("#shop-send")
        page.fill("#shop-rows [data-code='APL-IP15']", "2")
        page.fill("#shop-rows [data-code='COS-ANE-MILK']", "1")
        page.fill("#shop-form [name=note]", "請包裝好")
        assert "12,246" in page.inner_text("#shop-total")
        picture(page, "phone-shop")
        assert barriers(page) == []
        page.click("#shop-send")
        page.wait_for_selector(".mine .product")
        page.wait_for_selector("#shop-dialog", state="hidden")
        assert "12,246" in page.inner_text(".mine .product") and "請包裝好" in page.inner_text(".mine:has(.product)")
        picture(page, "phone-order")
        page.set_viewport_size({"width": 390, "height": 844})
        page.click(".theirs .choices button:has-text('View items')")
        picture(page, "phone-shop-narrow")
    assert Bubble.objects.get(kind="order").content["catalog_id"] == CATALOGUE
    work(lambda: Message.objects.filter(kind="order").exists())
    with seat(chromium, agent, live_server.url) as page:
        page.goto(f"/admin/inbox/{chat.pk}/")
        card = page.inner_text(".ix-order")
        assert "2 ×" in card and "iPhone 15 128GB" in card and "HKD 12,246" in card
        assert "請包裝好" in page.inner_text("#ix-messages")
        picture(page, "thread-order")
