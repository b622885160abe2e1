"""The tag rules in force, as one matcher a process, rebuilt when a rule changes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Sum

from scrm.tags.keywords import Hit, KeywordRule, Matcher
from scrm.tags.models import TagRule

# How long a worker may go on with rules that were changed elsewhere: the price of one small query a second.
RECHECK_SECONDS = 1.0


def lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def keyword_rule(rule: TagRule) -> KeywordRule:
    return KeywordRule(rule.pk or 0, lines(rule.keywords), lines(rule.exceptions), rule.heeds_negation)


@dataclass(frozen=True)
class RuleSet:
    """Enabled rules by id with their matcher."""

    rules: dict[int, TagRule]
    matcher: Matcher

    def first_hits(self, text: str) -> list[tuple[TagRule, Hit]]:
        """The first hit that counts of each rule."""
        first: dict[int, Hit] = {}
        for hit in self.matcher.hits(text):
            first.setdefault(int(hit.key), hit)
        return [(self.rules[key], hit) for key, hit in first.items()]

    def tags_of(self, text: str) -> dict[str, str]:
        """Slugs of the tags that `text` earns, each with the words that earn it."""
        return {rule.tag.slug: hit.matched for rule, hit in reversed(self.first_hits(text))}


_checked_at = float("-inf")
_fingerprint: Any = None
_current = RuleSet({}, Matcher([]))


def current() -> RuleSet:
    """The rules as of at most `RECHECK_SECONDS` ago."""
    global _checked_at, _fingerprint, _current
    mono = time.monotonic()
    if mono - _checked_at < getattr(settings, "RULES_RECHECK_SECONDS", RECHECK_SECONDS):
        return _current
    found = TagRule.objects.aggregate(Max("updated_at"), Count("pk"), Sum("version"), Max("tag__pk"))
    if found != _fingerprint:
        rules = {rule.pk: rule for rule in TagRule.objects.filter(enabled=True).select_related("tag").order_by("pk")}
        _current = RuleSet(rules, Matcher([keyword_rule(rule) for rule in rules.values()]))
        _fingerprint = found
    _checked_at = mono
    return _current


def forget() -> None:
    """Look at the rules again at the next use in this process."""
    global _checked_at
    _checked_at = float("-inf")
