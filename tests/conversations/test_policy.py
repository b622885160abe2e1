"""The law, rule by rule and at its edges."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrm.conversations.policy import Candidate, Facts, Limits, Sent, content_hash, decide

NOW = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)
LIMITS = Limits(daily_cap=1000, time_zone="Asia/Hong_Kong")
OPEN = Facts(window_expires_at=NOW + timedelta(hours=1), last_inbound_at=NOW - timedelta(hours=23))
REPLY = Candidate("agent", "service", template=False, content_hash="a")
NOTICE = Candidate("api", "utility", template=True, content_hash="n", event_key="order:HK-1:shipped")
PROMOTION = Candidate("campaign", "marketing", template=True, content_hash="p")


def sent(ago: timedelta, *, template: bool = True, category: str = "utility", content: str = "x", event: str = "") -> Sent:
    return Sent(NOW - ago, template, category, content, event)


def facts(**changes: object) -> Facts:
    return Facts(**{**{name: getattr(OPEN, name) for name in OPEN.__dataclass_fields__}, **changes})


class Window:
    def test_lets_a_reply_through_until_its_last_millisecond(self) -> None:
        assert decide(REPLY, facts(window_expires_at=NOW + MS), LIMITS, NOW).allowed

    def test_is_closed_at_the_very_moment_it_expires(self) -> None:
        assert decide(REPLY, facts(window_expires_at=NOW), LIMITS, NOW).rule == "window_closed"

    def test_was_never_open_for_somebody_who_never_wrote(self) -> None:
        assert decide(REPLY, Facts(), LIMITS, NOW).rule == "window_closed"

    def test_does_not_concern_templates(self) -> None:
        assert decide(NOTICE, Facts(), LIMITS, NOW).allowed

    def test_does_not_exist_on_channels_without_one(self) -> None:
        assert decide(REPLY, Facts(), Limits(daily_cap=9, has_window=False), NOW).allowed


class OptOut:
    @pytest.mark.parametrize("candidate", [NOTICE, PROMOTION, Candidate("rule", "service", template=False, content_hash="r"), REPLY])
    def test_stops_every_path(self, candidate: Candidate) -> None:
        assert decide(candidate, facts(opted_out_at=NOW - timedelta(minutes=5)), LIMITS, NOW).rule == "opted_out"

    def test_lets_an_agent_answer_what_was_written_after_it(self) -> None:
        after = facts(opted_out_at=NOW - timedelta(hours=2), last_inbound_at=NOW - timedelta(hours=1))
        assert decide(REPLY, after, LIMITS, NOW).allowed
        assert decide(Candidate("rule", "service", template=False, content_hash="r"), after, LIMITS, NOW).rule == "opted_out"

    def test_of_promotions_leaves_service_alone(self) -> None:
        declined = facts(marketing_opted_out_at=NOW - timedelta(days=90))
        assert decide(PROMOTION, declined, LIMITS, NOW).rule == "marketing_opted_out"
        assert decide(NOTICE, declined, LIMITS, NOW).allowed


class HumanPause:
    def test_silences_replies_of_rules(self) -> None:
        verdict = decide(Candidate("rule", "service", template=False, content_hash="r"), facts(paused_until=NOW + MS), LIMITS, NOW)
        assert (verdict.verdict, verdict.rule) == ("refuse", "human_pause")

    def test_puts_automatic_templates_off_until_it_ends(self) -> None:
        verdict = decide(PROMOTION, facts(paused_until=NOW + timedelta(hours=12)), LIMITS, NOW)
        assert (verdict.verdict, verdict.until) == ("defer", NOW + timedelta(hours=12))

    def test_does_not_concern_the_human(self) -> None:
        assert decide(REPLY, facts(paused_until=NOW + timedelta(hours=12)), LIMITS, NOW).allowed

    def test_is_over_when_it_is_over(self) -> None:
        assert decide(Candidate("rule", "service", template=False, content_hash="r"), facts(paused_until=NOW), LIMITS, NOW).allowed


class Templates:
    def test_go_once_in_24_hours(self) -> None:
        verdict = decide(NOTICE, facts(sent=[sent(timedelta(hours=24) - MS)]), LIMITS, NOW)
        assert (verdict.verdict, verdict.rule, verdict.until) == ("defer", "template_24h", NOW + MS)

    def test_may_go_again_after_exactly_24_hours(self) -> None:
        assert decide(NOTICE, facts(sent=[sent(timedelta(hours=24))]), LIMITS, NOW).allowed

    def test_are_not_counted_for_those_who_opted_in(self) -> None:
        assert decide(NOTICE, facts(sent=[sent(timedelta(hours=1))], marketing_opt_in_at=NOW - timedelta(days=3)), LIMITS, NOW).allowed


class SameContent:
    def test_goes_five_times_in_thirty_days(self) -> None:
        four = [sent(timedelta(days=d), template=False, content="a") for d in (1, 2, 3, 4)]
        assert decide(REPLY, facts(sent=four), LIMITS, NOW).allowed
        verdict = decide(REPLY, facts(sent=[*four, sent(timedelta(days=29), template=False, content="a")]), LIMITS, NOW)
        assert verdict.rule == "same_content"
        assert verdict.until == NOW + timedelta(days=1)

    def test_is_told_apart_by_variables_and_not_by_case_or_spaces(self) -> None:
        assert content_hash("text", "Hello  there", {}) == content_hash("text", "hello there ", {})
        one, two = ({"name": "order_update", "language": "ja", "components": [{"text": n}]} for n in ("JP-1", "JP-2"))
        assert content_hash("template", "", one) != content_hash("template", "", two)


class Promotions:
    def test_go_once_in_seven_days(self) -> None:
        opted_in = {"marketing_opt_in_at": NOW - timedelta(days=60)}
        verdict = decide(PROMOTION, facts(sent=[sent(timedelta(days=6), category="marketing")], **opted_in), LIMITS, NOW)
        assert (verdict.rule, verdict.until) == ("promotion_weekly", NOW + timedelta(days=1))
        assert decide(PROMOTION, facts(sent=[sent(timedelta(days=7), category="marketing")], **opted_in), LIMITS, NOW).allowed


class Notices:
    def test_are_not_repeated_for_one_event_within_six_hours(self) -> None:
        opted_in = {"marketing_opt_in_at": NOW - timedelta(days=60)}
        again = facts(sent=[sent(timedelta(hours=6) - MS, event=NOTICE.event_key)], **opted_in)
        assert decide(NOTICE, again, LIMITS, NOW).rule == "notice_repeated"
        other = facts(sent=[sent(timedelta(hours=1), event="order:HK-2:shipped")], **opted_in)
        assert decide(NOTICE, other, LIMITS, NOW).allowed


class DailyCap:
    def test_puts_off_until_midnight_where_the_account_lives(self) -> None:
        verdict = decide(REPLY, facts(used_today=1000, window_expires_at=NOW + timedelta(hours=23)), LIMITS, NOW)
        assert (verdict.rule, verdict.until) == ("daily_cap", datetime(2026, 11, 18, 16, 0, tzinfo=UTC))

    def test_refuses_a_reply_that_would_come_after_the_window(self) -> None:
        verdict = decide(REPLY, facts(used_today=1000), LIMITS, NOW)
        assert (verdict.verdict, verdict.rule) == ("refuse", "daily_cap")
        assert verdict.until is not None


class QuietHours:
    NIGHT = Limits(daily_cap=9, time_zone="Asia/Tokyo", quiet_from=time(21), quiet_to=time(9))

    def test_keep_automatic_templates_until_the_morning(self) -> None:
        late = datetime(2026, 11, 18, 14, 0, tzinfo=UTC)  # 23:00 in Tokyo
        assert decide(PROMOTION, Facts(), self.NIGHT, late).until == datetime(2026, 11, 19, 0, 0, tzinfo=UTC)

    def test_leave_replies_alone(self) -> None:
        late = datetime(2026, 11, 18, 14, 0, tzinfo=UTC)
        answer = Candidate("rule", "service", template=False, content_hash="r")
        assert decide(answer, Facts(window_expires_at=late + timedelta(hours=20)), self.NIGHT, late).allowed


stamps = st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda ago: NOW - ago)
histories = st.lists(
    st.builds(
        Sent,
        stamps,
        st.booleans(),
        st.sampled_from(["service", "utility", "marketing"]),
        st.sampled_from("abc"),
        st.sampled_from(["", "e1"]),
    ),
    max_size=12,
)
candidates = st.builds(
    Candidate,
    st.sampled_from(["agent", "rule", "campaign", "api"]),
    st.sampled_from(["service", "utility", "marketing"]),
    st.booleans(),
    st.sampled_from("abc"),
    st.sampled_from(["", "e1"]),
)
situations = st.builds(
    Facts,
    window_expires_at=st.none() | st.timedeltas(timedelta(days=-2), timedelta(days=1)).map(lambda d: NOW + d),
    last_inbound_at=st.none() | stamps,
    opted_out_at=st.none() | stamps,
    marketing_opted_out_at=st.none() | stamps,
    marketing_opt_in_at=st.none() | stamps,
    paused_until=st.none() | st.timedeltas(timedelta(hours=-12), timedelta(hours=12)).map(lambda d: NOW + d),
    sent=histories,
    used_today=st.integers(0, 12),
)


class EveryVerdict:
    @given(candidates, situations)
    def test_names_its_rule_and_a_later_moment(self, candidate: Candidate, situation: Facts) -> None:
        verdict = decide(candidate, situation, Limits(daily_cap=10), NOW)
        assert verdict.allowed == (verdict.rule == "")
        if verdict.verdict == "defer":
            assert verdict.until is not None and verdict.until > NOW

    @given(candidates, situations)
    def test_that_defers_would_not_allow_a_moment_earlier_for_the_same_reason(self, candidate: Candidate, situation: Facts) -> None:
        verdict = decide(candidate, situation, Limits(daily_cap=10), NOW)
        if verdict.verdict == "defer" and verdict.until is not None and verdict.rule != "daily_cap":
            assert not decide(candidate, situation, Limits(daily_cap=10), verdict.until - MS).allowed

    @given(candidates, situations)
    def test_allows_at_most_one_template_a_day_to_those_who_did_not_opt_in(self, candidate: Candidate, situation: Facts) -> None:
        recent = [s for s in situation.sent if s.template and NOW - s.at < timedelta(hours=24)]
        if decide(candidate, situation, Limits(daily_cap=10), NOW).allowed and candidate.template and not situation.marketing_opt_in_at:
            assert not recent
