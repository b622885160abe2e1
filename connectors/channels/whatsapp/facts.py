"""What the platform says of a number and its account, in our words: quality, messaging limit, speed, coexistence.

The same names whether a probe asked or a webhook told:
    quality          "GREEN" | "YELLOW" | "RED" | "UNKNOWN"
    messaging_limit  people outside a window in a moving 24 h, over all numbers of the portfolio; -1: unlimited
    throughput       "STANDARD" (80/s) | "HIGH" (1,000/s)
    coexistence      True when the phone app uses the number, too (20/s)
A fact that is not told is left out, so it never overwrites what is known.
"""

from __future__ import annotations

import re
from typing import Any

from connectors.untrusted import Json, as_object, as_text

UNLIMITED = -1

_QUALITY = {
    "GREEN": "GREEN",
    "HIGH": "GREEN",
    "YELLOW": "YELLOW",
    "MEDIUM": "YELLOW",
    "RED": "RED",
    "LOW": "RED",
    "UNKNOWN": "UNKNOWN",
    "NA": "UNKNOWN",
}
# What the older events of a number's quality mean: flagged is low, unflagged is medium at least.
_QUALITY_EVENTS = {"FLAGGED": "RED", "UNFLAGGED": "YELLOW"}
_LIMIT = re.compile(r"(?:TIER_)?(\d+)(K|M)?")
_UNIT = {None: 1, "K": 1_000, "M": 1_000_000}


def quality_of(value: Any) -> str | None:
    """GREEN, YELLOW, RED or UNKNOWN; None when nothing is told. Also reads the wordings HIGH, MEDIUM, LOW."""
    word = as_text(value).strip().upper()
    return _QUALITY.get(word, "UNKNOWN") if word else None


def limit_of(value: Any) -> int | None:
    """The messaging limit from TIER_250, TIER_2K, TIER_UNLIMITED, 1000, "-1"; None when nothing usable is told."""
    word = as_text(value).strip().upper()
    if word in {"TIER_UNLIMITED", "UNLIMITED", "-1"}:
        return UNLIMITED
    found = _LIMIT.fullmatch(word)
    return int(found[1]) * _UNIT[found[2]] if found and len(found[1]) < 10 else None


def throughput_of(value: Any) -> str | None:
    """STANDARD or HIGH, from a word or {"level": word}."""
    word = (as_text(as_object(value).get("level")) or as_text(value)).strip().upper()
    return word if word in {"STANDARD", "HIGH"} else None


def facts_of_number(number: Json) -> Json:
    """The facts in the answer of GET /{phone}."""
    limit = number.get("whatsapp_business_manager_messaging_limit", number.get("messaging_limit_tier"))
    facts = {
        "quality": quality_of(number.get("quality_rating")),
        "messaging_limit": limit_of(limit),
        "throughput": throughput_of(number.get("throughput")),
        "coexistence": number.get("is_on_biz_app") if isinstance(number.get("is_on_biz_app"), bool) else None,
    }
    return _told(facts)


def facts_of_notice(field: str, told: Json) -> Json:
    """The facts in a webhook's value; empty for fields that tell none."""
    if field == "phone_number_quality_update":
        return _told(_of_quality_update(told))
    if field == "business_capability_update":
        return _told({"messaging_limit": _daily_limit(told)})
    if field == "account_update" and as_text(told.get("event")).upper() == "ACCOUNT_OFFBOARDED":
        return {"coexistence": False}
    return {"coexistence": True} if field in {"smb_app_state_sync", "history"} else {}


def _of_quality_update(told: Json) -> Json:
    event = as_text(told.get("event")).upper()
    return {
        "quality": quality_of(told.get("quality_rating") or told.get("new_quality_score")) or _QUALITY_EVENTS.get(event),
        "messaging_limit": _daily_limit(told),
        "throughput": "HIGH" if event == "THROUGHPUT_UPGRADE" else throughput_of(told.get("throughput")),
    }


def _daily_limit(told: Json) -> int | None:
    """The limit under its present name, or under one of the two that older webhooks use."""
    names = ("max_daily_conversations_per_business", "max_daily_conversation_per_phone", "current_limit")
    return next((limit for limit in (limit_of(told.get(name)) for name in names) if limit is not None), None)


def _told(facts: Json) -> Json:
    return {name: value for name, value in facts.items() if value is not None}
