"""The law: may this message go to this person now?

One pure function, asked by the composer, rules, campaigns and the API alike, when a message is queued and once more at the moment
of sending. It knows nothing of Django. Figures are those of the product's specification (AU6) and, where a platform bounds what is
sent, those of the platform; a connection may set its own cap, quiet hours, zone and day for promotions.

| rule | says | else |
|---|---|---|
| cause_withdrawn | the rule or campaign that wanted it was switched off | refuse |
| opted_out | nothing goes to a person who said stop; only an agent may answer what the person wrote after it | refuse |
| marketing_opted_out | no promotions to a person who declined them | refuse |
| unreachable | the platform says that nothing arrives there: only a person may try, and nobody where we are blocked | refuse |
| window_closed | outside the 24 h since the person's last message only templates | refuse |
| template_unusable | the platform rejected, disabled or deleted the template | refuse |
| human_pause | 12 h after an agent stepped in, automation is silent in that conversation | refuse replies, defer templates |
| notice_repeated | a service notice goes once in 6 h for one event | refuse |
| cause_paused | the campaign that wants it is paused | defer |
| template_24h | one template in 24 h to a person who has not opted in | defer |
| same_content | the same content at most 5 times in 30 days | defer |
| promotion_weekly | one promotion in 7 days | defer |
| promotion_slot | automatic promotions go on one weekday, from one hour of the account's day | defer |
| promotions_stopped | the number's quality or the platform stopped promotions | defer |
| marketing_wait | the platform asked for a pause in promotions to this person (131049) | defer |
| template_paused | the platform paused the template or still reviews it | defer |
| pair_wait | the platform asked for a pause in messages to this person (131056) | defer |
| pair_rate | one message in 6 s to one person, 45 of them borrowed from the future | defer |
| quiet_hours | automatic templates wait for the morning | defer |
| messaging_limit | unique people spoken to first in a moving day, for the whole portfolio | defer |
| warm_up | the same for a number that is being warmed up, by its plan | defer |
| monthly_quota | messages of the month that the account's plan includes | defer |
| daily_cap | messages a business day for the account | defer |

A deferred message is told the first moment at which every wait is over, as far as it is known now.
"""

from __future__ import annotations

import hashlib
import json
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Literal

DAY = timedelta(hours=24)
MONTH = timedelta(days=30)
WEEK = timedelta(days=7)
LOOKBACK = MONTH
# How long after its hour the day for promotions goes on.
PROMOTION_SLOT = timedelta(hours=6)
# A wait whose end nobody knows is looked at again after this.
LOOK_AGAIN = timedelta(minutes=10)
NEVER_ARRIVES = "blocked"

Source = Literal["agent", "rule", "campaign", "api"]
Category = Literal["service", "utility", "marketing", "authentication"]
AUTOMATIC = frozenset({"rule", "campaign"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that settings, the connection and its platform decide. Times are local to `time_zone`; None: no such limit.

    `daily_cap` messages a business day. `pair`: (seconds for each message to one person, how many may be borrowed).
    `reach_cap`, `warm_up_cap`: people spoken to first in 24 h. `month_cap`: messages of the calendar month.
    """

    daily_cap: int
    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_to: time | None = None
    same_content: int = 5
    notice_gap: timedelta = timedelta(hours=6)
    has_window: bool = True
    promotion_weekday: int | None = None
    promotion_from: time = time(14)
    pair: tuple[float, int] | None = None
    reach_cap: int | None = None
    warm_up_cap: int | None = None
    month_cap: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """The message that wants to go."""

    source: str
    category: str
    template: bool
    content_hash: str
    event_key: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that went, or holds a slot to go, to any identity of the person. `pair`: to the same address from the same number."""

    at: datetime
    template: bool
    category: str
    content_hash: str
    event_key: str = ""
    pair: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the person, over all their identities, and of the number at the time of asking. `sent` reaches back 30 days.

    `spoken_to`: the person is among the `reached` people of the moving day already. `reach_frees_at`: when the first of the reached
    leaves the count. `template_state`: "" usable, "wait", "never".
    """

    window_expires_at: datetime | None = None
    last_inbound_at: datetime | None = None
    opted_out_at: datetime | None = None
    marketing_opted_out_at: datetime | None = None
    marketing_opt_in_at: datetime | None = None
    paused_until: datetime | None = None
    sent: Sequence[Sent] = ()
    used_today: int = 0
    unreachable: str = ""
    marketing_wait_until: datetime | None = None
    pair_wait_until: datetime | None = None
    promotions_stopped: str = ""
    promotions_wait_until: datetime | None = None
    template_state: Literal["", "wait", "never"] = ""
    template_reason: str = ""
    template_code: str = ""
    spoken_to: bool = False
    reached: int = 0
    reach_frees_at: datetime | None = None
    warmed_up: int = 0
    warm_up_frees_at: datetime | None = None
    used_this_month: int = 0
    withdrawn: str = ""
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """allow, defer (until, rule) or refuse (rule; `until` when a later moment would be allowed). `counters`: the values that decided."""

    verdict: Literal["allow", "defer", "refuse"]
    rule: str = ""
    until: datetime | None = None
    counters: dict[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        return self.verdict == "allow"


def content_hash(kind: str, text: str, content: dict[str, Any]) -> str:
    """The same words, template and variables give the same hash, whatever the letters' case and the spaces around."""
    body = [
        kind,
        " ".join(text.split()).casefold(),
        content.get("name", ""),
        content.get("language", ""),
        content.get("components", ""),
        content.get("file", ""),
    ]
    # A reaction, a place and a linked file differ by these alone.
    body += [content[name] for name in ("message_id", "emoji", "latitude", "longitude", "link", "id") if name in content]
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=True, default=str).encode()).hexdigest()[:32]


