"""What became of a campaign: how many it reached, in what way, and why not the others. Read from the rows, never counted beside them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.db.models import Count, F, Min
from django.db.models.functions import Coalesce

from scrm.campaigns.models import Campaign, Recipient
from scrm.conversations.states import GONE_OUT, OPEN

# Several who look at a large campaign while it runs have it counted once.
LARGE, FRESH_SECONDS = 5_000, 3
# The more there are to count, the longer one count is good: a million for some two minutes.
COUNTED_A_SECOND = 8_000


@dataclass(slots=True)
class Figures:
    """People. `sent`: taken by the platform, of them `delivered` and of those `read`; `replied`: wrote to us since.

    `reasons`: of those left out, by rule or `Recipient.Reason`; `waits`: of those that wait, by rule, `until` when
    the first of them may go; `failures`: by the platform's code.
    """

    unchecked: int = 0
    waiting: int = 0
    on_their_way: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    replied: int = 0
    unknown: int = 0
    left_out: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    until: dict[str, datetime] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)


def of(campaign: Campaign) -> Figures:
    if campaign.people < LARGE:
        return _counted(campaign)
    key = f"campaign-figures:{campaign.pk}:{campaign.state}"
    found: Figures | None = cache.get(key)
    if found is None:
        found = _counted(campaign)
        cache.set(key, found, max(FRESH_SECONDS, campaign.people // COUNTED_A_SECOND))
    return found


def _counted(campaign: Campaign) -> Figures:
    found = Figures()
    groups = campaign.recipients.order_by().values_list("state", "reason", "message__state", "message__error_code")
    for state, reason, of_message, code, people, until in groups.annotate(people=Count("pk"), until_=Min("until")):
        if until is not None and state != Recipient.State.LEFT_OUT:
            found.until[reason] = min(until, found.until.get(reason, until))
        if state == Recipient.State.LEFT_OUT:
            found.left_out += people
            found.reasons[reason] += people
        elif state == Recipient.State.FOUND:
            found.unchecked += people
        elif state == Recipient.State.WAITING:
            found.waiting += people
            if reason:
                found.waits[reason] += people
        else:
            _add_message(found, of_message or "", reason, code or "", people)
    if found.sent:
        heard = Coalesce(F("contact__merged_into__last_inbound_at"), F("contact__last_inbound_at"))
        found.replied = campaign.recipients.filter(message__state__in=GONE_OUT).filter(message__accepted_at__lt=heard).count()
    return found


def _add_message(found: Figures, state: str, waits_for: str, code: str, people: int) -> None:
    if state in OPEN:
        found.on_their_way += people
        if waits_for:
            found.waits[waits_for] += people
    elif state in GONE_OUT or not state:
        # A message that is no longer kept had left long ago.
        found.sent += people
        found.delivered += people if state in {"delivered", "read"} else 0
        found.read += people if state == "read" else 0
    elif state == "unknown":
        found.unknown += people
    elif state == "blocked":
        found.left_out += people
        found.reasons[code] += people
    else:
        found.failed += people
        found.failures[code or state] += people
