"""The law: may this message go to this person now?

One pure function, asked by the composer, rules, campaigns and the API alike, when a message is queued and once more at the moment
of sending. It knows nothing of Django. Figures are those of the product's specification (AU6); a connection may set its own
cap, quiet hours and zone.

| rule | says | else |
|---|---|---|
| opted_out | nothing goes to a person who said stop; only an agent may answer what the person wrote after it | refuse |
| marketing_opted_out | no promotions to a person who declined them | refuse |
| window_closed | outside the 24 h since the person's last message only templates | refuse |
| human_pause | 12 h after an agent stepped in, automation is silent in that conversation | refuse replies, defer templates |
| notice_repeated | a service notice goes once in 6 h for one event | refuse |
| template_24h | one template in 24 h to a person who has not opted in | defer |
| same_content | the same content at most 5 times in 30 days | defer |
| promotion_weekly | one promotion in 7 days | defer |
| quiet_hours | automatic templates wait for the morning | defer |
| daily_cap | messages a business day for the account | defer |
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

Source = Literal["agent", "rule", "campaign", "api"]
Category = Literal["service", "utility", "marketing", "authentication"]
AUTOMATIC = frozenset({"rule", "campaign"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that settings and the connection decide. `daily_cap` messages a business day; times are local to `time_zone`."""

    daily_cap: int
    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_to: time | None = None
    same_content: int = 5
    notice_gap: timedelta = timedelta(hours=6)
    has_window: bool = True


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
    """A message that went, or holds a slot to go, to any identity of the person."""

    at: datetime
    template: bool
    category: str
    content_hash: str
    event_key: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the person, over all their identities, at the time of asking. `sent` reaches back 30 days."""

    window_expires_at: datetime | None = None
    last_inbound_at: datetime | None = None
    opted_out_at: datetime | None = None
    marketing_opted_out_at: datetime | None = None
    marketing_opt_in_at: datetime | None = None
    paused_until: datetime | None = None
    sent: Sequence[Sent] = ()
    used_today: int = 0


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
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=True, default=str).encode()).hexdigest()[:32]


def decide(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict:
    """Refusals first; then, of all the waits, the longest."""
    for rule in REFUSALS:
        if (verdict := rule(candidate, facts, limits, now)) is not None:
            return verdict
    waits = [verdict for wait in WAITS if (verdict := wait(candidate, facts, limits, now)) is not None]
    if not waits:
        return Verdict("allow", counters=_counters(facts, limits, now))
    longest = max(waits, key=lambda verdict: verdict.until or now)
    if (
        limits.has_window
        and not candidate.template
        and longest.until
        and facts.window_expires_at
        and longest.until >= facts.window_expires_at
    ):
        return Verdict("refuse", longest.rule, longest.until, longest.counters)
    return longest


def _counters(facts: Facts, limits: Limits, now: datetime) -> dict[str, Any]:
    return {
        "templates_24h": sum(1 for sent in facts.sent if sent.template and now - sent.at < DAY),
        "promotions_7d": sum(1 for sent in facts.sent if sent.category == "marketing" and now - sent.at < WEEK),
        "today": facts.used_today,
        "cap": limits.daily_cap,
    }


Rule = Callable[[Candidate, Facts, Limits, datetime], "Verdict | None"]


def _opted_out(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if facts.opted_out_at is None:
        return None
    wrote_since = facts.last_inbound_at is not None and facts.last_inbound_at > facts.opted_out_at
    if candidate.source == "agent" and not candidate.template and wrote_since:
        return None
    return Verdict("refuse", "opted_out", counters={"opted_out_at": facts.opted_out_at.isoformat()})


def _marketing_opted_out(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.category != "marketing" or facts.marketing_opted_out_at is None:
        return None
    return Verdict("refuse", "marketing_opted_out", counters={"opted_out_at": facts.marketing_opted_out_at.isoformat()})


def _window_closed(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.template or not limits.has_window or (facts.window_expires_at and now < facts.window_expires_at):
        return None
    closed = facts.window_expires_at.isoformat() if facts.window_expires_at else None
    return Verdict("refuse", "window_closed", counters={"window_expired_at": closed})


def _human_pause(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.source not in AUTOMATIC or facts.paused_until is None or now >= facts.paused_until:
        return None
    verdict: Literal["defer", "refuse"] = "defer" if candidate.template else "refuse"
    return Verdict(verdict, "human_pause", facts.paused_until, {"paused_until": facts.paused_until.isoformat()})


def _human_pause_refuses(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    verdict = _human_pause(candidate, facts, limits, now)
    return verdict if verdict and verdict.verdict == "refuse" else None


def _notice_repeated(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.category != "utility" or not candidate.event_key:
        return None
    same = [sent.at for sent in facts.sent if sent.event_key == candidate.event_key and now - sent.at < limits.notice_gap]
    return Verdict("refuse", "notice_repeated", max(same) + limits.notice_gap, {"last": max(same).isoformat()}) if same else None


def _template_24h(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if not candidate.template or facts.marketing_opt_in_at is not None:
        return None
    recent = [sent.at for sent in facts.sent if sent.template and now - sent.at < DAY]
    return Verdict("defer", "template_24h", max(recent) + DAY, {"templates_24h": len(recent), "limit": 1}) if recent else None


def _same_content(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    same = sorted(sent.at for sent in facts.sent if sent.content_hash == candidate.content_hash and now - sent.at < MONTH)
    if len(same) < limits.same_content:
        return None
    until = same[-limits.same_content] + MONTH
    return Verdict("defer", "same_content", until, {"same_content_30d": len(same), "limit": limits.same_content})


def _promotion_weekly(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.category != "marketing":
        return None
    recent = [sent.at for sent in facts.sent if sent.category == "marketing" and now - sent.at < WEEK]
    return Verdict("defer", "promotion_weekly", max(recent) + WEEK, {"promotions_7d": len(recent), "limit": 1}) if recent else None


def _quiet_hours(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if candidate.source not in AUTOMATIC or not candidate.template or limits.quiet_from is None or limits.quiet_to is None:
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


def _daily_cap(candidate: Candidate, facts: Facts, limits: Limits, now: datetime) -> Verdict | None:
    if facts.used_today < limits.daily_cap:
        return None
    return Verdict("defer", "daily_cap", next_business_day(now, limits.time_zone), {"today": facts.used_today, "cap": limits.daily_cap})


def next_business_day(now: datetime, time_zone: str) -> datetime:
    """Midnight on the wall where the account lives, also across a change of summer time."""
    zone = zoneinfo.ZoneInfo(time_zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(0), tzinfo=zone).astimezone(now.tzinfo)


REFUSALS: tuple[Rule, ...] = (_opted_out, _marketing_opted_out, _window_closed, _human_pause_refuses, _notice_repeated)
WAITS: tuple[Rule, ...] = (_human_pause, _template_24h, _same_content, _promotion_weekly, _quiet_hours, _daily_cap)