@dataclass(slots=True)
class Case:
    """One question with what every rule needs of the person's last 30 days, gathered in one pass."""

    candidate: Candidate
    facts: Facts
    limits: Limits
    now: datetime
    templates: int = 0
    last_template: datetime | None = None
    promotions: int = 0
    last_promotion: datetime | None = None
    last_notice: datetime | None = None
    same: list[datetime] = field(default_factory=list)
    pair: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        now, notice, wanted = self.now, self.candidate.event_key, self.candidate.content_hash
        day, week, month, gap = now - DAY, now - WEEK, now - MONTH, now - self.limits.notice_gap
        for sent in self.facts.sent:
            at = sent.at
            if at > day and sent.template:
                self.templates += 1
                if self.last_template is None or at > self.last_template:
                    self.last_template = at
            if at > week and sent.category == "marketing":
                self.promotions += 1
                if self.last_promotion is None or at > self.last_promotion:
                    self.last_promotion = at
            if sent.content_hash == wanted and at > month:
                self.same.append(at)
            if notice and sent.event_key == notice and at > gap and (self.last_notice is None or at > self.last_notice):
                self.last_notice = at
            if sent.pair:
                self.pair.append(at)

    @property
    def automatic(self) -> bool:
        return self.candidate.source in AUTOMATIC

    @property
    def marketing(self) -> bool:
        return self.candidate.category == "marketing"

    @property
    def speaks_first(self) -> bool:
        """Outside the window: what the platform counts against its messaging limit."""
        opened = self.facts.window_expires_at
        return self.limits.has_window and (opened is None or self.now >= opened)


Rule = Callable[[Case], "Verdict | None"]


