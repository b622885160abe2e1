"""Versions of the rules: drafts, their effect, publishing one and going back to another. Nothing changes unless a person publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT
from scrm.contacts.models import MatchRules
from scrm.core import clock


@dataclass(frozen=True, slots=True)
class Rules:
    """What comparing needs of a version. Version 0: as delivered."""

    version: int
    settings: Settings
    weights: Mapping[str, float]


AS_DELIVERED = Rules(0, Settings(), DEFAULT)


def rules_of(row: MatchRules) -> Rules:
    """Evidence that a version does not weigh, because it is younger, weighs what it does as delivered."""
    return Rules(row.version, Settings.read(row.settings), {**DEFAULT, **row.weights})


def in_force() -> Rules:
    row = MatchRules.objects.filter(state=MatchRules.State.PUBLISHED).first()
    return rules_of(row) if row else AS_DELIVERED


def draft(*, by: str, settings: Settings | None = None, weights: Mapping[str, float] | None = None, note: str = "") -> MatchRules:
    """A new version that changes nothing yet, from the one in force where nothing is given."""
    current = in_force()
    chosen = settings or current.settings
    check(chosen)
    with transaction.atomic():
        newest = MatchRules.objects.aggregate(newest=Max("version"))["newest"] or 0
        return MatchRules.objects.create(
            version=newest + 1,
            settings=chosen.as_json(),
            weights=dict(current.weights if weights is None else weights),
            note=note[:300],
            created_by=by[:150],
            created_at=clock.now(),
        )


def check(settings: Settings) -> None:
    from scrm.contacts.matching.words import problem

    found = settings.problems()
    if found:
        raise ValidationError({name: problem(code) for name, code in found.items()})


def publish(rules: MatchRules, *, by: str) -> MatchRules:
    """Put a version in force, a draft or an earlier one; the one before is kept and can be published again."""
    with transaction.atomic():
        row = MatchRules.objects.select_for_update().get(pk=rules.pk)
        if row.state == MatchRules.State.PUBLISHED:
            raise ValidationError(_("This version is in force already."))
        check(Settings.read(row.settings))
        MatchRules.objects.filter(state=MatchRules.State.PUBLISHED).update(state=MatchRules.State.RETIRED)
        row.state, row.published_by, row.published_at = MatchRules.State.PUBLISHED, by[:150], clock.now()
        row.save(update_fields=["state", "published_by", "published_at"])
    return row


def readable(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """What counts most first."""
    return sorted(weights.items(), key=lambda pair: -abs(pair[1]))


def as_text(rules: Rules) -> dict[str, Any]:
    return {"version": rules.version, **rules.settings.as_json()}
