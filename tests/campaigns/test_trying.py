"""A campaign's message to one number before it goes to many: in their words, by the rules, and nobody is in the audience by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scrm.campaigns.campaigns import Refused
from scrm.campaigns.models import Campaign
from scrm.campaigns.trying import send_test
from scrm.contacts.models import Identity
from scrm.conversations.models import Message, MessageTemplate
from scrm.core import clock
from scrm.staff.models import User
from tests import people
from tests.campaigns.test_campaigns import NOW, Platform, boss, campaign, now, number, platform, running, send_all, template

__all__ = ["boss", "campaign", "now", "number", "platform", "template"]
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize("typed", ["+852 9123 4567", "9123-4567", "85291234567"])
def test_goes_to_the_number_in_that_persons_words(campaign: Campaign, boss: User, platform: Platform, typed: str) -> None:
    people.customer("Amy Wong")
    sent = send_test(campaign, typed, by=boss, once="a")
    send_all()
    assert [str(message.text) for message in Message.objects.all()] == ["Hi Amy, our spring sale begins."]
    assert len(platform.taken) == 1 and sent.decision.rule == ""
    assert not campaign.recipients.exists()
    campaign.refresh_from_db()
    assert (campaign.state, campaign.people) == ("draft", 0)


def test_the_rules_hold_for_it(campaign: Campaign, boss: User, platform: Platform) -> None:
    amy = people.customer("Amy")
    Identity.objects.filter(pk=amy.pk).update(marketing_opted_out_at=NOW)
    sent = send_test(campaign, "+85291234567", by=boss, once="a")
    send_all()
    assert (sent.message.state, sent.decision.rule) == ("blocked", "marketing_opted_out") and not platform.taken


def test_pressed_twice_goes_once_and_later_again(campaign: Campaign, boss: User, platform: Platform) -> None:
    MessageTemplate.objects.update(category="UTILITY")
    people.customer("Amy")
    assert send_test(campaign, "+85291234567", by=boss, once="a").created
    with clock.frozen(NOW + timedelta(minutes=1)):
        assert not send_test(campaign, "+85291234567", by=boss, once="a").created, "the same form"
        assert send_test(campaign, "+85291234567", by=boss, once="b").created


@pytest.mark.parametrize(
    ("typed", "words"), [("+852 9999 0000", "Nobody here has +852 9999 0000 on WhatsApp"), ("hello", "Nobody here has hello")]
)
def test_to_a_number_that_nobody_has_is_refused(campaign: Campaign, boss: User, typed: str, words: str) -> None:
    people.customer("Amy")
    with pytest.raises(Refused, match=words.replace("+", r"\+")):
        send_test(campaign, typed, by=boss, once="a")


def test_a_template_that_cannot_go_is_refused(campaign: Campaign, boss: User) -> None:
    people.customer("Amy")
    MessageTemplate.objects.update(status="PAUSED")
    with pytest.raises(Refused, match="has not approved this template"):
        send_test(campaign, "+85291234567", by=boss, once="a")
    assert not Message.objects.exists()


def test_words_that_are_missing_are_named(campaign: Campaign, boss: User) -> None:
    MessageTemplate.objects.update(variables={"body_1": {"source": "order.number"}})
    people.customer("Amy")
    with pytest.raises(Refused, match="1"):
        send_test(campaign, "+85291234567", by=boss, once="a")
    assert not Message.objects.exists()


def test_afterwards_they_are_in_the_audience_as_everybody_and_limits_counted_it(campaign: Campaign, boss: User, platform: Platform) -> None:
    MessageTemplate.objects.update(category="UTILITY")
    campaign.template.refresh_from_db()
    people.customer("Amy")
    send_test(campaign, "+85291234567", by=boss, once="a")
    send_all()
    running(campaign, boss)
    send_all()
    said = campaign.recipients.get()
    assert (said.state, said.reason) == ("sent", "template_24h") and len(platform.taken) == 1
    with clock.frozen(NOW + timedelta(hours=24, minutes=1)):
        send_all()
    assert len(platform.taken) == 2