def speaks_first(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> bool:
    """Would this message be the business speaking first, so that it counts against the messaging limit?"""
    return Case(candidate, facts, limits, now).speaks_first


def decide(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict:
    """Refusals first; then, of all the waits, the one that lasts longest."""
    case = Case(candidate, facts, limits, now)
    for rule in REFUSALS:
        if (verdict := rule(case)) is not None:
            return verdict
    longest = _longest_wait(case)
    if longest is None:
        return Verdict("allow", counters=_counters(case))
    if (
        limits.has_window
        and not candidate.template
        and longest.until
        and facts.window_expires_at
        and longest.until >= facts.window_expires_at
    ):
        return Verdict("refuse", longest.rule, longest.until, longest.counters)
    return longest


def _longest_wait(case: Case) -> Verdict | None:
    """The wait that lasts longest, put off further while another rule still holds at its end."""
    longest = _wait_at(case, WAITS)
    for _ in range(5):
        if longest is None or longest.until is None:
            break
        after = _wait_at(Case(case.candidate, case.facts, case.limits, longest.until), TIMED)
        if after is None or after.until is None or after.until <= longest.until:
            break
        longest = Verdict("defer", longest.rule, after.until, {**longest.counters, "then": after.rule})
    return longest


def _wait_at(case: Case, rules: Sequence[Rule]) -> Verdict | None:
    longest: Verdict | None = None
    for rule in rules:
        verdict = rule(case)
        if verdict is not None and (longest is None or (verdict.until or case.now) > (longest.until or case.now)):
            longest = verdict
    return longest


def _counters(case: Case) -> dict[str, Any]:
    counters = {
        "templates_24h": case.templates,
        "promotions_7d": case.promotions,
        "today": case.facts.used_today,
        "cap": case.limits.daily_cap,
    }
    if case.limits.reach_cap is not None and case.speaks_first:
        counters |= {"spoken_first_24h": case.facts.reached, "messaging_limit": case.limits.reach_cap}
    return counters


def _cause_withdrawn(case: Case) -> Verdict | None:
    return Verdict("refuse", "cause_withdrawn", counters={"reason": case.facts.withdrawn}) if case.facts.withdrawn else None


def _cause_paused(case: Case) -> Verdict | None:
    return Verdict("defer", "cause_paused", case.now + DAY, {"reason": case.facts.paused}) if case.facts.paused else None


def _opted_out(case: Case) -> Verdict | None:
    facts = case.facts
    if facts.opted_out_at is None:
        return None
    wrote_since = facts.last_inbound_at is not None and facts.last_inbound_at > facts.opted_out_at
    if case.candidate.source == "agent" and not case.candidate.template and wrote_since:
        return None
    return Verdict("refuse", "opted_out", counters={"opted_out_at": facts.opted_out_at.isoformat()})


def _marketing_opted_out(case: Case) -> Verdict | None:
    declined = case.facts.marketing_opted_out_at
    if declined is None or not case.marketing:
        return None
    return Verdict("refuse", "marketing_opted_out", counters={"opted_out_at": declined.isoformat()})


def _unreachable(case: Case) -> Verdict | None:
    why = case.facts.unreachable
    if not why or (case.candidate.source == "agent" and why != NEVER_ARRIVES):
        return None
    return Verdict("refuse", "unreachable", counters={"reason": why})


def _window_closed(case: Case) -> Verdict | None:
    if case.candidate.template or not case.speaks_first:
        return None
    closed = case.facts.window_expires_at
    return Verdict("refuse", "window_closed", counters={"window_expired_at": closed.isoformat() if closed else None})


def _template_unusable(case: Case) -> Verdict | None:
    if case.facts.template_state != "never":
        return None
    return Verdict("refuse", "template_unusable", counters={"reason": case.facts.template_reason, "code": case.facts.template_code})


def _human_pause(case: Case) -> Verdict | None:
    until = case.facts.paused_until
    if until is None or not case.automatic or case.now >= until:
        return None
    return Verdict("defer" if case.candidate.template else "refuse", "human_pause", until, {"paused_until": until.isoformat()})


def _human_pause_refuses(case: Case) -> Verdict | None:
    return None if case.candidate.template else _human_pause(case)


def _notice_repeated(case: Case) -> Verdict | None:
    if case.last_notice is None or case.candidate.category != "utility":
        return None
    return Verdict("refuse", "notice_repeated", case.last_notice + case.limits.notice_gap, {"last": case.last_notice.isoformat()})


def _template_24h(case: Case) -> Verdict | None:
    if case.last_template is None or not case.candidate.template or case.facts.marketing_opt_in_at is not None:
        return None
    return Verdict("defer", "template_24h", case.last_template + DAY, {"templates_24h": case.templates, "limit": 1})


def _same_content(case: Case) -> Verdict | None:
    limit = case.limits.same_content
    if len(case.same) < limit:
        return None
    until = sorted(case.same)[-limit] + MONTH
    return Verdict("defer", "same_content", until, {"same_content_30d": len(case.same), "limit": limit})


def _promotion_weekly(case: Case) -> Verdict | None:
    if case.last_promotion is None or not case.marketing:
        return None
    return Verdict("defer", "promotion_weekly", case.last_promotion + WEEK, {"promotions_7d": case.promotions, "limit": 1})


def _promotion_slot(case: Case) -> Verdict | None:
    limits = case.limits
    if limits.promotion_weekday is None or not case.marketing or not case.automatic:
        return None
    begins = promotion_slot(case.now, limits)
    if begins <= case.now:
        return None
    return Verdict("defer", "promotion_slot", begins, {"weekday": limits.promotion_weekday, "from": f"{limits.promotion_from:%H:%M}"})


def promotion_slot(now: datetime, limits: Limits) -> datetime:
    """The beginning of the slot for promotions that is open at `now`, or else of the next one."""
    zone = zoneinfo.ZoneInfo(limits.time_zone)
    weekday = limits.promotion_weekday or 0
    local = now.astimezone(zone)
    # A slot that began late yesterday may reach into today.
    for days in (-1, *range(8)):
        day = local.date() + timedelta(days=days)
        if day.weekday() == weekday:
            begins = datetime.combine(day, limits.promotion_from, tzinfo=zone).astimezone(now.tzinfo)
            if begins + PROMOTION_SLOT > now:
                return begins
    raise AssertionError("every weekday comes within a week")


def _promotions_stopped(case: Case) -> Verdict | None:
    facts = case.facts
    if not case.marketing or not (facts.promotions_stopped or (facts.promotions_wait_until and facts.promotions_wait_until > case.now)):
        return None
    until = facts.promotions_wait_until if facts.promotions_wait_until and facts.promotions_wait_until > case.now else None
    if until is None and facts.promotions_stopped:
        until = case.now + LOOK_AGAIN
    return Verdict("defer", "promotions_stopped", until, {"reason": facts.promotions_stopped})


def _marketing_wait(case: Case) -> Verdict | None:
    until = case.facts.marketing_wait_until
    return Verdict("defer", "marketing_wait", until, {"code": "131049"}) if until and case.marketing and until > case.now else None


def _template_paused(case: Case) -> Verdict | None:
    if case.facts.template_state != "wait":
        return None
    return Verdict(
        "defer", "template_paused", case.now + LOOK_AGAIN, {"reason": case.facts.template_reason, "code": case.facts.template_code}
    )


def _pair_wait(case: Case) -> Verdict | None:
    until = case.facts.pair_wait_until
    return Verdict("defer", "pair_wait", until, {"code": "131056"}) if until and until > case.now else None


def _pair_rate(case: Case) -> Verdict | None:
    pair = case.limits.pair
    if pair is None or len(case.pair) < pair[1]:
        return None
    seconds, borrowed = pair
    # The platform's own rule as a clock that every message moves on by `seconds` and that may run ahead by what can be borrowed.
    each, ahead = timedelta(seconds=seconds), timedelta(seconds=seconds * borrowed)
    paid_until = case.now - ahead
    for at in sorted(case.pair):
        paid_until = max(paid_until, at) + each
    free_at = paid_until + each - ahead
    if free_at <= case.now:
        return None
    return Verdict("defer", "pair_rate", free_at, {"recent": len(case.pair), "seconds": seconds, "borrowed": borrowed})


def _quiet_hours(case: Case) -> Verdict | None:
    limits, now = case.limits, case.now
    if not case.automatic or not case.candidate.template or limits.quiet_from is None or limits.quiet_to is None:
        return None
    local = now.astimezone(zoneinfo.ZoneInfo(limits.time_zone))
    start, end, at = limits.quiet_from, limits.quiet_to, local.time()
    quiet = start <= at < end if start < end else (at >= start or at < end)
    if not quiet or start == end:
        return None
    morning = local.replace(hour=end.hour, minute=end.minute, second=end.second, microsecond=0)
    if morning <= local:
        morning += timedelta(days=1)
    return Verdict("defer", "quiet_hours", morning.astimezone(now.tzinfo), {"quiet": f"{start:%H:%M}-{end:%H:%M}"})


def _reach(case: Case) -> Verdict | None:
    """The platform's limit and the warm-up plan; of both, the one that frees a place later."""
    limits, facts = case.limits, case.facts
    if (limits.reach_cap is None and limits.warm_up_cap is None) or facts.spoken_to or not case.speaks_first:
        return None
    rows = (
        ("messaging_limit", limits.reach_cap, facts.reached, facts.reach_frees_at),
        ("warm_up", limits.warm_up_cap, facts.warmed_up, facts.warm_up_frees_at),
    )
    found = [
        Verdict("defer", rule, max(frees_at or case.now + DAY, case.now), {"spoken_first_24h": used, "limit": cap})
        for rule, cap, used, frees_at in rows
        if cap is not None and used >= cap and (frees_at is None or frees_at > case.now)
    ]
    return max(found, key=lambda verdict: verdict.until or case.now, default=None)


def _monthly_quota(case: Case) -> Verdict | None:
    cap, used = case.limits.month_cap, case.facts.used_this_month
    if cap is None or used < cap:
        return None
    local = case.now.astimezone(zoneinfo.ZoneInfo(case.limits.time_zone))
    first = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=local.tzinfo)
    return Verdict("defer", "monthly_quota", first.astimezone(case.now.tzinfo), {"this_month": used, "limit": cap})


def _daily_cap(case: Case) -> Verdict | None:
    facts, limits, now = case.facts, case.limits, case.now
    if facts.used_today < limits.daily_cap:
        return None
    return Verdict("defer", "daily_cap", next_business_day(now, limits.time_zone), {"today": facts.used_today, "cap": limits.daily_cap})


def next_business_day(now: datetime, time_zone: str) -> datetime:
    """Midnight on the wall where the account lives, also across a change of summer time."""
    zone = zoneinfo.ZoneInfo(time_zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(0), tzinfo=zone).astimezone(now.tzinfo)


REFUSALS: tuple[Rule, ...] = (
    _cause_withdrawn,
    _opted_out, _marketing_opted_out, _unreachable, _window_closed, _template_unusable, _human_pause_refuses, _notice_repeated,
)  # fmt: skip
# The waits whose end is known beforehand: another may begin before the longest is over.
TIMED: tuple[Rule, ...] = (
    _human_pause, _template_24h, _same_content, _promotion_weekly, _promotion_slot, _marketing_wait, _pair_wait, _pair_rate, _quiet_hours,
    _monthly_quota,
)  # fmt: skip
WAITS: tuple[Rule, ...] = (*TIMED, _cause_paused, _promotions_stopped, _template_paused, _reach, _daily_cap)
