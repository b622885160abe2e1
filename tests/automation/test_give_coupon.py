"""A rule that answers with a code: the code is in the text, the coupon is the customer's once the answer is out, the law decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scrm.automation.models import Rule, Run
from scrm.commerce.models import Coupon
from scrm.conversations import outbox
from scrm.conversations.models import Message
from scrm.core import clock
from tests.automation.test_engine import ask, rules_are_read_each_time
from tests.fake_channel import FakeChannel, channel
from tests.tags.customers import NOON, conversation, writes

__all__ = ["channel", "rules_are_read_each_time"]
pytestmark = pytest.mark.django_db
OPTIONS = {"code": "HOT10", "own": False, "worth": "10% off", "days": 7, "text": "Hi {name}, use {code}", "text_zh_hant": "優惠碼 {code}"}


def rule(**options: Any) -> Rule:
    return Rule.objects.create(name="10% code", action="give_coupon", options={**OPTIONS, **options}, enabled=True)


class GiveCoupon:
    def test_answers_with_the_code_and_gives_it_when_that_is_out(self, channel: FakeChannel) -> None:
        made = rule(at_once=True)
        ask(writes(conversation("sg"), "too expensive"))
        message = Message.objects.get(direction="out")
        assert (message.text, message.category, Run.objects.get().result["coupon"]) == ("Hi Tan Wei Ming, use HOT10", "service", "HOT10")
        assert not Coupon.objects.exists()
        with clock.frozen(NOON + timedelta(minutes=6)):
            outbox.send_due()
        (sent,) = channel.sent
        assert sent.content == {"body": message.text}
        coupon = Coupon.objects.get()
        assert (coupon.code, coupon.text, coupon.cause, coupon.message_pk) == ("HOT10", "10% off", f"rule:{made.pk}:v1", message.pk)
        assert coupon.expires_at is not None and NOON + timedelta(days=7) <= coupon.expires_at < NOON + timedelta(days=7, minutes=10)

    def test_makes_each_customer_a_code_of_their_own(self) -> None:
        rule(own=True)
        ask(writes(conversation("sg"), "too expensive"), writes(conversation("hk"), "好貴"))
        codes = [run.result["coupon"] for run in Run.objects.order_by("pk")]
        texts = list(Message.objects.filter(direction="out").order_by("pk").values_list("text", flat=True))
        assert len(set(codes)) == 2 and all(code.startswith("HOT10") and len(code) == 13 for code in codes)
        assert all(code in text for code, text in zip(codes, texts, strict=True))

    @pytest.mark.parametrize("options", [{"text": "Hi {name}"}, {"code": ""}, {"code": "x" * 61}])
    def test_sends_nothing_that_makes_no_sense(self, options: dict[str, Any]) -> None:
        rule(**options)
        ask(writes(conversation("sg"), "hi"))
        assert Run.objects.get().verdict == "failed" and not Message.objects.filter(direction="out").exists()

    def test_waits_for_the_day_of_promotions_when_nobody_asked(self) -> None:
        rule()
        ask(writes(conversation("sg"), "hi"))
        assert Run.objects.get().result["policy_rule"] == "promotion_slot"

    def test_goes_to_nobody_who_declined_promotions(self) -> None:
        rule(at_once=True)
        talk = conversation("sg")
        type(talk.identity).objects.filter(pk=talk.identity_id).update(marketing_opted_out_at=NOON)
        ask(writes(talk, "too expensive"))
        run = Run.objects.get()
        assert (run.verdict, run.result["policy_rule"]) == ("blocked", "marketing_opted_out")
