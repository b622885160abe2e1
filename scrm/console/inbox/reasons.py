"""What the law's verdicts mean to an agent: each rule in a sentence, each counter with its name, the next allowed moment.

Rules and counters are those of `conversations/policy.py`. One without a sentence here shows its own name, spelled as words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scrm.connections.sentences import worded
from scrm.console.templatetags.console import moment
from scrm.conversations.policy import Verdict

RULES: dict[str, str | Promise] = {
    "cause_withdrawn": _("The rule or campaign that wanted this message was switched off."),
    "cause_paused": _("The campaign that wants this message is paused."),
    "held_elsewhere": _("Another agent of the platform holds this chat: only a person takes it back."),
    "opted_out": _("The customer asked for no more messages."),
    "marketing_opted_out": _("The customer declined promotions."),
    "unreachable": _("The platform says that nothing arrives at this address."),
    "window_closed": _("More than 24 hours since the customer's last message: only a template may go."),
    "template_unusable": _("The platform rejected, disabled or deleted this template."),
    "template_paused": _("The platform paused this template, or still reviews it."),
    "human_pause": _("An agent stepped in: automation is silent here."),
    "notice_repeated": _("The same notice went out a short while ago."),
    "template_24h": _("One template in 24 hours to a customer who has not opted in."),
    "same_content": _("The same content went to this customer 5 times in 30 days."),
    "promotion_weekly": _("One promotion a week."),
    "promotion_slot": _("Automatic promotions go out on one weekday only."),
    "promotions_stopped": _("Promotions of this number are stopped until its quality is better."),
    "marketing_wait": _("The platform asked for a pause in promotions to this customer."),
    "pair_wait": _("The platform asked for a pause in messages to this customer."),
    "pair_rate": _("Too many messages to one customer within seconds."),
    "quiet_hours": _("Quiet hours of this number."),
    "messaging_limit": _("The platform's limit of people whom the business may speak to first in 24 hours is reached."),
    "warm_up": _("A new number may speak to few people first; its plan for today is used up."),
    "monthly_quota": _("The messages of the month are used up."),
    "daily_cap": _("This number's messages of the day are used up."),
}

COUNTERS: dict[str, str | Promise] = {
    "templates_24h": _("templates to this customer in 24 hours"),
    "promotions_7d": _("promotions to this customer in 7 days"),
    "same_content_30d": _("times the same content in 30 days"),
    "today": _("messages of this number today"),
    "this_month": _("messages this month"),
    "spoken_first_24h": _("people spoken to first in 24 hours"),
    "recent": _("messages to this customer just now"),
    "seconds": _("seconds for each message"),
    "borrowed": _("that may go ahead of their time"),
    "opted_out_at": _("said so"),
    "window_expired_at": _("the window closed"),
    "paused_until": _("automation is silent until"),
    "last": _("the last one"),
    "quiet": _("quiet"),
    "weekday": _("on"),
    "from": _("from"),
    "reason": _("reason"),
    "code": _("the platform's code"),
    "then": _("after that"),
}


# What bounds a counter stands beside it.
BOUNDS = {"today": ("cap", "limit"), "spoken_first_24h": ("messaging_limit", "limit")}


def rule_sentence(rule: str) -> str:
    """What a rule of the law means to an agent."""
    return str(RULES.get(rule, rule.replace("_", " "))) if rule else gettext("Not allowed now.")


def counter_words(counters: Any) -> list[str]:
    """The values that decided, one line each, such as 'messages of this number today: 812 of at most 1,000'. What is empty is left out."""
    if not isinstance(counters, Mapping):
        return []
    given = {str(name): value for name, value in counters.items() if value not in (None, "")}
    bounds = {name: bound for name in given if (bound := _bound(name, given))}
    return [_line(name, value, given.get(bounds.get(name, ""))) for name, value in given.items() if name not in bounds.values()]


def _bound(name: str, given: Mapping[str, Any]) -> str:
    """The name of what bounds this counter, among those given."""
    if name in {"cap", "limit", "messaging_limit"} or not isinstance(given[name], int):
        return ""
    return next((bound for bound in BOUNDS.get(name, ("limit",) if _counts(name) else ()) if bound in given), "")


def _counts(name: str) -> bool:
    return name in {"templates_24h", "promotions_7d", "same_content_30d", "this_month"}


def _line(name: str, value: Any, bound: Any = None) -> str:
    words = {"what": str(COUNTERS.get(name, name.replace("_", " "))), "value": _value(name, value)}
    if bound is None:
        return gettext("%(what)s: %(value)s") % words
    return gettext("%(what)s: %(value)s of at most %(bound)s") % {**words, "bound": _value("", bound)}


def _value(name: str, value: Any) -> str:
    special: dict[str, Callable[[Any], str]] = {
        "weekday": _weekday,
        "then": lambda rule: rule_sentence(str(rule)),
        "reason": lambda reason: worded(str(reason)),
    }
    if name in special:
        return special[name](value)
    at = _moment(value)
    return at or (f"{value:,}" if isinstance(value, int) else str(value))


def _weekday(value: Any) -> str:
    return str(WEEKDAYS.get(value, value))


def _moment(value: Any) -> str:
    try:
        at: datetime | None = parse_datetime(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return ""
    return moment(at) if at is not None and at.tzinfo else ""


def verdict_words(said: Verdict) -> str:
    """The answer to 'may I send now?' in one line."""
    if said.allowed:
        return gettext("May go now.")
    words = rule_sentence(said.rule)
    return gettext("Next allowed: %(time)s. %(because)s") % {"time": moment(said.until), "because": words} if said.until else words
