"""The journey that a newcomer makes: a customer asks, a rule answers, an agent answers, the CRM knows. Nothing of it is faked.

The sandbox speaks the platforms' wire formats over loopback; web requests go through a live server, work through the real drains.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scrm.automation.models import Run
from scrm.conversations import services
from scrm.conversations.models import Attachment, Conversation, Message
from scrm.core import jobs
from scrm.intake.ledger import sums
from scrm.sandbox import onboarding, play
from scrm.sandbox.crm.models import Record
from scrm.sandbox.deliverer import Deliverer
from scrm.sandbox.models import Chat, Person
from scrm.sandbox.models import Message as Bubble
from scrm.sandbox.receipts import read_chat
from scrm.staff.models import User
from scrm.sync.models import ExternalRecord, Push
from scrm.tags.models import TagAssignment

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]


@pytest.fixture
def shop(live_server, settings):
    """Web server, sandbox and CRM stand-in on one loopback port, with everything set up as `make run` does."""
    settings.PUBLIC_URL = settings.SANDBOX_URL = live_server.url
    settings.SYNC_COALESCE_SECONDS = 0
    settings.RULE_SETTLE_SECONDS = 0
    onboarding.set_up()
    onboarding.ensure_orders()
    onboarding.switch_rules_on()
    return live_server


def work(until, *, seconds=180):
    """Let the sandbox post and the workers work until something holds, however slow the machine is."""
    deliverer = Deliverer()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        deliverer.step()
        jobs.run_everything_due()
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("did not come about in time")


def somebody_from_japan():
    return Person.objects.filter(country="JP").exclude(phone=None).order_by("pk").first()


def test_a_question_is_answered_tagged_read_and_stands_in_the_crm(shop):
    person = somebody_from_japan()
    play.say(person, "sandbox-jp", text="私の荷物はどこですか?")
    work(lambda: Message.objects.filter(source="rule", state__in=["delivered", "read"]).exists())

    question = Message.objects.get(direction="in")
    chat = question.conversation
    assert TagAssignment.objects.filter(contact=chat.identity.contact, tag__slug="order-status", message=question).exists()
    assert Run.objects.filter(contact=chat.identity.contact, verdict="done").exists()
    answer = Message.objects.get(source="rule")
    order = chat.identity.contact.orders.order_by("-placed_at").first()
    assert order.number in answer.text

    yuki = User.objects.get(username="yuki")
    reply = services.queue_message(
        chat, text="本日中にお届け予定でございます。", source="agent", by=yuki, idempotency_key="composer-1"
    ).message
    services.mark_read(Conversation.objects.get(pk=chat.pk), by=yuki)
    work(lambda: Message.objects.get(pk=reply.pk).state == "delivered")
    read_chat(Chat.objects.get(person=person))
    work(lambda: Message.objects.get(pk=reply.pk).state == "read")
    work(lambda: Bubble.objects.get(person=person, inbound=True).state == "read")

    work(
        lambda: (
            {"contact", "communication", "deal"} <= set(ExternalRecord.objects.values_list("kind", flat=True))
            and not Push.objects.filter(state="due").exists()
        )
    )
    in_crm = {
        record.kind: Record.objects.get(pk=record.external_id).properties
        for record in ExternalRecord.objects.filter(key__in=[str(chat.identity.contact_id)], kind="contact")
    }
    assert in_crm["contact"]["phone"] == chat.identity.e164
    transcript = Record.objects.get(object_type="communications").properties["hs_communication_body"]
    assert "私の荷物はどこですか?" in transcript and "本日中にお届け予定でございます。" in transcript
    assert Record.objects.filter(object_type="deals").exists()
    assert not Push.objects.exclude(state="done").exists()
    assert all(line.balanced and not line.waiting and not line.parked for line in sums())


@pytest.mark.any_database
def test_somebody_without_a_phone_number_is_served_like_everybody(shop):
    person = Person.objects.filter(phone=None).order_by("pk").first()
    play.say(person, "sandbox-hk", text="hello, where is my order?")
    work(lambda: Message.objects.filter(source="rule", state__in=["delivered", "read"]).exists())
    assert Message.objects.get(direction="in").conversation.identity.kind == "whatsapp_user"
    assert Bubble.objects.filter(person=person, inbound=False).count() == 1


@pytest.mark.any_database
def test_a_picture_is_fetched_in_two_steps_and_kept(shop, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    picture = (Path(play.__file__).parent / "static" / "sandbox" / "samples" / "parcel.jpg").read_bytes()
    play.send_image(Person.objects.exclude(phone=None).first(), "sandbox-hk", content=picture, caption="爛咗")
    work(lambda: Attachment.objects.filter(state="stored").exists())
    with Attachment.objects.get().file.open() as file:
        assert file.read() == picture


@pytest.mark.any_database
def test_stop_is_obeyed_by_everybody_from_the_next_message_on(shop):
    person = Person.objects.exclude(phone=None).order_by("pk").first()
    play.say(person, "sandbox-hk", text="STOP")
    work(lambda: Message.objects.filter(direction="in").exists())
    chat = Conversation.objects.get()
    refused = services.queue_message(chat, text="一場誤會", source="api", idempotency_key="k")
    assert (refused.message.state, refused.decision.rule) == ("blocked", "opted_out")
