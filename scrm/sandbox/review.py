"""What the platform does with templates by itself: reviews them, pauses, flags or disables them, rates them, files them elsewhere.

Each change goes out as the webhook that the platform sends for it. `REJECT_MARK` in a name makes the reviewers say no.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from scrm.sandbox.models import MessageTemplate, PendingUpdate
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pending

REVIEW_SECONDS = 3.0
REJECT_MARK = "reject"
STATUSES = ("PENDING", "APPROVED", "REJECTED", "PAUSED", "FLAGGED", "DISABLED")
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
# A few words by which utility templates are filed as marketing when the business allows it.
_OFFER = re.compile(r"\b(discount|coupon|sale|% off)\b|割引|クーポン|優惠|折扣|优惠", re.IGNORECASE)


def verdict_on(name: str) -> tuple[str, str]:
    """(status, reason) at the end of the review."""
    return ("REJECTED", "TAG_CONTENT_MISMATCH") if REJECT_MARK in name else ("APPROVED", "")


def sounds_like_an_offer(components: Iterable[dict[str, Any]]) -> bool:
    return any(_OFFER.search(str(component.get("text", ""))) for component in components)


def start_review(template: MessageTemplate, *, seconds: float = REVIEW_SECONDS) -> None:
    """PENDING now; the verdict and its webhook when the time is over. The caller's transaction."""
    template.status, template.approve_at = "PENDING", time.time() + seconds
    template.verdict, template.reason = verdict_on(template.name)
    template.save(update_fields=["status", "approve_at", "verdict", "reason"])
    PendingUpdate.objects.bulk_create([_status_update(template, template.verdict, template.reason or "NONE", after=seconds)])


def change_status(template: MessageTemplate, status: str, reason: str = "") -> None:
    """As the platform would: the new status and its webhook. A template that may be sent again is REINSTATED."""
    event = "REINSTATED" if status == "APPROVED" and template.current_status in {"PAUSED", "FLAGGED", "DISABLED"} else status
    with transaction.atomic(using=ALIAS):
        template.status, template.approve_at, template.reason = status, None, reason
        template.save(update_fields=["status", "approve_at", "reason"])
        PendingUpdate.objects.bulk_create([_status_update(template, event, reason or "NONE")])


def _status_update(template: MessageTemplate, event: str, reason: str, *, after: float = 0.0) -> PendingUpdate:
    value: dict[str, Any] = {"event": event, **_named(template), "reason": reason}
    if event == "PAUSED":
        value["other_info"] = {"title": "FIRST_PAUSE", "description": "Paused for three hours: people reported or blocked it."}
    if event == "REJECTED":
        value["rejection_info"] = {"reason": reason, "recommendation": "Say what the message is about and submit it again."}
    return _notice(template, "message_template_status_update", value, event, after=after)


def change_quality(template: MessageTemplate, quality: str) -> None:
    value = {"previous_quality_score": template.quality, "new_quality_score": quality, **_named(template)}
    with transaction.atomic(using=ALIAS):
        template.quality = quality
        template.save(update_fields=["quality"])
        PendingUpdate.objects.bulk_create([_notice(template, "message_template_quality_update", value, quality)])


def announce_category(template: MessageTemplate, category: str) -> None:
    """A day ahead: the category stays for now."""
    value = {**_named(template), "new_category": template.category, "correct_category": category}
    PendingUpdate.objects.bulk_create([_notice(template, "template_category_update", value, f"announced {category}")])


def change_category(template: MessageTemplate, category: str) -> None:
    value = {**_named(template), "previous_category": template.category, "new_category": category}
    with transaction.atomic(using=ALIAS):
        template.category = category
        template.save(update_fields=["category"])
        PendingUpdate.objects.bulk_create([_notice(template, "template_category_update", value, category)])


def apply(template: MessageTemplate, wanted: dict[str, Any]) -> None:
    """Any of status (with reason), quality, category, announce. ValueError for a word that the platform does not have."""
    for name, known in (("status", STATUSES), ("quality", QUALITIES), ("category", CATEGORIES), ("announce", CATEGORIES)):
        if wanted.get(name) and wanted[name] not in known:
            raise ValueError(f"no such {name}")
    if wanted.get("status"):
        change_status(template, wanted["status"], str(wanted.get("reason", ""))[:60])
    if wanted.get("quality"):
        change_quality(template, wanted["quality"])
    if wanted.get("announce"):
        announce_category(template, wanted["announce"])
    if wanted.get("category"):
        change_category(template, wanted["category"])


def _named(template: MessageTemplate) -> dict[str, Any]:
    return {
        "message_template_id": int(template.template_id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _notice(template: MessageTemplate, field: str, value: dict[str, Any], what: str, *, after: float = 0.0) -> PendingUpdate:
    return pending(template.number, value, [(template.template_id, what)], field=field, after=after)
