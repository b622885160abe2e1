"""Writing rules."""

from __future__ import annotations

from django.db import transaction

from scrm.automation.models import Rule
from scrm.conversations.causes import Standing

# A change of these makes it another rule for those who ask later why it acted.
_MEANING = ("trigger", "conditions", "action", "options", "settle_seconds", "enabled", "order", "stop_processing")


def withdrawn(causes: set[str]) -> dict[str, Standing]:
    """Which of these causes ("rule:12:v3") are rules that were switched off or deleted since."""
    numbers = {cause: cause.split(":")[1] for cause in causes}
    standing = Rule.objects.filter(pk__in=[pk for pk in numbers.values() if pk.isdigit()], enabled=True).values_list("pk", flat=True)
    live = {str(pk) for pk in standing}
    off = Standing("withdrawn", "The automation rule was switched off")
    return {cause: off for cause, pk in numbers.items() if pk not in live}


@transaction.atomic
def save_rule(rule: Rule) -> Rule:
    """Save; a change of what the rule does begins a new version, counted from the stored one."""
    if rule.pk:
        stored = Rule.objects.select_for_update().get(pk=rule.pk)
        changed = any(getattr(stored, name) != getattr(rule, name) for name in _MEANING)
        rule.version = stored.version + 1 if changed else stored.version
    rule.save()
    return rule
