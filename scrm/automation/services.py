"""Writing rules."""

from __future__ import annotations

from django.db import transaction

from scrm.automation.models import Rule

# A change of these makes it another rule for those who ask later why it acted.
_MEANING = ("trigger", "conditions", "action", "options", "settle_seconds", "enabled", "order", "stop_processing")


@transaction.atomic
def save_rule(rule: Rule) -> Rule:
    """Save; a change of what the rule does begins a new version, counted from the stored one."""
    if rule.pk:
        stored = Rule.objects.select_for_update().get(pk=rule.pk)
        changed = any(getattr(stored, name) != getattr(rule, name) for name in _MEANING)
        rule.version = stored.version + 1 if changed else stored.version
    rule.save()
    return rule
