"""The rules that come with the product."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scrm.automation.models import Rule

# Settled for one second only: the customer is waiting, and the tag comes from the message's own words.
_SETTLE_SECONDS = 1

RULES: dict[str, dict[str, Any]] = {
    "Human please": {
        "trigger": "message.received",
        "conditions": {"term": "message.tag", "op": "is", "value": "human-please"},
        "action": "hand_to_person",
        "options": {"announce": True},
        "order": 10,
    },
    "Order status": {
        "trigger": "message.received",
        "conditions": {"term": "message.tag", "op": "is", "value": "order-status"},
        "action": "order_status",
        "options": {},
        "order": 20,
    },
}


@transaction.atomic
def install() -> int:
    """Create the rules that are missing, switched on, and return how many are new. What exists is left as people edited it."""
    new = 0
    for name, fields in RULES.items():
        _, created = Rule.objects.get_or_create(name=name, defaults={**fields, "enabled": True, "settle_seconds": _SETTLE_SECONDS})
        new += created
    return new
