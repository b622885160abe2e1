"""A message that brings a code gives a coupon as soon as it is out, once, to the record that its address belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.contracts import PlatformError
from connectors.errors import OutcomeUnknown
from scrm.commerce import coupons
from scrm.commerce.models import Coupon
from scrm.contacts import merging
from scrm.conversations import outbox, statuses
from scrm.conversations.coupons import offers_of
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from tests.conversations.test_outbox import queued, told
from tests.fake_channel import FakeChannel
from tests.people import NOON, agent, conversation, customer, hong_kong

pytestmark = pytest.mark.django_db
ENDS = datetime(2026, 11, 20, 12, tzinfo=UTC)
CODE = {"type": "button", "sub_type": "copy_code", "index": "0", "parameters": [{"type": "coupon_code", "coupon_code": "SUMMER10"}]}
COUNTDOWN = {
    "type": "limited_time_offer",
    "parameters": [{"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": int(ENDS.timestamp() * 1000)}}],
}


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.frozen(NOON):
        yield


def offer(chat: Conversation | None = None, key: str = "offer", *components: Any) -> Message:
    template = {"name": "summer", "language": "zh_HK", "components": list(components or (COUNTDOWN, CODE))}
    message: Message = queued(chat, "夏日限時優惠\n您好 陳大文", kind="template", content=template, category="utility", idempotency_key=key)
    return message


def rows() -> list[tuple[str, str]]:
    return list(Coupon.objects.order_by("pk").values_list("contact__name", "code"))


class TemplatesWithACode:
    def test_give_it_with_its_end_its_words_and_who_sent_it(self, channel: FakeChannel) -> None:
        message = offer()
        assert not Coupon.objects.exists()
        outbox.send_due()
        coupon = Coupon.objects.get()
        assert (coupon.code, coupon.expires_at, coupon.text) == ("SUMMER10", ENDS, "夏日限時優惠 您好 陳大文")
        assert (coupon.message_pk, coupon.by, coupon.given_at, coupon.contact.name) == (message.pk, agent(), NOON, "陳大文")

    def test_give_nothing_when_they_could_not_be_sent(self, channel: FakeChannel) -> None:
        offer()
        channel.answers = [OutcomeUnknown("no answer")]
        outbox.send_due()
        assert not Coupon.objects.exists()

    def test_give_it_when_only_a_status_tells_that_they_arrived_and_but_once(self, channel: FakeChannel) -> None:
        message = offer()
        channel.answers = [OutcomeUnknown("no answer")]
        outbox.send_due()
        for status in ("sent", "delivered", "read"):
            statuses.apply_statuses(hong_kong(), [told(message, status)])
        assert rows() == [("陳大文", "SUMMER10")]

    def test_take_it_back_when_they_fail_late_unless_it_was_used(self, channel: FakeChannel) -> None:
        first, second = offer(), offer(conversation(customer("林怡君", "85291230000"), at=NOON), "other")
        while outbox.send_due():
            pass
        coupons.set_used(Coupon.objects.get(message_pk=second.pk), True)
        for message in (first, second):
            message.refresh_from_db()
            statuses.apply_statuses(hong_kong(), [told(message, "failed", errors=(PlatformError(131026, "Message undeliverable"),))])
        assert rows() == [("林怡君", "SUMMER10")]

    def test_give_it_to_the_record_whose_address_it_is_so_that_an_undone_merge_leaves_each_their_own(self, channel: FakeChannel) -> None:
        tai_man, twin = customer(), customer("大文", "85291230000")
        merge = merging.merge(tai_man.contact, twin.contact, by=agent(), reason="the same person")
        twin.refresh_from_db()
        offer(conversation(twin, at=NOON))
        outbox.send_due()
        survivor = type(tai_man.contact).objects.get(pk=tai_man.contact_id)
        assert [row.code for row in coupons.coupons_of(survivor)] == ["SUMMER10"]
        merging.undo(merge, by=agent())
        alone = type(tai_man.contact).objects.get(pk=tai_man.contact_id)
        assert (rows(), list(coupons.coupons_of(alone))) == ([("大文", "SUMMER10")], [])

    def test_are_read_card_by_card(self) -> None:
        codes = [{"type": "coupon_code", "coupon_code": f"C{n}"} for n in (0, 1)]
        cards = [{"components": [{**CODE, "parameters": [code]}]} for code in codes]
        found = offers_of("template", {"components": [COUNTDOWN, {"type": "carousel", "cards": [*cards, cards[0]]}]})
        assert [(each.code, each.expires_at) for each in found] == [("C0", ENDS), ("C1", ENDS)]

    @pytest.mark.parametrize(
        "content",
        [None, [], {}, {"components": None}, {"components": [None, {"parameters": 7}, {"cards": [3]}, {"cards": 3}]}, {"coupon": "X"},
         {"components": [{**CODE, "parameters": [{"type": "coupon_code", "coupon_code": "x" * 61}]}]}],
    )  # fmt: skip
    def test_that_carry_no_code_give_none(self, content: Any) -> None:
        assert offers_of("template", content) == []


class Codes:
    def test_are_shown_once_however_often_given_and_those_that_count_first(self) -> None:
        person = customer().contact
        for minutes, code, fields in (
            (1, "OLD", {"expires_at": NOON - timedelta(days=1)}),
            (2, "SUMMER10", {"expires_at": NOON - timedelta(days=1)}),
            (3, "SUMMER10", {"expires_at": NOON + timedelta(days=1)}),
            (4, "GONE", {"used_at": NOON}),
        ):
            Coupon.objects.create(contact=person, code=code, given_at=NOON + timedelta(minutes=minutes), **fields)
        shown = coupons.once(coupons.coupons_of(person))
        assert [(row.code, coupons.state_of(row)) for row in shown] == [("SUMMER10", "valid"), ("GONE", "used"), ("OLD", "expired")]

    def test_that_were_used_are_used_wherever_they_stand_of_this_person_and_of_nobody_else(self) -> None:
        person, other = customer().contact, customer("林怡君", "85291230000").contact
        mine = [Coupon.objects.create(contact=person, code="SUMMER10", given_at=NOON) for _ in range(2)]
        Coupon.objects.create(contact=other, code="SUMMER10", given_at=NOON)
        assert (coupons.set_used(mine[0], True), coupons.set_used(mine[1], True)) == (2, 0)
        assert Coupon.objects.filter(used_at=None).get().contact == other
        assert coupons.set_used(mine[1], False) == 2
