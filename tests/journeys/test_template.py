"""A template from the first word to the customer's phone, and through a pause: the admin's forms, the sandbox's review and webhooks."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from scrm.conversations.models import Conversation, Message, MessageTemplate
from scrm.conversations.services import queue_message
from scrm.conversations.templates import category_of, content_for
from scrm.core import jobs
from scrm.sandbox import onboarding, play, review
from scrm.sandbox.deliverer import Deliverer
from scrm.sandbox.models import Message as Bubble
from scrm.sandbox.models import MessageTemplate as Held
from scrm.sandbox.models import Person

pytestmark = [pytest.mark.any_database, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]

WRITTEN = {
    "name": "parcel_ready",
    "language": "zh_HK",
    "category": "UTILITY",
    "header_format": "TEXT",
    "header_text": "訂單 {{1}}",
    "body": "您好 {{1}}，您的包裹已送達 {{2}}，請於三日內領取，多謝惠顧。",
    "footer": "Harbour Beauty",
    "example_header_1": "HK-104233",
    "example_body_1": "陳生",
    "example_body_2": "銅鑼灣店",
    "source_body_1": "contact.first_name",
    "fallback_body_1": "顧客",
    "button_0_kind": "URL",
    "button_0_text": "查詢",
    "button_0_value": "https://track.example.com/{{1}}",
    "button_0_example": "https://track.example.com/A1024",
    "button_1_kind": "QUICK_REPLY",
    "button_1_text": "我有問題",
}


@pytest.fixture
def admin(live_server, settings):
    """The administrator's browser, with web server and sandbox on one loopback port."""
    settings.PUBLIC_URL = settings.SANDBOX_URL = live_server.url
    settings.RULE_SETTLE_SECONDS = 0
    review_seconds, review.REVIEW_SECONDS = review.REVIEW_SECONDS, 0.2
    onboarding.set_up()
    client = Client()
    assert client.login(username="admin", password=onboarding.PASSWORD)
    yield client
    review.REVIEW_SECONDS = review_seconds


def work(until, *, seconds=180):
    """Let the sandbox post and the workers work until something holds."""
    deliverer = Deliverer()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        deliverer.step()
        jobs.run_everything_due()
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("did not come about in time")


def hong_kong(**fields):
    from scrm.connections.models import Connection

    return Connection.objects.get(slug="sandbox-hk", **fields)


def submit(admin, **changes):
    return admin.post("/admin/conversations/messagetemplate/add/", {**WRITTEN, "connection": hong_kong().pk, "act": "submit", **changes})


def the_template():
    return MessageTemplate.objects.get(name=WRITTEN["name"], language="zh_HK")


def send_it(template, chat, key):
    values = {"header_1": "HK-1", "1": "陳大文", "2": "銅鑼灣店", "button_0": "HK-1"}
    return queue_message(
        chat,
        kind="template",
        text="x",
        content=content_for(template, values),
        category=category_of(template),
        source="agent",
        idempotency_key=key,
    ).message


def chat_with_tai_man():
    play.say(Person.objects.get(name="陳大文"), "sandbox-hk", text="我的包裹到了嗎？")
    work(lambda: Conversation.objects.exists())
    return Conversation.objects.get()


def state_of(message):
    return Message.objects.get(pk=message.pk).state


def test_a_template_is_drafted_drawn_submitted_reviewed_and_sent(admin):
    drawn = admin.post("/admin/conversations/messagetemplate/preview/", WRITTEN).json()
    assert "您的包裹已送達" in drawn["phone"] and "銅鑼灣店" in drawn["phone"] and "{{" not in drawn["phone"]
    assert drawn["places"] == "header_1 body_1 body_2 button_0"

    saved = submit(admin, act="save", body="您好 {{1}}")
    assert saved.status_code == 302 and the_template().status == "DRAFT"
    refused = admin.post(saved["Location"], {**WRITTEN, "body": "您好 {{1}}", "act": "submit"})
    assert refused.status_code == 422 and "at the start or the end" in refused.content.decode()
    assert not Held.objects.filter(name="parcel_ready").exists()

    answer = admin.post(saved["Location"], {**WRITTEN, "act": "submit"})
    assert answer.status_code == 302 and the_template().status == "PENDING"
    assert admin.post(saved["Location"], {**WRITTEN, "act": "submit"}).status_code == 422
    assert Held.objects.filter(name="parcel_ready").count() == 1
    work(lambda: the_template().status == "APPROVED")
    page = admin.get(saved["Location"]).content.decode()
    assert "Approved" in page and "In review → " in page

    message = send_it(the_template(), chat_with_tai_man(), "k1")
    work(lambda: state_of(message) == "delivered")
    sent = Bubble.objects.get(inbound=False)
    assert sent.content["sent"]["components"][1]["parameters"][0]["text"] == "陳大文"


