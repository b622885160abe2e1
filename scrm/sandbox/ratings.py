"""What the platform says of a number: its quality, its portfolio's messaging limit, its speed. Each change goes out as its webhook.

The limit belongs to the portfolio, so a change reaches every number of it, each by the notice of its own business account. Of quality
the platform tells only that a number was flagged (RED) or no longer is; between GREEN and YELLOW it sends nothing, and whoever wants to
know asks for the number. Of speed it tells the upgrade alone. A number with 20 messages a second or fewer is one that its owner uses in
the phone app as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import transaction

from scrm.sandbox.models import Number, PendingUpdate
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pending

QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
TIERS = ("TIER_250", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED")
NO_LIMIT = "TIER_UNLIMITED"
STANDARD_SPEED, WITH_PHONE_APP = 80, 20
# As many as the platform allows a verified business.
PHONES_OF_AN_ACCOUNT = 20
_TIER = re.compile(r"TIER_(\d{1,9})(K?)")


def people_of(tier: str) -> int | None:
    """People a day: 2,000 for TIER_2K, any number for tests (TIER_40); None for no limit. ValueError for another word."""
    if tier == NO_LIMIT:
        return None
    found = _TIER.fullmatch(tier)
    if found is None:
        raise ValueError(f"no such tier: {tier}")
    return int(found[1]) * (1000 if found[2] else 1)


def change_quality(number: Number, quality: str) -> None:
    if quality not in QUALITIES:
        raise ValueError(f"no such quality: {quality}")
    before = number.quality_rating
    with transaction.atomic(using=ALIAS):
        number.quality_rating = quality
        number.save(update_fields=["quality_rating"])
        if (before == "RED") != (quality == "RED"):
            _tell_quality(number, "FLAGGED" if quality == "RED" else "UNFLAGGED")


def change_tier(number: Number, tier: str) -> None:
    people = people_of(tier)
    value = {
        "max_daily_conversations_per_business": -1 if people is None else people,
        "max_phone_numbers_per_waba": PHONES_OF_AN_ACCOUNT,
    }
    with transaction.atomic(using=ALIAS):
        portfolio = list(Number.objects.filter(portfolio_id=number.portfolio_id))
        Number.objects.filter(portfolio_id=number.portfolio_id).update(messaging_tier=tier)
        PendingUpdate.objects.bulk_create(_notice(each, "business_capability_update", value, tier) for each in portfolio)
    number.messaging_tier = tier


def change_throughput(number: Number, per_second: int) -> None:
    if isinstance(per_second, bool) or not isinstance(per_second, int) or per_second < 1:
        raise ValueError("throughput is a number of messages a second")
    upgraded = per_second > STANDARD_SPEED >= number.throughput
    with transaction.atomic(using=ALIAS):
        number.throughput = per_second
        number.save(update_fields=["throughput"])
        if upgraded:
            _tell_quality(number, "THROUGHPUT_UPGRADE")


def change(number: Number, name: str, value: Any) -> None:
    """One of quality_rating, messaging_tier, throughput and webhook_url."""
    changes: dict[str, Callable[[Number, Any], None]] = {
        "quality_rating": change_quality,
        "messaging_tier": change_tier,
        "throughput": change_throughput,
    }
    if name in changes:
        changes[name](number, value)
        return
    if name != "webhook_url":
        raise ValueError(f"no such setting: {name}")
    number.webhook_url = value
    number.save(update_fields=["webhook_url"])


def _tell_quality(number: Number, event: str) -> None:
    value = {
        "display_phone_number": number.digits,
        "event": event,
        "max_daily_conversations_per_business": number.messaging_tier,
    }
    PendingUpdate.objects.bulk_create([_notice(number, "phone_number_quality_update", value, event)])


def _notice(number: Number, field: str, value: dict[str, Any], what: str) -> PendingUpdate:
    return pending(number, value, [(number.phone_number_id, what)], field=field)
