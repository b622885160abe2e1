"""An offer and a carousel from the form in a browser to the customer's phone: written, reviewed, sent, answered on the second card."""

from __future__ import annotations

import uuid

import pytest
from django.core.cache import cache
from django.utils import timezone

from scrm.conversations.models import Message, MessageTemplate
from scrm.sandbox.models import Message as Bubble
from scrm.staff.models import User
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat
from tests.journeys.test_template import admin, chat_with_tai_man, hong_kong, work

__all__ = ["admin"]
pytestmark = [pytest.mark.any_database, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]), NEEDS_CHROMIUM]

JPEG = {"name": "serum.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0" + b"x" * 60}


def approved(name):
    work(lambda: MessageTemplate.objects.filter(name=name, status="APPROVED").exists())
    return MessageTemplate.objects.get(name=name)


def begin(page, name, layout, body):
    page.goto("/admin/conversations/messagetemplate/add/")
    page.select_option("#tp-form [name=connection]", str(hong_kong().pk))
    page.fill("#tp-form [name=name]", name)
    page.select_option("#tp-form [name=language]", "zh_HK")
    page.select_option("#tp-form [name=category]", "MARKETING")
    page.select_option("#tp-form [name=layout]", layout)
    page.fill("#tp-form [name=body]", body)
    page.wait_for_selector("[name=example_body_1]")
    page.fill("#tp-form [name=example_body_1]", "陳生")


def submit(page, name):
    picture(page, f"{name}-before")
    page.wait_for_selector(".tp-good")
    assert barriers(page) == []
    picture(page, name)
    page.click("button[value=submit]")
    page.wait_for_url("**/change/")


def sent(admin, chat, template, **values):
    fields = {"mode": "template", "template": template.pk, "idempotency_key": str(uuid.uuid4()), **values}
    answer = admin.post(f"/admin/inbox/{chat.pk}/send/", fields, headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 200, answer.content
    message = Message.objects.filter(direction="out").latest("pk")
    work(lambda: Message.objects.get(pk=message.pk).state in {"delivered", "read"})
    return Bubble.objects.filter(inbound=False).latest("pk")


def test_a_limited_time_offer_is_written_in_the_form_and_counts_down_on_the_phone(admin, live_server, chromium):
    with seat(chromium, User.objects.get(username="admin"), live_server.url) as page:
        begin(page, "summer", "OFFER", "您好 {{1}}，夏日護膚品全線優惠只限本週，把握機會。")
        assert not page.is_visible("#tp-form [name=footer]") and not page.is_visible("#tp-form [name=card_0_body]")
        page.fill("#tp-form [name=offer]", "夏日限時優惠")
        page.check("#tp-form [name=offer_ends]")
        for index, (kind, fields) in enumerate(
            [("COPY_CODE", {"value": "SUMMER10"}), ("URL", {"text": "立即選購", "value": "https://shop.example/o"})]
        ):
            page.click("[data-add]")
            page.select_option(f"#tp-form [name=button_{index}_kind]", kind)
            for part, words in fields.items():
                page.fill(f"#tp-form [name=button_{index}_{part}]", words)
        page.wait_for_selector("[name=fallback_offer]")
        submit(page, "template-offer")
    chat = chat_with_tai_man()
    ends = (timezone.now() + timezone.timedelta(days=2)).strftime("%Y-%m-%dT20:00")
    bubble = sent(admin, chat, approved("summer"), place_body_1="陳大文", place_button_0="SUMMER10", place_offer=ends)
    parts = {part["type"]: part for part in bubble.content["sent"]["components"]}
    assert parts["limited_time_offer"]["parameters"][0]["limited_time_offer"]["expiration_time_ms"] % 86_400_000 == 12 * 3_600_000
    assert parts["button"]["parameters"] == [{"type": "coupon_code", "coupon_code": "SUMMER10"}]
    with seat(chromium, User.objects.get(username="admin"), live_server.url) as page:
        open_phone(page)
        page.wait_for_selector(".offer")
        assert "夏日限時優惠" in page.inner_text(".offer") and "SUMMER10" in page.inner_text(".theirs .choices")
        picture(page, "phone-offer")


def open_phone(page):
    page.goto("/sandbox/")
    page.click(".person:has-text('陳大文')")


def test_cards_are_written_moved_sent_and_answered_one_by_one(admin, live_server, chromium):
    cache.clear()
    with seat(chromium, User.objects.get(username="admin"), live_server.url) as page:
        begin(page, "new_in", "CARDS", "您好 {{1}}，本月新品已經到店，歡迎選購。")
        page.select_option("#tp-form [name=card_button_0_kind]", "QUICK_REPLY")
        page.click("[data-card-add]")
        for index, words in enumerate(["面膜", "保濕精華", "防曬乳"]):
            page.set_input_files(f"#tp-form [name=card_{index}_file]", {**JPEG, "name": f"{index}.jpg"})
            page.fill(f"#tp-form [name=card_{index}_body]", f"{words}，送完即止。")
            page.fill(f"#tp-form [name=card_{index}_button_0_text]", "想知多啲")
        page.click("[data-card-remove] >> nth=0")
        assert page.input_value("#tp-form [name=card_0_body]") == "保濕精華，送完即止。"
        assert not page.is_visible("#tp-form [name=card_2_body]")
        page.locator(".tp-cards .tp-bubble").nth(1).wait_for()
        page.locator(".tp-cards .tp-bubble").nth(2).wait_for(state="detached")
        submit(page, "template-cards")
    template = approved("new_in")
    assert [template.examples["cards"][n]["filename"] for n in ("0", "1")] == ["1.jpg", "2.jpg"]
    chat = chat_with_tai_man()
    bubble = sent(admin, chat, template, place_body_1="陳大文")
    with seat(chromium, User.objects.get(username="admin"), live_server.url) as page:
        open_phone(page)
        page.wait_for_selector(".one-card")
        picture(page, "phone-cards")
        page.click(".one-card >> nth=1 >> button:has-text('想知多啲')")
        page.locator(".mine").nth(1).wait_for()
    answer = Bubble.objects.filter(inbound=True).latest("pk")
    assert (answer.kind, answer.context_wamid) == ("button", bubble.wamid)