def test_a_rejected_one_is_changed_and_submitted_again(admin):
    location = submit(admin, name="reject_me")["Location"]
    row = MessageTemplate.objects.get(name="reject_me")
    work(lambda: MessageTemplate.objects.get(pk=row.pk).status == "REJECTED")
    assert "do not fit each other" in admin.get(location).content.decode()
    assert admin.post(location, {**WRITTEN, "category": "MARKETING", "footer": "Harbour", "act": "submit"}).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.category) == ("PENDING", "MARKETING")
    held = Held.objects.get(name="reject_me")
    assert held.category == "MARKETING" and any(part.get("text") == "Harbour" for part in held.components)


def test_a_paused_one_holds_its_messages_until_it_is_back(admin):
    admin.post("/admin/conversations/messagetemplate/sync/")
    template = MessageTemplate.objects.get(name="continue_chat", language="zh_HK", connection=hong_kong())
    chat = chat_with_tai_man()
    held = Held.objects.select_related("number").get(name="continue_chat", language="zh_HK", number__slug="sandbox-hk")
    review.change_status(held, "PAUSED")
    work(lambda: MessageTemplate.objects.get(pk=template.pk).status == "PAUSED")
    names = dict.fromkeys(("1", "2", "name", "header_1", "button_0"), "陳大文")
    message = queue_message(
        chat, kind="template", text="x", content=content_for(template, names), category="utility", source="agent", idempotency_key="k"
    ).message
    work(lambda: state_of(message) == "queued" and Message.objects.get(pk=message.pk).decisions.filter(rule="template_paused").exists())
    assert not Bubble.objects.filter(inbound=False).exists()

    review.change_status(held, "APPROVED")
    work(lambda: state_of(message) == "delivered")
    assert Bubble.objects.filter(inbound=False).count() == 1
    told = MessageTemplate.objects.get(pk=template.pk).changes.filter(kind="status").order_by("pk").values_list("after", flat=True)
    assert list(told)[-2:] == ["PAUSED", "APPROVED"]


def test_one_that_is_disabled_ends_what_waited_for_it(admin):
    admin.post("/admin/conversations/messagetemplate/sync/")
    template = MessageTemplate.objects.get(name="continue_chat", language="zh_HK", connection=hong_kong())
    chat = chat_with_tai_man()
    held = Held.objects.select_related("number").get(name="continue_chat", language="zh_HK", number__slug="sandbox-hk")
    review.change_status(held, "PAUSED")
    work(lambda: MessageTemplate.objects.get(pk=template.pk).status == "PAUSED")
    names = dict.fromkeys(("1", "2", "name", "header_1", "button_0"), "陳大文")
    message = queue_message(
        chat, kind="template", text="x", content=content_for(template, names), category="utility", source="agent", idempotency_key="k"
    ).message
    review.change_status(held, "DISABLED")
    work(lambda: state_of(message) == "blocked")
    assert not Bubble.objects.filter(inbound=False).exists()


def test_the_platforms_other_doings_are_seen_on_the_page(admin):
    admin.post("/admin/conversations/messagetemplate/sync/")
    held = Held.objects.select_related("number").get(name="continue_chat", language="zh_HK", number__slug="sandbox-hk")
    row = MessageTemplate.objects.get(name="continue_chat", language="zh_HK", connection=hong_kong())
    review.change_quality(held, "RED")
    review.announce_category(held, "MARKETING")
    work(lambda: MessageTemplate.objects.get(pk=row.pk).next_category == "MARKETING")
    page = admin.get(f"/admin/conversations/messagetemplate/{row.pk}/change/").content.decode()
    assert "soon promotion" in page and "poor" in page
    review.change_category(held, "MARKETING")
    work(lambda: category_of(MessageTemplate.objects.get(pk=row.pk)) == "marketing")
