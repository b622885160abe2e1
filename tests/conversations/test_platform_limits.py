"""What the platform bounds: people spoken to first, one person, one number's speed; and what its errors ask for."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contracts import PlatformError, StatusUpdate
from connectors.errors import OutcomeUnknown, Rejected, TryLater
from scrm.connections.models import Alert, Connection, ConnectionChange
from scrm.contacts.models import Identity
from scrm.conversations import governor, outbox, reach, services, statuses
from scrm.conversations.governor import Course, Signs
from scrm.conversations.models import Decision, Message, MessageTemplate, Pace, Reach
from scrm.conversations.policy import Candidate, Facts, Limits, Sent, decide, promotion_slot
from scrm.core import clock
from tests.people import NOON, agent, conversation, customer, hong_kong

pytestmark = pytest.mark.django_db
_key = count(1)
NOW = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
PROMOTION = Candidate("campaign", "marketing", template=True, content_hash="p")
REPLY = Candidate("agent", "service", template=False, content_hash="a")


@pytest.fixture(autouse=True)
def noon():
    with clock.frozen(NOON):
        yield


def known(number: Connection, **facts: object) -> None:
    Connection.objects.filter(pk=number.pk).update(facts=facts)


def someone(n: int):
    return customer(name=f"林怡君 {n}", phone=f"8869{22000000 + n}")


def notice(chat, source="api", category="utility", **more):
    return services.queue_message(
        chat,
        kind="template",
        text="您的訂單已出貨",
        content={"name": "order_shipped", "language": "zh_TW", "components": []},
        category=category,
        source=source,
        idempotency_key=f"notice {next(_key)}",
        **more,
    )


def reply(chat, text="多謝您", **more):
    return services.queue_message(chat, text=text, source="agent", by=agent(), idempotency_key=f"reply {next(_key)}", **more).message


class MessagingLimit:
    def test_counts_people_spoken_to_first_and_no_others(self) -> None:
        known(hong_kong(), messaging_limit=2)
        for n in range(2):
            assert notice(conversation(someone(n), window_open=False)).decision.verdict == "allow"
        third = notice(conversation(someone(3), window_open=False))
        assert (third.decision.verdict, third.decision.rule) == ("defer", "messaging_limit")
        assert notice(conversation(someone(4), at=NOON)).decision.verdict == "allow"

    def test_frees_a_place_a_day_after_it_was_taken(self) -> None:
        known(hong_kong(), messaging_limit=1)
        notice(conversation(someone(1), window_open=False))
        late = notice(conversation(someone(2), window_open=False))
        assert timedelta(hours=24) <= late.decision.until - NOON <= timedelta(hours=24, minutes=6)
        clock.advance(late.decision.until - NOON)
        assert notice(conversation(someone(3), window_open=False)).decision.verdict == "allow"

    def test_counts_one_person_once_at_their_newest_message(self) -> None:
        number = hong_kong()
        known(number, messaging_limit=5)
        identity = someone(1)
        Identity.objects.filter(pk=identity.pk).update(marketing_opt_in_at=NOON)
        chat = conversation(identity, window_open=False)
        notice(chat)
        clock.advance(timedelta(hours=10))
        notice(chat, event_key="order:2")
        assert reach.read([reach.number_key(number)], clock.now())[reach.number_key(number)].people == 1
        clock.advance(timedelta(hours=23))
        assert reach.read([reach.number_key(number)], clock.now())[reach.number_key(number)].people == 1

    def test_is_shared_by_the_numbers_of_a_portfolio(self) -> None:
        number = hong_kong()
        second = Connection.objects.create(
            slug="hk-second", label="Hong Kong 2", kind="channel", adapter="whatsapp_cloud", account_id="hk-2", portfolio="P1",
            facts={"messaging_limit": 1},
        )  # fmt: skip
        Connection.objects.filter(pk=number.pk).update(portfolio="P1", facts={"messaging_limit": 1})
        assert notice(conversation(someone(1), window_open=False)).decision.verdict == "allow"
        other = services.start_conversation(someone(2), second)
        assert notice(other).decision.rule == "messaging_limit"

    def test_gives_a_place_back_when_the_message_is_proven_not_to_have_gone(self, channel) -> None:
        known(hong_kong(), messaging_limit=1)
        channel.answers = [Rejected("no WhatsApp", remedy="mark_address", code="131026")]
        notice(conversation(someone(1), window_open=False))
        outbox.send_due()
        assert notice(conversation(someone(2), window_open=False)).decision.verdict == "allow"

    def test_unlimited_takes_no_row(self) -> None:
        known(hong_kong(), messaging_limit=-1)
        notice(conversation(someone(1), window_open=False))
        assert not Reach.objects.exists()

    @given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 20))
    def test_holds_in_every_moving_day(self, gaps, cap) -> None:
        """Whatever the rhythm, no 24 hours hold more than the cap."""
        Reach.objects.all().delete()
        at, taken = NOW, []
        for gap in gaps:
            at += timedelta(minutes=gap)
            used = reach.read(["k"], at).get("k", reach.Reached()).people
            from collections import Counter

            if used < cap and reach.change("k", cap, Counter({reach.bucket_of(at): 1}), at):
                taken.append(at)
        for end in taken:
            assert sum(1 for each in taken if end - timedelta(hours=24) < each <= end) <= cap


class Pairs:
    def test_borrow_45_and_then_one_in_6_seconds(self) -> None:
        limits = Limits(daily_cap=10**6, pair=(6.0, 45), same_content=10**6)
        facts = Facts(window_expires_at=NOW + timedelta(hours=3), last_inbound_at=NOW)
        went: list[datetime] = []
        at = NOW
        for _ in range(60):
            sent = [Sent(each, False, "service", "x", pair=True) for each in went if each > at - timedelta(minutes=9)]
            verdict = decide(REPLY, Facts(facts.window_expires_at, facts.last_inbound_at, sent=sent), limits, at)
            if not verdict.allowed:
                assert verdict.rule == "pair_rate"
                assert verdict.until is not None and verdict.until > at
                at = verdict.until
            went.append(at)
        assert sum(1 for each in went if each == NOW) == 45
        later = [each for each in went if each != NOW]
        assert all((b - a).total_seconds() == 6 for a, b in pairwise(later))

    def test_wait_as_long_as_the_platform_asks(self, channel) -> None:
        channel.answers = [TryLater("slow down", after=timedelta(seconds=4), scope="recipient", times=5, code="131056")]
        chat = conversation(at=NOON)
        first = reply(chat)
        outbox.send_due()
        first.refresh_from_db()
        assert (first.state, first.due_at) == ("queued", NOON + timedelta(seconds=4))
        second = reply(chat, "仲有")
        assert Decision.objects.get(message=second).rule == "pair_wait"
        other = reply(conversation(someone(7), at=NOON))
        assert Decision.objects.get(message=other).verdict == "allow"


class Speed:
    def test_is_that_of_the_number(self, channel) -> None:
        known(hong_kong(), coexistence=True)
        for n in range(30):
            reply(conversation(someone(n), at=NOON))
        assert len(outbox.claim(100)) == 10  # half a second's worth of 20 a second
        clock.advance(timedelta(seconds=0.25))
        assert len(outbox.claim(100)) == 5

    def test_people_go_first_and_promotions_last(self, channel) -> None:
        Identity.objects.update(marketing_opt_in_at=NOON)
        promotion = notice(conversation(someone(1), window_open=False), source="agent", category="marketing")
        automatic = services.queue_message(conversation(someone(2), at=NOON), text="自動", source="rule", idempotency_key="r").message
        answer = reply(conversation(someone(3), at=NOON))
        Message.objects.filter(pk=promotion.message.pk).update(priority=3)
        assert [each.pk for each in outbox.claim(10)] == [answer.pk, automatic.pk, promotion.message.pk]

    def test_too_fast_halves_it_at_once(self, channel) -> None:
        channel.answers = [TryLater("too fast", after=timedelta(seconds=10), scope="connection", times=None, code="130429")]
        reply(conversation(at=NOON))
        outbox.send_due()
        assert Pace.objects.get().per_second == 40


class Governor:
    def test_falls_at_once_and_comes_back_step_by_step(self) -> None:
        number = hong_kong()
        known(number, quality="GREEN")
        governor.steer_all()
        known(number, quality="RED")
        governor.steer_all()
        row = Pace.objects.get()
        assert (row.per_second, row.promotions) == (8, False)
        known(number, quality="GREEN")
        speeds = []
        for _ in range(12):
            clock.advance(timedelta(seconds=15))
            governor.steer_all()
            speeds.append(Pace.objects.get().per_second)
        assert speeds[:3] == [16, 24, 32]
        assert speeds[-1] == 80
        assert ConnectionChange.objects.filter(kind="speed").count() >= 3

    def test_stops_promotions_and_nothing_else_while_quality_is_low(self, channel) -> None:
        number = hong_kong()
        chat = conversation(someone(1), window_open=False)
        Identity.objects.update(marketing_opt_in_at=NOON)
        waiting = notice(chat, source="agent", category="marketing").message
        known(number, quality="RED")
        governor.steer_all()
        answer = reply(conversation(someone(2), at=NOON))
        assert [each.pk for each in outbox.claim(10)] == [answer.pk]
        late = notice(conversation(someone(3), window_open=False), source="agent", category="marketing")
        assert late.decision.rule == "promotions_stopped"
        known(number, quality="GREEN")
        governor.steer_all()
        assert waiting.pk in [each.pk for each in outbox.claim(10)]
        late.message.refresh_from_db()
        assert late.message.due_at <= clock.now()

    @given(
        st.floats(1, 1000),
        st.sampled_from(["", "GREEN", "YELLOW", "RED", "UNKNOWN"]),
        st.floats(0, 1),
        st.integers(0, 5),
    )
    def test_never_exceeds_the_platform_and_never_stands_still(self, full, quality, failing, troubled) -> None:
        course = governor.target(Signs(full, quality, failing, troubled))
        assert 1 <= course.per_second <= max(full, 1)
        worse = governor.target(Signs(full, "RED", 1.0, troubled))
        assert worse.per_second <= course.per_second and not worse.promotions

    def test_goes_down_at_once(self) -> None:
        assert governor.next_speed(80, Course(8, False, ""), 80) == 8
        assert governor.next_speed(8, Course(80, True, ""), 80) == 16


class Errors:
    def failed(self, message: Message, code: int) -> None:
        update = StatusUpdate(
            key=f"s:{message.pk}", account_id="", external_id=message.external_id, status="failed", occurred_at=clock.now(),
            client_ref=statuses.client_ref(message), errors=(PlatformError(code, "title"),),
        )  # fmt: skip
        statuses.apply_statuses(message.connection, [update])

    def sent(self, chat, channel):
        message = notice(chat, source="agent", category="marketing").message
        outbox.send_due()
        message.refresh_from_db()
        return message

    def test_a_late_marketing_cap_keeps_promotions_from_the_person_for_a_day(self, channel) -> None:
        chat = conversation(someone(1), window_open=False)
        self.failed(self.sent(chat, channel), 131049)
        assert Identity.objects.get(pk=chat.identity_id).marketing_wait_until == NOON + timedelta(hours=24)
        again = notice(chat, source="agent", category="marketing", event_key="x")
        assert again.decision.verdict == "defer"
        assert again.decision.until >= NOON + timedelta(hours=24)

    def test_an_undeliverable_address_is_marked_until_the_person_writes(self, channel) -> None:
        chat = conversation(someone(1), at=NOON)
        self.failed(self.sent(chat, channel), 131026)
        assert Identity.objects.get(pk=chat.identity_id).unreachable_reason == "131026"
        assert notice(chat, source="rule").decision.rule == "unreachable"
        assert Decision.objects.get(message=reply(chat)).verdict == "allow"

    def test_a_spam_limit_stops_promotions_for_a_day_with_an_alert(self, channel) -> None:
        chat = conversation(someone(1), window_open=False)
        self.failed(self.sent(chat, channel), 131048)
        assert Pace.objects.get().promotions_wait_until == NOON + timedelta(hours=24)
        assert Alert.objects.filter(closed_at=None).count() == 1
        assert (
            notice(conversation(someone(2), window_open=False), source="agent", category="marketing").decision.rule == "promotions_stopped"
        )
        assert Decision.objects.get(message=reply(conversation(someone(3), at=NOON))).verdict == "allow"

    def test_a_paused_template_holds_what_uses_it_and_loses_nothing(self, channel) -> None:
        MessageTemplate.objects.create(
            connection=hong_kong(), name="order_shipped", language="zh_TW", category="UTILITY", status="APPROVED", synced_at=NOON
        )
        channel.answers = [Rejected("paused", remedy="hold_template", code="132015")]
        message = notice(conversation(someone(1), window_open=False)).message
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "queued"
        assert notice(conversation(someone(2), window_open=False)).decision.rule == "template_paused"
        outbox.send_due()
        assert len(channel.sent) == 1


class Repeats:
    def test_an_unknown_outcome_is_repeated_where_the_platform_makes_it_harmless(self, channel, monkeypatch) -> None:
        from connectors.contracts import ChannelCapabilities

        monkeypatch.setattr(outbox, "capabilities_of", lambda connection: ChannelCapabilities(idempotent_send=True))
        channel.answers = [OutcomeUnknown("time-out")]
        message = reply(conversation(at=NOON))
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "queued"
        clock.advance(timedelta(minutes=1))
        outbox.send_due()
        message.refresh_from_db()
        assert message.state == "accepted"
        assert len({each.client_ref for each in channel.sent}) == 1

    def test_a_token_is_used_once_and_makes_a_repeat_harmful(self, channel, monkeypatch) -> None:
        from connectors.contracts import ChannelCapabilities

        monkeypatch.setattr(outbox, "capabilities_of", lambda connection: ChannelCapabilities(idempotent_send=True))
        chat = conversation(at=NOON)
        type(chat).objects.filter(pk=chat.pk).update(reply_token="tok", reply_token_until=NOON + timedelta(seconds=50))
        channel.answers = [OutcomeUnknown("time-out")]
        first = reply(chat)
        outbox.send_due()
        first.refresh_from_db()
        assert (first.state, channel.sent[0].reply_token) == ("unknown", "tok")
        reply(chat, "second")
        outbox.send_due()
        assert channel.sent[1].reply_token == ""


class PromotionSlot:
    def limits(self, **more) -> Limits:
        return Limits(daily_cap=1000, time_zone="Asia/Hong_Kong", promotion_weekday=2, promotion_from=time(14), **more)

    @pytest.mark.parametrize(
        ("at", "slot"),
        [
            (datetime(2026, 11, 18, 5, 59, 59, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC)),
            (datetime(2026, 11, 18, 6, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC)),
            (datetime(2026, 11, 18, 11, 59, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC)),
            (datetime(2026, 11, 18, 12, tzinfo=UTC), datetime(2026, 11, 25, 6, tzinfo=UTC)),
            (datetime(2026, 11, 17, 16, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC)),
        ],
    )
    def test_is_wednesday_from_14_to_20_where_the_account_lives(self, at, slot) -> None:
        assert promotion_slot(at, self.limits()) == slot

    def test_is_for_campaigns_and_rules_and_not_for_people(self) -> None:
        facts = Facts()
        assert decide(PROMOTION, facts, self.limits(), NOW).rule == "promotion_slot"
        assert decide(Candidate("agent", "marketing", True, "p"), facts, self.limits(), NOW).allowed

    def test_a_wait_that_ends_outside_it_goes_on_to_the_next(self) -> None:
        sent = [Sent(NOW - timedelta(hours=14), True, "utility", "x")]
        verdict = decide(PROMOTION, Facts(sent=sent), self.limits(), datetime(2026, 11, 18, 7, tzinfo=UTC))
        assert verdict.until == datetime(2026, 11, 25, 6, tzinfo=UTC)
